import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v6.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v6.response import Coordinator, FindCoordinatorResponse
from kio.schema.init_producer_id.v4.request import InitProducerIdRequest
from kio.schema.init_producer_id.v4.response import InitProducerIdResponse
from kio.schema.produce.v11.request import ProduceRequest
from kio.schema.produce.v11.response import (
    PartitionProduceResponse,
    ProduceResponse,
    TopicProduceResponse,
)
from kio.schema.types import BrokerId, ProducerId, TopicName
from kio.static.primitive import i16, i32, i32Timedelta, i64

from pykafka_cli.clients.producing.preparation import Preparation
from pykafka_cli.clients.producing.producer import Producer
from pykafka_cli.clients.producing.sender import Result
from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch, Timestamp
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.protocol.records.batch import read_header
from pykafka_cli.protocol.records.record import read_records
from pykafka_cli.transport.errors import AuthenticationFailed, ConnectionLost
from tests.fakes.clock import forward
from tests.fakes.cluster import FakeSession
from tests.simulation.loop import VirtualLoop
from tests.support.polling import PATIENCE_S

NO_TIME = i32Timedelta.parse(datetime.timedelta())
NOW_MS = Timestamp(1700000000000)
QUICK = {"retry.backoff.ms": "1", "retry.backoff.max.ms": "1"}


class Broker:
    """Takes what is produced, unless `errors` has another response for the next batches of a partition."""

    def __init__(self) -> None:
        self.log: dict[int, list[bytes | None]] = {}
        self.headers: list[Any] = []
        self.errors: list[ErrorCode | Exception] = []
        self.ids = iter(range(100))

    def produce(self, request: ProduceRequest) -> Any:
        parts = [part for topic in request.topic_data for part in topic.partition_data]
        if self.errors and isinstance(self.errors[0], Exception):
            return self.errors.pop(0)
        answers = []
        for part in parts:
            data = bytes(part.records or b"")
            error = self.errors.pop(0) if self.errors else ErrorCode.none
            assert isinstance(error, ErrorCode)
            self.headers.append(read_header(data))
            values = self.log.setdefault(int(part.index), [])
            answers.append(
                PartitionProduceResponse(
                    index=part.index, error_code=error, base_offset=i64(len(values)),
                    record_errors=(), error_message=None,
                )
            )  # fmt: skip
            if error is ErrorCode.none:
                values += [record.value for record in read_records(data)]
        topic = TopicProduceResponse(name=TopicName("t"), partition_responses=tuple(answers))
        return ProduceResponse(throttle_time=NO_TIME, responses=(topic,))

    def new_id(self, _: InitProducerIdRequest) -> InitProducerIdResponse:
        return InitProducerIdResponse(
            throttle_time=NO_TIME,
            error_code=ErrorCode.none,
            producer_id=ProducerId(next(self.ids)),
            producer_epoch=i16(0),
        )


class Run:
    """A producer, its broker, and the results of its batches."""

    def __init__(self, partitions: int = 1, *, choose: Callable[[int], int] = lambda below: 0, **settings: str) -> None:
        self.broker = Broker()
        self.session = FakeSession(
            {ProduceRequest: self.broker.produce, InitProducerIdRequest: self.broker.new_id}, {"t": partitions}
        )
        self.results: list[Result] = []
        self.arrived = asyncio.Event()
        self.warnings: list[str] = []
        properties = QUICK | {name.replace("_", "."): value for name, value in settings.items()}
        self.producer = Producer(
            self.session,  # type: ignore[arg-type]
            "t",
            ProducerSettings(properties),
            choose=choose,
            on_result=self._note,
            warn=self.warnings.append,
        )

    def _note(self, result: Result) -> None:
        self.results.append(result)
        self.arrived.set()

    @property
    def failures(self) -> dict[int, str]:
        """The failed records' numbers with what was said of them."""
        return {tag: result.failure.message for result in self.results if result.failure for tag in result.batch.tags}

    async def send(self, *values: bytes, first: int = 0, **columns: Any) -> None:
        await self.producer.send(list(values), first_tag=first, timestamp_ms=NOW_MS, **columns)


async def test_what_is_sent_arrives_in_order_and_idempotently() -> None:
    run = Run(linger_ms="0")

    async with run.producer:
        for number in range(20):
            await run.send(b"%d" % number, first=number)

    assert run.broker.log == {0: [b"%d" % number for number in range(20)]}
    assert [tag for result in run.results for tag in result.batch.tags] == list(range(20))
    assert [header.base_sequence for header in run.broker.headers] == [
        sum(header.record_count for header in run.broker.headers[:position])
        for position in range(len(run.broker.headers))
    ]
    assert run.warnings == []


