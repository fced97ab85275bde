"""A broker that stops hands over what it leads."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import BrokerNotAvailable
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.replication.leadership_transfer import LeadershipTransfer
from pykafka_cli.model import BrokerEpoch
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle

DONE = SimpleNamespace(error_code=ErrorCode.none, remaining_partitions=())
NOT_ALL = SimpleNamespace(error_code=ErrorCode.none, remaining_partitions=("t-0",))


class Stopping:
    """Broker 1, which stops; the controller gives these answers, and none after them."""

    def __init__(self, *answers: object, brokers: Sequence[int] = (1, 2)) -> None:
        self.clock = FakeClock()
        self.answers = list(answers)
        self.asked = 0
        self.has_zookeeper = True
        self.all_stop = asyncio.Event()
        settings = BrokerSettings([Property("broker.id", "1", 0), Property("zookeeper.connect", "localhost:2181", 0)])
        metadata = SimpleNamespace(brokers=lambda: [SimpleNamespace(id=each) for each in brokers])
        transfer = LeadershipTransfer(settings, self.clock, cast("MetadataCache", metadata), self._ask)
        self.moving = asyncio.create_task(
            transfer.try_to_move(lambda: BrokerEpoch(7), lambda: self.has_zookeeper, unless=self.all_stop)
        )

    async def _ask(self, request: Any) -> Any:
        assert (request.broker_id, request.broker_epoch) == (1, 7)
        self.asked += 1
        if not self.answers:
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def pass_seconds(self, count: int) -> None:
        for _ in range(count):
            await settle()
            self.clock.advance(1)
        await settle()


async def test_once_everything_is_moved_nothing_is_waited_for() -> None:
    stopping = Stopping(DONE)
    await settle()

    assert stopping.moving.done()
    assert stopping.asked == 1


async def test_a_lone_broker_asks_nobody() -> None:
    stopping = Stopping(DONE, brokers=[1])
    await settle()

    assert stopping.moving.done()
    assert stopping.asked == 0


async def test_it_asks_three_times_with_pauses_and_stops_anyway() -> None:
    stopping = Stopping(BrokerNotAvailable("no controller"), NOT_ALL, NOT_ALL)
    await settle()
    assert stopping.asked == 1

    await stopping.pass_seconds(5)
    assert stopping.asked == 2
    await stopping.pass_seconds(5)

    assert stopping.asked == 3
    assert stopping.moving.done()


async def test_without_zookeeper_it_waits_two_seconds_and_no_more() -> None:
    stopping = Stopping()
    stopping.has_zookeeper = False
    await stopping.pass_seconds(1)
    assert not stopping.moving.done()

    await stopping.pass_seconds(1)

    assert stopping.moving.done()


async def test_when_all_stop_it_moves_nothing_more() -> None:
    stopping = Stopping()
    await settle()

    stopping.all_stop.set()
    await settle()

    assert stopping.moving.done()
