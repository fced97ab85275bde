"""The clients of a run: what each does, again and again, and what it saw.

A worker is a command: it begins with a session, and where it gives up with an error that a person would see it is begun
again, as that person would. That counts as a fault only while the cluster is well.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from pykafka_cli.clients.admin import groups, offsets, topics
from pykafka_cli.clients.consuming.consumer import Consumer
from pykafka_cli.clients.consuming.fetcher import NoOffset
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.producing.producer import Producer
from pykafka_cli.clients.producing.sender import Result
from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
from pykafka_cli.clients.producing.transactions import Transaction
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import FIRST_OFFSET, Offset, OffsetSpec, Seconds, Timestamp, TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.transport.errors import ConnectionFailed
from tests.simulation.cluster import TOPIC
from tests.simulation.loop import START_MS
from tests.simulation.process import Process
from tests.simulation.rejections import RETRIABLE

FETCH, LIST_OFFSETS = 1, 2
GAVE_UP = (ConnectionFailed, ApiError, NoOffset, ProducerRefused)
API_TIMEOUT_S = 20
AFTERMATH_S = 10
"""How long clients may take to notice what the storm has done to their connections: above request.timeout.ms."""
CLIENT = {
    "request.timeout.ms": "5000",
    "default.api.timeout.ms": "20000",
    "socket.connection.setup.timeout.ms": "3000",
    "retry.backoff.ms": "100",
}


@dataclass
class Run:
    """What all workers of a run share. `calm_since`: when the cluster became well, to stay so."""

    bootstrap: str
    chance: random.Random
    calm_since: float | None = None
    is_over: bool = False
    progress: int = 0
    """Counts whatever a worker got done."""
    complaints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def is_calm(self) -> bool:
        return self.calm_since is not None

    def is_excused(self, began: float) -> bool:
        """Whether what began then may have come to nothing because of the storm, or what it left behind."""
        return self.calm_since is None or began < self.calm_since + AFTERMATH_S

    def gave_up(self, who: str, error: Exception) -> None:
        if not self.is_excused(self.now() - API_TIMEOUT_S):
            self.complaints.append(f"{who} gave up while the cluster was well: {type(error).__name__}: {error}")

    async def session(self, properties: dict[str, str]) -> Session:
        """A session that is open; opened again and again while nobody answers."""
        while True:
            session = Session(self.bootstrap, ClientSettings(CLIENT | properties))
            try:
                return await session.__aenter__()
            except ConnectionFailed as error:
                self.gave_up("a session", error)
                await asyncio.sleep(0.5)


class Sent(NamedTuple):
    """What a writer knows of one record of its own."""

    tag: int
    outcome: str  # sent, failed, unknown; committed, aborted


class Writer:
    """Writes numbered records: `W7:12`, of which the number is the tag."""

    topic = TOPIC

    def __init__(self, run: Run, name: str, count: int, settings: dict[str, str], *, pause: float) -> None:
        self.run = run
        self.name = name
        self.count = count
        self.settings = ProducerSettings(settings)
        self.properties = settings
        self.pause = pause
        self.outcomes: dict[int, str] = {}
        self.places: dict[int, tuple[int, Offset | None]] = {}
        """Partition and offset of what was sent, by tag."""
        self.failures: list[str] = []
        self.incarnations: list[int] = []
        """The first tag of each producer that this one was."""
        self.is_done = False

    async def work(self) -> None:
        while len(self.outcomes) < self.count:
            session = await self.run.session(self.properties)
            first = len(self.outcomes)
            self.incarnations.append(first)
            try:
                await self._write(session, first)
            except GAVE_UP as error:
                self.run.gave_up(self.name, error)
                self._settle("unknown")
                await asyncio.sleep(0.5)
            finally:
                session.close()
        self.is_done = True

    async def _write(self, session: Session, first: int) -> None:
        self._begun = first
        async with self._producer(session) as producer:
            await producer.prepare()
            while self._begun < self.count:
                await self._send(producer, self.run.chance.randint(1, 8))
                await asyncio.sleep(self.run.chance.random() * self.pause)
            await producer.flush()
        missing = [tag for tag in range(self.count) if tag not in self.outcomes]
        if missing:
            self.run.complaints.append(f"{self.name} was never told what became of {missing[:5]}")
            self._settle("unknown")

    async def _send(self, producer: Producer, size: int) -> range:
        tags = range(self._begun, min(self.count, self._begun + size))
        keys, values = self._records(tags)
        self._begun = tags.stop
        now_ms = START_MS + round(self.run.now() * 1000)
        await producer.send(values, keys, first_tag=tags.start, timestamp_ms=Timestamp(now_ms))
        return tags

    def _records(self, tags: range) -> tuple[list[bytes | None] | None, list[bytes | None]]:
        """The keys, if there are any, and the values of what is sent with these tags."""
        keys: list[bytes | None] | None = None
        if self.run.chance.random() < 0.3:
            keys = [b"%d" % (tag % 5) for tag in tags]
        return keys, [b"%s:%d" % (self.name.encode(), tag) for tag in tags]

    def _producer(self, session: Session) -> Producer:
        return Producer(
            session,
            self.topic,
            self.settings,
            choose=self.run.chance.randrange,
            on_result=self._result,
            warn=self.run.warnings.append,
        )

    def _result(self, result: Result) -> None:
        self.run.progress += 1
        for index, tag in enumerate(result.batch.tags):
            if tag in self.outcomes:
                self.run.complaints.append(f"{self.name} was told twice what became of {tag}")
            self.outcomes[tag] = "failed" if result.failure else "sent"
            if not result.failure:
                offset = None if result.base_offset is None else Offset(result.base_offset + index)
                self.places[tag] = (result.batch.partition, offset)
        if result.failure:
            self.failures.append(f"{result.batch.tags[0]}-{result.batch.tags[-1]}: {result.failure}")
            age = self.run.now() - result.batch.opened_at
            if self.settings.transactional_id is None and age < self.settings.delivery_timeout - 0.001:
                self.run.complaints.append(f"{self.name} gave records up after {age:.3f} s: {result.failure}")
            elif not self.run.is_excused(result.batch.opened_at):
                self.run.complaints.append(f"{self.name} gave up records while the cluster was well: {result.failure}")

    def _settle(self, outcome: str) -> None:
        for tag in range(self._begun):
            self.outcomes.setdefault(tag, outcome)


class TransactionalWriter(Writer):
    """Writes in transactions, and aborts every third."""

    async def _write(self, session: Session, first: int) -> None:
        self._begun = first
        async with self._producer(session) as producer:
            await producer.prepare()
            assert producer.producer_id
            implicit = producer.has_implicit_transactions
            transaction = Transaction(session, self.settings, producer.producer_id, implicit=implicit)
            while self._begun < self.count:
                begun, commits = self._begun, self.run.chance.random() < 0.66
                outcome = "aborted"
                try:
                    await transaction.add(self.topic, producer.partitions)
                    for _ in range(self.run.chance.randint(1, 3)):
                        await self._send(producer, 5)
                    await producer.flush()
                    all_sent = all(self.outcomes.get(tag) == "sent" for tag in range(begun, self._begun))
                    commits &= all_sent
                    outcome = "unknown"
                    producer.continue_as(await transaction.end(commit=commits))
                    outcome = "committed" if commits else "aborted"
                    self.run.progress += 1
                finally:
                    for tag in range(begun, self._begun):
                        self.outcomes[tag] = outcome
                if not all_sent:
                    return  # a producer that lost records needs a new epoch
                await asyncio.sleep(self.run.chance.random() * self.pause)


class Chunk(NamedTuple):
    """Records of one partition that a reader was handed at once."""

    partition: TopicPartition
    generation: int
    span: int
    """Which time that the reader had the partition, counted from the first."""
    records: tuple[tuple[Offset, bytes], ...]
    at: float


class Reader:
    """Reads the topic: alone from the beginning, or as a member of a group. It is closed, or dies, now and then."""

    def __init__(
        self, run: Run, name: str, settings: dict[str, str], *, partitions: Sequence[TopicPartition] = (),
        pattern: str | None = None, lifetime: Callable[[], float | None] = lambda: None,
    ) -> None:  # fmt: skip
        self.run = run
        self.name = name
        self.properties = settings
        self.partitions = partitions
        self.pattern = pattern
        self.others: Sequence[Reader] = ()
        """The other members of a group in which a partition is one member's at a time, whatever its epoch."""
        self.pause = 0.0
        """Seconds that it takes for what it was handed at once, at most."""
        self.is_member: Callable[[str], bool] = lambda _: True
        """Whether the coordinator has a member of that id."""
        self.lifetime = lifetime
        self.chunks: list[Chunk] = []
        self.assigned: list[TopicPartition] = []
        self.generation = 0
        self._spans: dict[TopicPartition, int] = {}
        self._span = 0

    @property
    def assignor(self) -> str:
        subscribed = "a pattern" if self.pattern else "a name"
        return f"{self.properties.get('partition.assignment.strategy', 'the coordinator')} and {subscribed}"

    async def work(self) -> None:
        while not self.run.is_over:
            with Process() as process:
                await self._live(process)

    async def _live(self, process: Process) -> None:
        session = await self.run.session(self.properties)
        settings = ConsumerSettings(self.properties)
        consumer = Consumer(
            session, settings, warn=self.run.warnings.append, on_assigned=self._came, on_revoked=self._went
        )
        self._consumer = consumer
        try:
            if self.partitions:
                self._came(list(self.partitions))
                consumer.assign(dict.fromkeys(self.partitions, OffsetSpec.EARLIEST))
            elif self.pattern:
                await consumer.subscribe(pattern=re.compile(self.pattern))
            else:
                await consumer.subscribe([TOPIC])
            lifetime = None if self.run.is_calm else self.lifetime()
            dies = lifetime is not None and self.run.chance.random() < 0.5
            await self._read(consumer, None if lifetime is None else self.run.now() + lifetime)
            if not dies:
                await consumer.close()
        except GAVE_UP as error:
            self.run.gave_up(self.name, error)
            if isinstance(error, ApiError) and error.code in (*RETRIABLE[FETCH], *RETRIABLE[LIST_OFFSETS]):
                self.run.complaints.append(f"{self.name} did not try again after {error}")
            with suppress(*GAVE_UP):
                await consumer.close()
            await asyncio.sleep(0.5)
        finally:
            session.close()
            process.kill()
            self.assigned = []

    async def _read(self, consumer: Consumer, end: float | None) -> None:
        while not self.run.is_over and (end is None or self.run.is_calm or self.run.now() < end):
            fetched = await consumer.poll(Seconds(1.0))
            if fetched is None:
                continue
            self.run.progress += len(fetched.records)
            records = tuple((record.offset, bytes(record.value or b"")) for record in fetched.records)
            span = self._spans.get(fetched.partition, -1)
            if fetched.partition not in self.assigned:
                self.run.complaints.append(f"{self.name} was handed {fetched.partition}, which it did not have")
            self.chunks.append(Chunk(fetched.partition, self.generation, span, records, self.run.now()))
            if self.pause:
                await asyncio.sleep(self.run.chance.random() * self.pause)
            consumer.used(fetched)

    @property
    def is_in_group(self) -> bool:
        """Whether the coordinator counts on what this member says."""
        return self.is_member(self._consumer.membership.member_id)

    def _came(self, partitions: Sequence[TopicPartition]) -> None:
        self.generation = self._consumer.membership.generation
        for each in partitions:
            for other in self.others:
                # One that does not know yet that it was removed is fenced when it commits.
                if each in other.assigned and other.is_in_group and self.is_in_group:
                    self.run.complaints.append(f"{self.name} was assigned {each}, which {other.name} has not given up")
            self._span += 1
            self._spans[each] = self._span
            self.assigned.append(each)

    def _went(self, partitions: Sequence[TopicPartition]) -> None:
        for each in partitions:
            self.assigned.remove(each)


