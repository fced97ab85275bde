"""Who cannot log in costs little and disturbs nobody who can, however often and in whatever way it tries."""

import asyncio
import os
import struct
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pykafka_cli.broker.network.memory import SMALL_BYTES, UNDER_WAY_BYTES
from pykafka_cli.protocol.api_keys import ApiKey
from tests.support.broker_processes import PkBroker
from tests.support.certificates import Authority, pem_store
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"
FAILING_LOGINS = 3000
AT_ONCE = 200
MOST_BYTES = 524_288  # sasl.server.max.receive.size
GROWTH_KB = (2 * UNDER_WAY_BYTES + AT_ONCE * SMALL_BYTES + 8 * MOST_BYTES) // 1024
"""What the broker may hold of clients that have not logged in: requests under way, each of which may have been doubled
when together they reach the limit; small ones; and copies of the token that is being checked."""


@dataclass
class Guarded:
    """Our broker, with a listener for passwords and one with TLS."""

    broker: PkBroker
    login: int
    tls: int

    def memory_kb(self, name: str) -> int:
        assert self.broker.process is not None
        lines = Path(f"/proc/{self.broker.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder, (inside, login, tls) = tmp_path_factory.mktemp("attacked"), (free_port() for _ in range(3))
    store = pem_store(folder / "broker.pem", Authority().identity("CN=broker"))
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{inside},SASL_PLAINTEXT://127.0.0.1:{login},SSL://127.0.0.1:{tls}",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "plain.sasl.jaas.config": f'{MODULE} user_alice="alice-secret";',
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
    }
    with pk_zookeeper(folder) as zookeeper:
        broker = PkBroker(0, folder, zookeeper.address, port=inside, settings=settings)
        broker.start()
        try:
            created = pk("topics", "--bootstrap-server", broker.bootstrap, "--create", "--topic", "seen")
            assert created.returncode == 0, created.stderr
            yield Guarded(broker, login, tls)
        finally:
            broker.stop()


def framed(api_key: int, version: int, body: bytes) -> bytes:
    header = struct.pack(">hhih", api_key, version, 1, -1)
    return struct.pack(">i", len(header) + len(body)) + header + body


def handshake(mechanism: str, version: int = 1) -> bytes:
    return framed(ApiKey.SASL_HANDSHAKE, version, struct.pack(">h", len(mechanism)) + mechanism.encode())