async def test_records_linger_for_others_until_a_flush() -> None:
    run = Run(linger_ms="60000")

    async with run.producer:
        await run.send(b"a")
        await run.send(b"b")
        assert run.broker.log == {}
        await run.producer.flush()
        assert run.broker.log == {0: [b"a", b"b"]}

    assert len(run.broker.headers) == 1


async def test_a_record_that_lingered_long_enough_goes_by_itself() -> None:
    run = Run(linger_ms="1")

    async with run.producer:
        await run.send(b"a")
        await asyncio.wait_for(run.arrived.wait(), PATIENCE_S)

    assert run.broker.log == {0: [b"a"]}


def test_a_moment_that_is_rounded_down_does_not_make_the_producer_spin() -> None:
    linger = 0.1
    loop = VirtualLoop()
    loop.now = next(at for at in (number / 7 for number in range(1, 1000)) if (at + linger) - linger < at)

    async def produce() -> Run:
        run = Run(linger_ms="100", metadata_max_age_ms="600000")
        async with run.producer:
            await run.send(b"a")
            await asyncio.sleep(1)
        return run

    assert loop.run_until_complete(produce()).broker.log == {0: [b"a"]}
    loop.close()


async def test_keys_go_to_their_partitions_and_others_by_chance() -> None:
    run = Run(partitions=3, choose=lambda below: below - 1)

    async with run.producer:
        await run.send(b"1", b"2", b"3", keys=[b"a", b"abcd", None], headers=[[], [("h", b"1")], []])

    assert run.broker.log == {1: [b"1"], 2: [b"2", b"3"]}


@pytest.mark.parametrize(
    "error", [ErrorCode.not_leader_or_follower, ErrorCode.request_timed_out, ConnectionLost("gone")]
)
async def test_what_may_succeed_later_is_sent_again(error: ErrorCode | Exception) -> None:
    run = Run()
    run.broker.errors = [error, error]

    async with run.producer:
        await run.send(b"a", b"b")

    assert run.broker.log == {0: [b"a", b"b"]}
    assert (run.failures, run.results[0].base_offset) == ({}, 0)


async def test_retries_come_to_an_end() -> None:
    run = Run(retries="2")
    run.broker.errors = [ErrorCode.not_enough_replicas] * 3

    async with run.producer:
        await run.send(b"a", first=7)

    assert run.failures == {7: "Messages are rejected since there are fewer in-sync replicas than required."}
    assert run.broker.log == {0: []}


async def test_what_cannot_succeed_is_given_up_at_once() -> None:
    run = Run()
    run.broker.errors = [ErrorCode.topic_authorization_failed]

    async with run.producer:
        await run.send(b"a")

    assert run.failures == {0: "Topic authorization failed."}
    assert len(run.broker.headers) == 1


async def test_a_record_that_is_too_large_takes_no_other_with_it() -> None:
    run = Run()

    def produce(request: ProduceRequest) -> Any:
        data = bytes(request.topic_data[0].partition_data[0].records or b"")
        if len(data) > 200:
            run.broker.errors = [ErrorCode.message_too_large]
        return run.broker.produce(request)

    run.session.answers[ProduceRequest] = produce

    async with run.producer:
        await run.send(b"a", b"b", b"x" * 500, b"c", b"d")

    assert run.broker.log == {0: [b"a", b"b", b"c", b"d"]}
    assert run.failures == {
        2: "The request included a message larger than the max message size the server will accept."
    }


async def test_a_record_larger_than_a_request_is_not_even_sent() -> None:
    run = Run(max_request_size="300")

    async with run.producer:
        await run.send(b"a", b"x" * 1000, b"b")

    assert run.broker.log == {0: [b"a", b"b"]}
    assert "which is the value of the max.request.size configuration" in run.failures[1]


async def test_a_batch_that_the_broker_has_already_counts_as_sent() -> None:
    run = Run()
    run.broker.errors = [ErrorCode.duplicate_sequence_number]

    async with run.producer:
        await run.send(b"a")

    assert run.failures == {}


@pytest.mark.parametrize("error", [ErrorCode.unknown_producer_id, ErrorCode.out_of_order_sequence_number])
async def test_a_producer_that_the_broker_forgot_begins_its_next_epoch(error: ErrorCode) -> None:
    run = Run(batch_size="1")

    async with run.producer:
        await run.send(b"a")
        await run.producer.flush()
        run.broker.errors = [error]
        await run.send(b"b")

    assert run.broker.log == {0: [b"a", b"b"]}
    assert [(header.producer_epoch, header.base_sequence) for header in run.broker.headers] == [(0, 0), (0, 1), (1, 0)]
    assert {header.producer_id for header in run.broker.headers} == {0}


