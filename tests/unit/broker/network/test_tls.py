"""Listeners that encrypt, with certificates made for the test."""

import asyncio
import ssl
import struct
from pathlib import Path

import pytest

from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.broker.network.listener import CannotListen, SocketServer
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol.buffers import Buffer
from tests.fakes.clock import FakeClock
from tests.support.certificates import PASSWORD, Identity, identity


@pytest.fixture(scope="module")
def broker() -> Identity:
    return identity("broker.test")


@pytest.fixture(scope="module")
def alice() -> Identity:
    return identity("alice")


async def echo(request: bytearray, _peer: Peer) -> list[Buffer]:
    return [bytes(request)]


def server(given: dict[str, str]) -> SocketServer:
    named = {
        "zookeeper.connect": "z",
        "listeners": "SSL://127.0.0.1:0",
        "security.inter.broker.protocol": "SSL",
    } | given
    return SocketServer(BrokerSettings(Property(name, text, 0) for name, text in named.items()), FakeClock(), Metrics())


async def asked(given: dict[str, str], client: ssl.SSLContext, question: bytes) -> bytes:
    """The response that a client gets from a broker with these settings."""
    listening = server(given)
    (endpoint,) = await listening.bind()
    await listening.serve(echo)
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", endpoint.port, ssl=client, server_hostname="broker.test"
            )
            try:
                writer.write(struct.pack(">i", len(question)) + question)
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                return await reader.readexactly(size)
            finally:
                writer.close()
    finally:
        await listening.stop(grace=Seconds(0))


def trusting(certificate: str) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=certificate)


def key_store(of: Identity, folder: Path) -> dict[str, str]:
    path = folder / "keystore.pem"
    path.write_text(of.key + of.certificate)
    return {"ssl.keystore.location": str(path), "ssl.keystore.type": "PEM"}


async def test_a_key_store_of_pem_serves_tls(broker: Identity, tmp_path: Path) -> None:
    question = bytes(200_000)
    assert await asked(key_store(broker, tmp_path), trusting(broker.certificate), question) == question


async def test_key_and_certificates_may_stand_in_the_settings(broker: Identity) -> None:
    given = {
        "listener.name.ssl.ssl.keystore.key": broker.encrypted_key,
        "listener.name.ssl.ssl.keystore.certificate.chain": broker.certificate,
        "listener.name.ssl.ssl.key.password": PASSWORD,
    }
    assert await asked(given, trusting(broker.certificate), b"hello") == b"hello"


def requiring(trusted: Identity, folder: Path) -> dict[str, str]:
    path = folder / "truststore.pem"
    path.write_text(trusted.certificate)
    return {"ssl.client.auth": "required", "ssl.truststore.location": str(path), "ssl.truststore.type": "PEM"}


async def test_a_client_with_a_trusted_certificate_is_let_in(broker: Identity, alice: Identity, tmp_path: Path) -> None:
    given = key_store(broker, tmp_path) | requiring(alice, tmp_path)
    client = trusting(broker.certificate)
    (tmp_path / "alice.pem").write_text(alice.key + alice.certificate)
    client.load_cert_chain(tmp_path / "alice.pem")
    assert await asked(given, client, b"hello") == b"hello"


async def test_a_client_without_one_is_not(broker: Identity, alice: Identity, tmp_path: Path) -> None:
    given = key_store(broker, tmp_path) | requiring(alice, tmp_path)
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await asked(given, trusting(broker.certificate), b"hello")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "ssl.keystore.location, or ssl.keystore.key and ssl.keystore.certificate.chain, must be set"),
        ({"ssl.keystore.location": "x.jks"}, "ssl.keystore.type must be PEM"),
        (
            {"ssl.keystore.location": "/nowhere.pem", "ssl.keystore.type": "PEM"},
            "ssl.keystore.location=/nowhere.pem cannot be read: No such file or directory",
        ),
        ({"ssl.keystore.key": "k", "ssl.keystore.certificate.chain": "c"}, "holds no usable key and certificate"),
        ({"ssl.enabled.protocols": "SSLv3"}, "ssl.enabled.protocols=SSLv3 holds none of TLSv1.2, TLSv1.3"),
        ({"ssl.cipher.suites": "NO_SUCH"}, "ssl.cipher.suites=NO_SUCH names no cipher"),
    ],
)
async def test_settings_without_a_usable_key_are_rejected(given: dict[str, str], words: str) -> None:
    with pytest.raises(CannotListen) as refusal:
        await server(given).bind()
    assert words in str(refusal.value)


async def test_client_certificates_need_something_to_check_them_against(broker: Identity, tmp_path: Path) -> None:
    given = key_store(broker, tmp_path) | {"ssl.client.auth": "required"}
    with pytest.raises(CannotListen, match=r"needs ssl\.truststore\.location or ssl\.truststore\.certificates"):
        await server(given).bind()
