"""How a controller talks to one broker: in order, one request at a time, and again until it is answered."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pykafka_cli.broker.controller.broker_channel import RETRY_AFTER, BrokerChannels
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.model import BrokerId, Seconds
from pykafka_cli.transport.errors import BrokerUnreachable
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration, Endpoint
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle


class Line:
    """The far end: a test answers what has arrived, or breaks the line."""

    def __init__(self) -> None:
        self.is_open = True
        self.arrived: list[str] = []
        self._waiting: list[asyncio.Future[str]] = []

    async def request(self, request: str) -> str:
        self.arrived.append(request)
        self._waiting.append(asyncio.get_running_loop().create_future())
        return await self._waiting[-1]

    async def request_raw(self, *_: object) -> memoryview:
        raise AssertionError("a controller sends messages that have a class")

    def close(self) -> None:
        self.is_open = False

    def answer(self, answer: str) -> None:
        self._waiting.pop(0).set_result(answer)

    def break_(self) -> None:
        self._waiting.pop(0).set_exception(BrokerUnreachable("connection reset"))


class Brokers:
    """All that can be connected to."""

    def __init__(self) -> None:
        self.lines: list[tuple[BrokerEndpoint, Line]] = []
        self.refusing = 0

    async def connect(self, endpoint: BrokerEndpoint, client_id: str) -> Line:
        assert client_id == "0"
        if self.refusing:
            self.refusing -= 1
            raise BrokerUnreachable("connection refused")
        self.lines.append((endpoint, Line()))
        return self.lines[-1][1]


def registered(broker_id: int, listener: str = "INTERNAL") -> BrokerRegistration:
    endpoints = (Endpoint("CLIENTS", "PLAINTEXT", "front", 9092), Endpoint(listener, "PLAINTEXT", "back", 9093))
    return BrokerRegistration(BrokerId(broker_id), endpoints)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def brokers() -> Brokers:
    return Brokers()


@pytest.fixture
async def channels(clock: FakeClock, brokers: Brokers) -> AsyncIterator[BrokerChannels]:
    channels = BrokerChannels(BrokerId(0), "INTERNAL", brokers.connect, clock)
    channels.add(registered(1))
    yield channels
    channels.close()


async def test_a_request_waits_for_the_answer_to_the_one_before(channels: BrokerChannels, brokers: Brokers) -> None:
    answers: list[str] = []
    channels.send(BrokerId(1), "first", answers.append)
    channels.send(BrokerId(1), "second", answers.append)
    await settle()
    ((endpoint, line),) = brokers.lines

    assert (endpoint, line.arrived) == (BrokerEndpoint(BrokerId(1), "back", 9093), ["first"])
    line.answer("one")
    await settle()
    assert (line.arrived, answers) == (["first", "second"], ["one"])
    line.answer("two")
    await settle()
    assert answers == ["one", "two"]


async def test_a_request_is_sent_again_on_a_new_connection_when_the_old_one_broke(
    channels: BrokerChannels, brokers: Brokers, clock: FakeClock
) -> None:
    answers: list[str] = []
    channels.send(BrokerId(1), "lead", answers.append)
    await settle()
    brokers.refusing = 2
    brokers.lines[0][1].break_()
    for _ in range(3):
        await settle()
        assert len(brokers.lines) == 1
        clock.advance(RETRY_AFTER)
    await settle()

    (_, old), (_, line) = brokers.lines
    assert (old.is_open, line.arrived) == (False, ["lead"])
    line.answer("done")
    await settle()
    assert answers == ["done"]


async def test_a_broker_that_has_registered_again_does_not_get_what_was_for_the_old_one(
    channels: BrokerChannels, brokers: Brokers
) -> None:
    answers: list[str] = []
    channels.send(BrokerId(1), "first", answers.append)
    channels.send(BrokerId(1), "second", answers.append)
    await settle()

    channels.add(registered(1))
    channels.send(BrokerId(1), "third", answers.append)
    await settle()

    (_, old), (_, line) = brokers.lines
    assert (old.is_open, old.arrived, line.arrived) == (False, ["first"], ["third"])


async def test_who_waits_for_all_answers_has_them_all(channels: BrokerChannels, brokers: Brokers) -> None:
    channels.add(registered(2))
    answers: list[str] = []
    channels.send(BrokerId(1), "first", answers.append)
    channels.send(BrokerId(1), "second", answers.append)
    channels.send(BrokerId(2), "third", answers.append)
    waiting = asyncio.ensure_future(channels.all_answered(Seconds(1.0)))
    await settle()
    lines = {endpoint.broker_id: line for endpoint, line in brokers.lines}
    one, two = lines[BrokerId(1)], lines[BrokerId(2)]

    for line, answer in [(one, "first"), (two, "third"), (one, "second")]:
        assert not waiting.done()
        line.answer(answer)
        await settle()

    assert waiting.done()
    assert answers == ["first", "third", "second"]


async def test_nobody_waits_for_a_broker_that_is_silent_or_has_left(
    channels: BrokerChannels, brokers: Brokers, clock: FakeClock
) -> None:
    channels.send(BrokerId(1), "first", print)
    channels.send(BrokerId(1), "second", print)
    patient = asyncio.ensure_future(channels.all_answered(Seconds(60.0)))
    impatient = asyncio.ensure_future(channels.all_answered(Seconds(1.0)))
    await settle()

    clock.advance(1.0)
    await settle()
    assert (patient.done(), impatient.done()) == (False, True)
    channels.remove(BrokerId(1))
    await settle()
    assert patient.done()
    assert brokers.lines[0][1].arrived == ["first"]


async def test_what_is_for_an_unknown_broker_is_dropped(channels: BrokerChannels, brokers: Brokers) -> None:
    channels.send(BrokerId(2), "lead", print)
    channels.add(registered(3, listener="OTHER"))
    channels.send(BrokerId(3), "lead", print)
    await settle()

    assert brokers.lines == []


async def test_an_answer_that_cannot_be_used_does_not_end_the_conversation(
    channels: BrokerChannels, brokers: Brokers
) -> None:
    def unusable(_answer: str) -> None:
        raise ValueError("no such partition")

    channels.send(BrokerId(1), "first", unusable)
    channels.send(BrokerId(1), "second", print)
    await settle()
    brokers.lines[0][1].answer("one")
    await settle()

    assert brokers.lines[0][1].arrived == ["first", "second"]