def token(text: bytes) -> bytes:
    return framed(ApiKey.SASL_AUTHENTICATE, 0, struct.pack(">i", len(text)) + text)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, frame: bytes) -> bytes:
        self.writer.write(frame)
        (size,) = struct.unpack(">i", await self.reader.readexactly(4))
        return await self.reader.readexactly(size)

    async def is_closed(self) -> bool:
        """Wait until the broker has closed it."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            return True
        return True

    def close(self) -> None:
        self.writer.close()


async def logged_in(port: int) -> Client:
    client = await Client.to(port)
    await client.ask(handshake("PLAIN"))
    assert (await client.ask(token(b"\0alice\0alice-secret")))[4:6] == b"\0\0"
    return client


async def while_others_are_served(guarded: Guarded, attack: Callable[[], Awaitable[None]]) -> None:
    """Somebody who has logged in, and somebody who logs in each time, are answered until the attack is over."""
    alice, under_way = await logged_in(guarded.login), asyncio.ensure_future(attack())
    before = guarded.memory_kb("VmRSS")
    served = 0
    while not under_way.done() or not served:
        async with asyncio.timeout(PATIENCE_S):
            assert await alice.ask(framed(ApiKey.METADATA, 1, struct.pack(">i", 0)))
            (await logged_in(guarded.login)).close()
        served += 1
    await under_way
    alice.close()
    assert guarded.memory_kb("VmRSS") - before < GROWTH_KB


async def several(number: int, one: Callable[[int], Awaitable[None]]) -> None:
    """So many of them, some at once."""
    at_once = asyncio.Semaphore(AT_ONCE)

    async def bounded(index: int) -> None:
        async with at_once:
            await one(index)

    async with asyncio.timeout(PATIENCE_S * 2):
        await asyncio.gather(*map(bounded, range(number)))


@pytest.mark.timeout(240)
async def test_thousands_of_failing_logins_learn_one_thing_and_keep_nobody_waiting(guarded: Guarded) -> None:
    learned: set[bytes] = set()

    async def guess(index: int) -> None:
        client = await Client.to(guarded.login)
        await client.ask(handshake("PLAIN"))
        user = b"alice" if index % 2 else b"user-%d" % index
        learned.add(await client.ask(token(b"\0%b\0guess-%d" % (user, index))))
        assert await client.is_closed()
        client.close()

    await while_others_are_served(guarded, lambda: several(FAILING_LOGINS, guess))

    assert len(learned) == 1
    assert b"Authentication failed: Invalid username or password" in learned.pop()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", [0, 1])
async def test_half_a_login_waits_for_itself_alone(version: int, guarded: Guarded) -> None:
    waiting: list[Client] = []

    async def begin(index: int) -> None:
        client = await Client.to(guarded.login)
        if index % 3:
            await client.ask(handshake("SCRAM-SHA-256", version))
        if index % 3 == 2:
            first = b"n,,n=user-%d,r=x" % index
            client.writer.write(token(first) if version else struct.pack(">i", len(first)) + first)
        waiting.append(client)

    await while_others_are_served(guarded, lambda: several(300, begin))

    for client in waiting:
        client.close()


@pytest.mark.timeout(240)
async def test_a_token_that_is_too_large_ends_its_connection(guarded: Guarded) -> None:
    async def send(index: int) -> None:
        client = await Client.to(guarded.login)
        await client.ask(handshake("PLAIN"))
        client.writer.write(struct.pack(">i", MOST_BYTES + 1 + index) + b"\0" * 1000)
        assert await client.is_closed()
        client.close()

    await while_others_are_served(guarded, lambda: several(300, send))


@pytest.mark.timeout(240)
async def test_tokens_that_are_just_small_enough_are_rejected(guarded: Guarded) -> None:
    async def send(_index: int) -> None:
        client = await Client.to(guarded.login)
        await client.ask(handshake("PLAIN"))
        assert b"Invalid username or password" in await client.ask(token(b"\0alice\0" + b"x" * (MOST_BYTES - 100)))
        client.close()

    await while_others_are_served(guarded, lambda: several(100, send))


async def test_no_other_mechanism_follows_one_that_was_chosen(guarded: Guarded) -> None:
    """Nor one that is not enabled, so that nobody in between can have a weaker one used."""
    client = await Client.to(guarded.login)
    await client.ask(handshake("SCRAM-SHA-256"))
    illegal = await client.ask(handshake("PLAIN"))
    other = await Client.to(guarded.login)
    unsupported = await other.ask(handshake("GSSAPI"))

    assert struct.unpack_from(">h", illegal, 4) == (34,)  # ILLEGAL_SASL_STATE
    assert struct.unpack_from(">h", unsupported, 4) == (33,)  # UNSUPPORTED_SASL_MECHANISM
    assert await client.is_closed()
    assert await other.is_closed()


@pytest.mark.timeout(240)
async def test_what_is_no_tls_ends_its_connection_and_half_a_handshake_waits_for_itself_alone(guarded: Guarded) -> None:
    waiting: list[Client] = []
    hello = bytes.fromhex("16030100c8010000c40303")

    async def send(index: int) -> None:
        client = await Client.to(guarded.tls)
        if index % 2:
            client.writer.write(hello + os.urandom(index % 100))
            waiting.append(client)
            return
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n" if index % 4 else framed(ApiKey.API_VERSIONS, 0, b""))
        assert await client.is_closed()
        client.close()

    await while_others_are_served(guarded, lambda: several(400, send))

    for client in waiting:
        client.close()
