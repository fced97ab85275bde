"""Listeners that encrypt, with certificates made for the test."""

import asyncio
import datetime
import ssl
import struct
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Answer, Peer
from pykafka_cli.broker.network.listener import CannotListen, SocketServer
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol.buffers import Buffer
from tests.fakes.clock import FakeClock
from tests.support.certificates import PASSWORD, Authority, Identity, identity, pem_store
from tests.support.polling import PATIENCE_S


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


async def asked(given: dict[str, str], client: ssl.SSLContext, question: bytes, serve: Answer = echo) -> bytes:
    """The response that a client gets from a broker with these settings."""
    listening = server(given)
    (endpoint,) = await listening.bind()
    await listening.serve(serve)
    try:
        async with asyncio.timeout(PATIENCE_S):
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


def trusting_clients(certificate: str, folder: Path, client_auth: str) -> dict[str, str]:
    path = folder / "authorities.pem"
    path.write_text(certificate)
    return {"ssl.client.auth": client_auth, "ssl.truststore.location": str(path), "ssl.truststore.type": "PEM"}


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


@pytest.mark.parametrize(
    ("version", "alert"),
    [(ssl.TLSVersion.TLSv1_2, "handshake failure"), (ssl.TLSVersion.TLSv1_3, "certificate required")],
)
async def test_a_client_without_one_is_not_and_is_told_so(
    version: ssl.TLSVersion, alert: str, broker: Identity, alice: Identity, tmp_path: Path
) -> None:
    given = key_store(broker, tmp_path) | requiring(alice, tmp_path)
    client = trusting(broker.certificate)
    client.maximum_version = version
    with pytest.raises(ssl.SSLError, match=alert):
        await asked(given, client, b"hello")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "ssl.keystore.location, or ssl.keystore.key and ssl.keystore.certificate.chain, must be set"),
        ({"ssl.keystore.location": "x.jks"}, "x.jks: no such file or directory"),
        (
            {"ssl.keystore.location": "/nowhere.pem", "ssl.keystore.type": "PEM"},
            "/nowhere.pem: no such file or directory",
        ),
        ({"ssl.keystore.key": "k", "ssl.keystore.certificate.chain": "c"}, "Failed to load the SSL keystore"),
        (
            {"ssl.enabled.protocols": "SSLv3"},
            "Invalid value SSLv3 for configuration ssl.enabled.protocols: supported are TLSv1.2, TLSv1.3",
        ),
        ({"ssl.cipher.suites": "NO_SUCH"}, "Unsupported CipherSuite: NO_SUCH"),
    ],
)
async def test_settings_without_a_usable_key_are_rejected(given: dict[str, str], words: str) -> None:
    with pytest.raises(CannotListen) as refusal:
        await server(given).bind()
    assert words in str(refusal.value)


async def test_a_key_store_of_pkcs12_serves_tls(broker: Identity, tmp_path: Path) -> None:
    path = tmp_path / "keystore.p12"
    key = serialization.load_pem_private_key(broker.key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(broker.certificate.encode())
    protection = serialization.BestAvailableEncryption(PASSWORD.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"broker", key, certificate, None, protection))
    given = {"ssl.keystore.location": str(path), "ssl.keystore.type": "PKCS12", "ssl.keystore.password": PASSWORD}

    assert await asked(given, trusting(broker.certificate), b"hello") == b"hello"


async def name_of(given: dict[str, str], client: ssl.SSLContext) -> str:
    """Whom the broker takes a client for."""

    async def who(_request: bytearray, peer: Peer) -> list[Buffer]:
        return [peer.principal.encode()]

    return (await asked(given, client, b"?", who)).decode()


@pytest.mark.parametrize(
    ("rules", "principal"),
    [
        ({}, "User:CN=Alice,OU=Ops"),
        ({"ssl.principal.mapping.rules": "RULE:^CN=(.*?),.*$/$1/L"}, "User:alice"),
        ({"listener.name.ssl.ssl.principal.mapping.rules": "RULE:^CN=(.*?),.*$/$1/U"}, "User:ALICE"),
    ],
)
@pytest.mark.parametrize("client_auth", ["required", "requested"])
async def test_a_certificate_names_its_client(
    rules: dict[str, str], principal: str, client_auth: str, broker: Identity, tmp_path: Path
) -> None:
    authority = Authority()
    given = key_store(broker, tmp_path) | trusting_clients(authority.certificate, tmp_path, client_auth) | rules
    client = trusting(broker.certificate)
    client.load_cert_chain(pem_store(tmp_path / "alice.pem", authority.identity("CN=Alice,OU=Ops")))

    assert await name_of(given, client) == principal


async def test_who_shows_no_certificate_where_one_is_only_requested_is_nobody(broker: Identity, tmp_path: Path) -> None:
    given = key_store(broker, tmp_path) | trusting_clients(Authority().certificate, tmp_path, "requested")

    assert await name_of(given, trusting(broker.certificate)) == "User:ANONYMOUS"


async def refused(given: dict[str, str], client: ssl.SSLContext) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await asked(given, client, b"hello")


@pytest.mark.parametrize("client_auth", ["required", "requested"])
async def test_a_certificate_that_nobody_vouches_for_or_that_has_expired_is_rejected(
    client_auth: str, broker: Identity, tmp_path: Path
) -> None:
    authority = Authority()
    given = key_store(broker, tmp_path) | trusting_clients(authority.certificate, tmp_path, client_auth)
    stranger = Authority("another").identity("CN=alice")
    expired = authority.identity("CN=alice", lasts=-datetime.timedelta(days=1))

    for its in (stranger, expired):
        client = trusting(broker.certificate)
        client.load_cert_chain(pem_store(tmp_path / "client.pem", its))
        await refused(given, client)


async def test_a_certificate_that_no_rule_applies_to_is_rejected(broker: Identity, tmp_path: Path) -> None:
    authority = Authority()
    given = key_store(broker, tmp_path) | trusting_clients(authority.certificate, tmp_path, "required")
    client = trusting(broker.certificate)
    client.load_cert_chain(pem_store(tmp_path / "client.pem", authority.identity("CN=alice")))

    await refused(given | {"ssl.principal.mapping.rules": "RULE:^CN=bob$/bob/"}, client)


async def test_only_the_versions_that_are_enabled_are_spoken(broker: Identity, tmp_path: Path) -> None:
    given = key_store(broker, tmp_path) | {"ssl.enabled.protocols": "TLSv1.3"}
    client = trusting(broker.certificate)
    client.maximum_version = ssl.TLSVersion.TLSv1_2

    await refused(given, client)


async def test_rules_that_cannot_be_read_keep_the_listener_closed(broker: Identity, tmp_path: Path) -> None:
    given = key_store(broker, tmp_path) | trusting_clients(Authority().certificate, tmp_path, "required")
    with pytest.raises(CannotListen, match="Invalid rule: RULES"):
        await server(given | {"ssl.principal.mapping.rules": "RULES"}).bind()


async def test_client_certificates_need_something_to_check_them_against(broker: Identity, tmp_path: Path) -> None:
    given = key_store(broker, tmp_path) | {"ssl.client.auth": "required"}
    with pytest.raises(CannotListen, match=r"needs ssl\.truststore\.location or ssl\.truststore\.certificates"):
        await server(given).bind()