class Administrator:
    """Asks and changes this and that; every response counts, whichever it is, as long as there is one."""

    def __init__(self, run: Run, group: str, *, deletes: bool) -> None:
        self.run = run
        self.name = "the administrator"
        self.group = group
        self.deletes = deletes
        self.deleted_before: dict[TopicPartition, Offset] = {}
        self._made: list[str] = []

    async def work(self) -> None:
        while not self.run.is_calm:
            session = await self.run.session({})
            try:
                while not self.run.is_calm:
                    await self._do(session)
                    self.run.progress += 1
                    await asyncio.sleep(self.run.chance.random() * 3)
            except (ConnectionFailed, ApiError) as error:
                self.run.gave_up(self.name, error)
                await asyncio.sleep(0.5)
            finally:
                session.close()

    async def _do(self, session: Session) -> None:
        began = self.run.now()
        everything: list[Callable[[Session], Awaitable[object]]] = [
            self._offsets, self._describe, self._groups, self._make, self._delete_topic,
        ]  # fmt: skip
        if self.deletes:
            everything.append(self._delete_records)
        what = self.run.chance.choice(everything)
        try:
            await what(session)
        finally:
            took = self.run.now() - began
            if took > 120:
                self.run.complaints.append(f"the administrator waited {took:.0f} s for {what.__name__}")

    async def _partitions(self, session: Session) -> list[TopicPartition]:
        found = await topics.assignments(session, [TOPIC])
        return sorted(found)

    async def _offsets(self, session: Session) -> None:
        await offsets.list_offsets(session, dict.fromkeys(await self._partitions(session), OffsetSpec.LATEST))

    async def _describe(self, session: Session) -> None:
        await topics.describe_topics(session, [TOPIC])

    async def _groups(self, session: Session) -> None:
        await groups.list_groups(session)
        await groups.describe_groups(session, [self.group])
        await groups.committed_offsets(session, self.group)

    async def _make(self, session: Session) -> None:
        name = f"made-{len(self._made)}"
        self._made.append(name)
        await topics.list_topics(session)
        await topics.try_to_delete_topics(session, [name])

    async def _delete_topic(self, session: Session) -> None:
        if self._made:
            await topics.try_to_delete_topics(session, [self.run.chance.choice(self._made)])

    async def _delete_records(self, session: Session) -> None:
        partitions = await self._partitions(session)
        ends = await offsets.list_offsets(session, dict.fromkeys(partitions, OffsetSpec.LATEST))
        wanted = {
            each: Offset(self.run.chance.randint(0, end))
            for each, end in ends.items()
            if isinstance(end, int) and self.run.chance.random() < 0.5
        }
        for each, before in wanted.items():
            self.deleted_before[each] = max(before, self.deleted_before.get(each, FIRST_OFFSET))
        if wanted:
            await offsets.delete_records(session, wanted)