async def test_a_batch_that_the_broker_has_forgotten_counts_as_sent_if_one_behind_it_was_accepted() -> None:
    """Under the next epoch it would be stored twice: a broker knows only each producer's last batch after a start."""
    run = Run(batch_size="1")

    async with run.producer:
        await run.send(b"a")
        await run.producer.flush()
        run.broker.errors = [
            ErrorCode.not_enough_replicas_after_append, ErrorCode.none, ErrorCode.out_of_order_sequence_number,
        ]  # fmt: skip
        await run.send(b"b", b"c", first=1)

    assert run.failures == {}
    assert [(header.producer_epoch, header.base_sequence) for header in run.broker.headers] == [
        (0, 0), (0, 1), (0, 2), (0, 1),
    ]  # fmt: skip


async def test_a_batch_given_up_in_one_partition_leaves_what_another_has_in_doubt_as_it_is() -> None:
    """Else it would be stored twice: the first time the broker had it, and its response was lost."""
    run = Run(partitions=2, batch_size="1", partitioner_class="org.apache.kafka.clients.producer.RoundRobinPartitioner")
    stored: dict[int, list[tuple[int, int]]] = {}

    def produce(request: ProduceRequest) -> Any:
        for part in request.topic_data[0].partition_data:
            header = read_header(bytes(part.records or b""))
            its = stored.setdefault(int(part.index), [])
            if (header.producer_epoch, header.base_sequence) not in its:
                its.append((header.producer_epoch, header.base_sequence))
        return run.broker.produce(request)

    run.session.answers[ProduceRequest] = produce
    async with run.producer:
        await run.send(b"a", b"b")
        await run.producer.flush()
        run.broker.errors = [ErrorCode.out_of_order_sequence_number, ErrorCode.request_timed_out]
        await run.send(b"c", b"d", first=2)

    assert stored == {0: [(0, 0), (0, 1), (1, 0)], 1: [(0, 0), (0, 1)]}


async def test_a_transactional_producer_gives_up_what_follows_a_lost_batch() -> None:
    run = Run(batch_size="1", transactional_id="x", max_in_flight_requests_per_connection="1")
    coordinator = Coordinator(
        key="x", node_id=BrokerId(0), host="fake", port=i32(1), error_code=ErrorCode.none, error_message=None
    )
    run.session.answers[FindCoordinatorRequest] = lambda _: FindCoordinatorResponse(
        throttle_time=NO_TIME, coordinators=(coordinator,)
    )
    async with run.producer:
        await run.send(b"a")
        await run.producer.flush()
        run.broker.errors = [ErrorCode.out_of_order_sequence_number]
        await run.send(b"b", b"c", first=1)

    assert list(run.failures) == [1, 2]
    assert run.failures[2] == "Failing batch since transaction was aborted"


async def test_without_acks_nobody_waits_for_an_answer() -> None:
    run = Run(acks="0")

    async with run.producer:
        await run.send(b"a")

    assert run.broker.log == {0: [b"a"]}
    assert run.results[0].base_offset is None
    assert not any(isinstance(request, InitProducerIdRequest) for request in run.session.asked)


async def test_a_topic_that_is_being_made_is_waited_for_with_a_warning() -> None:
    run = Run(client_id="console-producer")
    run.session.topic_errors = [ErrorCode.leader_not_available, ErrorCode.unknown_topic_or_partition]

    async with run.producer:
        await run.send(b"a")

    prefix = "[Producer clientId=console-producer] The metadata response from the cluster reported a recoverable issue"
    assert run.warnings == [
        f"{prefix} with correlation id 1 : {{t=LEADER_NOT_AVAILABLE}}",
        f"{prefix} with correlation id 2 : {{t=UNKNOWN_TOPIC_OR_PARTITION}}",
    ]
    assert run.broker.log == {0: [b"a"]}


@pytest.mark.parametrize("name", ["RoundRobinPartitioner", "UniformStickyPartitioner"])
async def test_kafkas_other_partitioners_leave_keys_alone(name: str) -> None:
    run = Run(partitions=2, partitioner_class=f"org.apache.kafka.clients.producer.{name}")

    async with run.producer:
        await run.send(b"a", b"b", keys=[b"k", b"k"])

    turns = {0: [b"a"], 1: [b"b"]}
    assert run.broker.log == (turns if name == "RoundRobinPartitioner" else {0: [b"a", b"b"]})


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ErrorCode.invalid_topic_exception, "Invalid topics: [t]"),
        (ErrorCode.topic_authorization_failed, "Not authorized to access topics: [t]"),
    ],
)
async def test_a_topic_that_cannot_be_is_rejected_at_once(error: ErrorCode, message: str) -> None:
    run = Run()
    run.session.topic_errors = [error]

    async with run.producer:
        with pytest.raises(ProducerRefused) as raised:
            await run.send(b"a")

    assert str(raised.value) == message


