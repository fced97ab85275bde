"""Connections to other brokers: opened when they are needed, one at a time."""

import asyncio

import pytest

from pykafka_cli.broker.replication.peers import BrokerEndpoint, KeptConnection
from pykafka_cli.model import BrokerId
from pykafka_cli.transport.errors import BrokerUnreachable
from tests.support.event_loop import settle

HERE, ELSEWHERE = BrokerEndpoint(BrokerId(1), "old", 9092), BrokerEndpoint(BrokerId(1), "new", 9092)


class Line:
    def __init__(self, endpoint: BrokerEndpoint) -> None:
        self.endpoint = endpoint
        self.is_open = True

    async def request(self, _: object) -> None:
        raise AssertionError("nothing is asked")

    async def request_raw(self, *_: object) -> memoryview:
        raise AssertionError("nothing is asked")

    def close(self) -> None:
        self.is_open = False


class Network:
    """All lines that were opened; `failures` ends the next attempts, `ready` holds them up."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.failures: list[BrokerUnreachable] = []
        self.ready = asyncio.Event()
        self.ready.set()

    async def connect(self, endpoint: BrokerEndpoint, client_id: str) -> Line:
        assert client_id == "me"
        await self.ready.wait()
        if self.failures:
            raise self.failures.pop()
        self.lines.append(Line(endpoint))
        return self.lines[-1]


@pytest.fixture
async def network() -> Network:
    return Network()


@pytest.fixture
def kept(network: Network) -> KeptConnection:
    return KeptConnection(network.connect, "me")


async def test_an_open_connection_is_kept(network: Network, kept: KeptConnection) -> None:
    assert await kept.to(HERE) is await kept.to(HERE)
    assert len(network.lines) == 1


async def test_one_that_has_ended_is_replaced(network: Network, kept: KeptConnection) -> None:
    (await kept.to(HERE)).close()

    assert (await kept.to(HERE)).is_open
    assert len(network.lines) == 2


async def test_a_broker_that_has_moved_is_followed_and_the_old_connection_closed(
    network: Network, kept: KeptConnection
) -> None:
    await kept.to(HERE)
    await kept.to(ELSEWHERE)

    assert [(line.endpoint, line.is_open) for line in network.lines] == [(HERE, False), (ELSEWHERE, True)]


async def test_requests_at_the_same_time_share_one_connection(network: Network, kept: KeptConnection) -> None:
    network.ready.clear()
    asking = [asyncio.ensure_future(kept.to(HERE)) for _ in range(3)]
    await settle()
    network.ready.set()

    assert set(await asyncio.gather(*asking)) == {*network.lines}
    assert len(network.lines) == 1


async def test_whoever_waits_for_an_attempt_that_fails_makes_the_next(network: Network, kept: KeptConnection) -> None:
    network.failures.append(BrokerUnreachable("refused"))

    first, second = await asyncio.gather(kept.to(HERE), kept.to(HERE), return_exceptions=True)

    assert isinstance(first, BrokerUnreachable)
    assert second is network.lines[0]


async def test_a_closed_one_can_be_opened_again(network: Network, kept: KeptConnection) -> None:
    await kept.to(HERE)
    kept.close()

    assert not network.lines[0].is_open
    assert (await kept.to(HERE)).is_open