async def test_a_cluster_that_rejects_the_client_is_not_asked_again() -> None:
    run = Run()
    run.session.topic_errors = [AuthenticationFailed("who are you?")]

    async with run.producer:
        with pytest.raises(AuthenticationFailed, match="who are you"):
            await run.send(b"a")

    assert run.warnings == []


async def test_a_cluster_that_only_ever_hangs_up_is_given_up_soon() -> None:
    """As one does that wants TLS or a login."""
    run = Run()
    run.session.topic_errors = [ConnectionLost("it closed the connection")] * 10

    async with run.producer:
        with pytest.raises(ConnectionLost, match="it closed the connection"):
            await run.send(b"a")

    assert len(run.warnings) == 2


async def test_a_cluster_that_hangs_up_once_is_asked_again() -> None:
    run = Run()
    run.session.topic_errors = [ConnectionLost("it closed the connection")]

    async with run.producer:
        await run.send(b"a")

    assert run.warnings == ["[Producer clientId=] it closed the connection"]
    assert run.broker.log == {0: [b"a"]}


async def test_a_topic_that_does_not_come_is_not_waited_for_longer_than_asked() -> None:
    run = Run(max_block_ms="20")
    run.session.topics.clear()

    async with run.producer:
        with pytest.raises(ProducerRefused, match=r"Topic t not present in metadata after 20 ms\."):
            await run.send(b"a")


async def test_new_partitions_are_used_once_they_are_known() -> None:
    run = Run(partitions=1, choose=lambda below: below - 1, metadata_max_age_ms="0")

    async with run.producer:
        await run.send(b"a")
        run.session.topics["t"] = 2
        while len(run.producer.partitions) < 2:
            await run.send(b"b")
            await asyncio.sleep(0)
        await run.send(b"c", keys=[b"a"])

    assert set(run.broker.log) <= {0, 1}
    assert b"c" in run.broker.log[0]


async def test_a_partition_without_a_leader_is_looked_up_until_it_has_one() -> None:
    run = Run(partitions=2, linger_ms="0")
    run.session.without_leader = {1}
    values = [b"%d" % number for number in range(8)]

    async with run.producer:
        await run.send(*values, keys=values)
        await run.arrived.wait()
        run.session.without_leader = set()

    assert sorted(run.broker.log) == [0, 1]
    assert {*run.broker.log[0], *run.broker.log[1]} == {*values}


async def test_memory_is_bounded_by_waiting_for_what_was_sent() -> None:
    run = Run(buffer_memory="1000", batch_size="200")
    values = [b"x" * 90] * 200

    async with run.producer:
        for first in range(0, 200, 10):
            await run.send(*values[first : first + 10], first=first)
            assert first + 10 - len(run.broker.log.get(0, [])) < 20  # of about 160 bytes each

    assert len(run.broker.log[0]) == 200


async def test_partitions_take_turns_where_a_request_has_no_room_for_all() -> None:
    run = Run(
        partitions=3,
        partitioner_class="org.apache.kafka.clients.producer.RoundRobinPartitioner",
        linger_ms="60000",
        batch_size="200",
        max_request_size="300",
        max_in_flight_requests_per_connection="1",
    )

    async with run.producer:
        await run.send(*[b"x" * 150] * 6)

    assert [result.batch.partition for result in run.results] == [0, 1, 2, 0, 1, 2]


async def test_a_producer_id_is_asked_for_once_however_many_wait_for_it() -> None:
    run = Run()
    preparation = Preparation(run.session, "t", run.producer.settings, run.warnings.append)  # type: ignore[arg-type]

    await asyncio.gather(preparation.complete(), preparation.refresh(), preparation.complete())

    assert preparation.producer == ProducerIdAndEpoch(ProducerId(0), ProducerEpoch(0))
    assert next(run.broker.ids) == 1


async def test_what_has_waited_too_long_is_given_up() -> None:
    run = Run(delivery_timeout_ms="60000", request_timeout_ms="30000", retries="1000")

    def refuse(request: ProduceRequest) -> Any:
        forward(asyncio.get_running_loop(), 25)
        run.broker.errors = [ErrorCode.not_enough_replicas]
        return run.broker.produce(request)

    run.session.answers[ProduceRequest] = refuse
    async with run.producer:
        await run.send(b"a")

    assert list(run.failures) == [0]
    assert len(run.broker.headers) == 3


async def test_a_fault_of_our_own_is_not_swallowed() -> None:
    run = Run()
    run.session.answers[ProduceRequest] = lambda request: RuntimeError("fault")

    with pytest.raises(RuntimeError, match="fault"):
        async with run.producer:
            await run.send(b"a")
