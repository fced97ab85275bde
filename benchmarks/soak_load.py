"""The load of a soak, a program for one broker: `python -m benchmarks.soak_load BOOTSTRAP SECONDS`.

    steady records    at rates that change, acks=all, idempotent, and their reader, which commits: these are timed
    retention         a topic whose segments are deleted as fast as they fill
    compaction        a topic of few keys
    groups            that come, read, commit and expire
    topics            that are created, written to, given more partitions and deleted
    transactions      of several producers, one in three aborted
    connections       that do nothing, that ask and go, and that are reset in the middle of a request

All of it retries while the broker is restarted. At the end, one line of JSON on stdout: what was measured, and how many
records were acknowledged and read.
"""

import contextlib
import itertools
import json
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

STEADY, RETAINED, COMPACTED, MOVED = "soak-steady", "soak-retained", "soak-compacted", "soak-transactions"
STEADY_PARTITIONS = 12
RATES = (100, 400, 1_000)  # records a second, for so many seconds each
RATE_S = 5.0
RECORD_BYTES = 200
KEYS = 1_000
TIMEOUT_S = 30.0
PATIENCE_S = 120.0  # for a broker that restarts
GROUP_EVERY_S, TOPIC_EVERY_S, TRANSACTION_EVERY_S, CONNECTION_EVERY_S = 2.0, 3.0, 0.2, 0.05
IDLE_CONNECTIONS = 50
CLIENTS = {"log_level": 0, "reconnect.backoff.max.ms": 500, "topic.metadata.propagation.max.ms": 300_000}
"""The last: Apache's broker responds before it knows its topics, and librdkafka then fails what is sent to them."""

_API_VERSIONS = bytes.fromhex("0000000a0012000000000001ffff")  # size, key 18, version 0, id 1, no client id
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST


@dataclass
class Outcome:
    """What one load saw. Latencies are (seconds from the start, ms).

    pause_s     the longest time without an acknowledged record
    failures    what must not happen, in words
    """

    written: list[tuple[float, float]] = field(default_factory=list)
    read: list[tuple[float, float]] = field(default_factory=list)
    acknowledged: int = 0
    consumed: int = 0
    stored: int = 0
    pause_s: float = 0.0
    done: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class Load:
    """All parts, a thread each, until `seconds` have passed."""

    def __init__(self, bootstrap: str, seconds: float) -> None:
        self._bootstrap = bootstrap
        self._address = (bootstrap.partition(":")[0], int(bootstrap.partition(":")[2]))
        self._started = time.monotonic()
        self._seconds = seconds
        self._over = threading.Event()
        self._admin = AdminClient({"bootstrap.servers": bootstrap, **CLIENTS})
        self.outcome = Outcome()

    def run(self) -> Outcome:
        self._create(
            NewTopic(STEADY, STEADY_PARTITIONS),
            NewTopic(RETAINED, 2, config={"segment.bytes": "1048576", "retention.bytes": "4194304"}),
            NewTopic(
                COMPACTED,
                2,
                config={
                    "cleanup.policy": "compact",
                    "segment.bytes": "1048576",
                    "min.cleanable.dirty.ratio": "0.1",
                },
            ),
            NewTopic(MOVED, 3),
        )
        steps: list[tuple[str, Callable[[int], None], float]] = [
            ("groups", self._group, GROUP_EVERY_S),
            ("topics", self._topic, TOPIC_EVERY_S),
            ("connections", self._connection, CONNECTION_EVERY_S),
        ]
        threads = [threading.Thread(target=self._repeat, args=step, daemon=True) for step in steps]
        whole = (self._write_steadily, self._read_steadily, self._fill, self._transact, self._stay_connected)
        threads += [threading.Thread(target=self._whole, args=[each], daemon=True) for each in whole]
        for thread in threads:
            thread.start()
        self._over.wait(max(0.0, self._seconds - self._now()))
        self._over.set()
        for thread in threads:
            thread.join(2 * PATIENCE_S)
            if thread.is_alive():
                self.outcome.failures.append("a part of the load did not end")
        self._check()
        return self.outcome

    def _now(self) -> float:
        return time.monotonic() - self._started

    def _create(self, *topics: NewTopic) -> None:
        for created in self._admin.create_topics(list(topics), operation_timeout=TIMEOUT_S).values():
            created.result(TIMEOUT_S)

    def _whole(self, part: Callable[[], None]) -> None:
        try:
            part()
        except Exception as error:
            self.outcome.failures.append(f"{part.__name__}: {error!r}")

    def _repeat(self, name: str, step: Callable[[int], None], every_s: float) -> None:
        """A step that fails while the broker restarts is none that counts."""
        for number in itertools.count():
            if self._over.wait(every_s):
                return
            with contextlib.suppress(KafkaException, OSError):
                step(number)
                self.outcome.done[name] = self.outcome.done.get(name, 0) + 1

    # ---- what is timed

    def _write_steadily(self) -> None:
        producer = self._producer(**{"linger.ms": 0})
        last, chance = self._now(), random.Random(1)

        def delivered(error: KafkaError | None, message: Message) -> None:
            nonlocal last
            now = self._now()
            if error is not None:
                self.outcome.failures.append(f"a record was not acknowledged: {error}")
                return
            self.outcome.acknowledged += 1
            self.outcome.pause_s, last = max(self.outcome.pause_s, now - last), now
            self.outcome.written.append(_timed(now, message))

        due = self._now()
        while not self._over.is_set():
            rate = RATES[int(self._now() // RATE_S) % len(RATES)]
            while due <= self._now():
                value = struct.pack(">d", self._now()) + bytes(RECORD_BYTES)
                with contextlib.suppress(BufferError):
                    producer.produce(STEADY, value, key=b"%d" % chance.randrange(KEYS), on_delivery=delivered)
                due += 1 / rate
            producer.poll(min(max(due - self._now(), 0.0), 0.01))
            due = max(due, self._now() - 1.0)  # after a restart, do not make up for all of it
        if left := producer.flush(PATIENCE_S):
            self.outcome.failures.append(f"{left} records were not acknowledged in the end")

    def _read_steadily(self) -> None:
        with self._consumer("steady") as consumer:
            # Without a membership: a member that rejoins after a restart may read again what it has not committed.
            consumer.assign([TopicPartition(STEADY, number, 0) for number in range(STEADY_PARTITIONS)])
            idle_since = None
            while True:
                message = consumer.poll(0.1)
                if message is not None and message.error() is None:
                    now = self._now()
                    self.outcome.read.append(_timed(now, message))
                    self.outcome.consumed += 1
                    idle_since = None
                elif self._over.is_set():
                    idle_since = idle_since or self._now()
                    if self._now() - idle_since > 2.0 and self.outcome.consumed >= self.outcome.acknowledged:
                        return
                    if self._now() - idle_since > PATIENCE_S:
                        return

    def _check(self) -> None:
        """Every acknowledged record is there and was read, once."""
        with self._consumer("check") as consumer:
            for partition in range(STEADY_PARTITIONS):
                _, end = consumer.get_watermark_offsets(TopicPartition(STEADY, partition), timeout=TIMEOUT_S)
                self.outcome.stored += end
        found = (self.outcome.stored, self.outcome.consumed)
        if found != (self.outcome.acknowledged,) * 2:
            self.outcome.failures.append(
                f"{self.outcome.acknowledged} records were acknowledged, {found[0]} stored, {found[1]} read"
            )

    # ---- what is there besides

    def _fill(self) -> None:
        """200 kB a second into the topic of retention, and as much into the compacted one."""
        producer, value, chance = self._producer(**{"linger.ms": 50}), bytes(2_000), random.Random(2)
        while not self._over.wait(0.1):
            for _ in range(10):
                with contextlib.suppress(BufferError):
                    producer.produce(RETAINED, value)
                    producer.produce(COMPACTED, value, key=b"%d" % chance.randrange(KEYS))
            producer.poll(0)
        producer.flush(PATIENCE_S)

    def _group(self, number: int) -> None:
        """Two members, one of which leaves while the other stays; then the group is empty, and its offsets expire."""
        group = f"passing-{number}"
        with self._consumer(group) as one:
            one.subscribe([STEADY])
            with self._consumer(group) as other:
                other.subscribe([STEADY])
                for _ in range(10):
                    one.poll(0.05)
                    other.poll(0.05)
            one.poll(0.1)
            with contextlib.suppress(KafkaException):
                one.commit(asynchronous=False)

    def _topic(self, number: int) -> None:
        name = f"passing-{number}"
        self._create(NewTopic(name, 3))
        producer = self._producer(**{"message.timeout.ms": 10_000})
        for each in range(100):
            producer.produce(name, b"%d" % each)
        producer.flush(TIMEOUT_S)
        self._admin.create_partitions([NewPartitions(name, 6)])[name].result(TIMEOUT_S)
        self._admin.delete_topics([name])[name].result(TIMEOUT_S)

    def _transact(self) -> None:
        """Ids are used again, so that their number is bounded; a producer that failed is replaced."""
        for number in itertools.count():
            if self._over.is_set():
                return
            with contextlib.suppress(KafkaException):
                producer = self._producer(**{"transactional.id": f"soak-{number % 5}"})
                producer.init_transactions(TIMEOUT_S)
                for each in range(50):
                    if self._over.wait(TRANSACTION_EVERY_S):
                        return
                    producer.begin_transaction()
                    producer.produce(MOVED, bytes(RECORD_BYTES))
                    (producer.abort_transaction if each % 3 == 2 else producer.commit_transaction)(TIMEOUT_S)
                    self.outcome.done["transactions"] = self.outcome.done.get("transactions", 0) + 1

    def _stay_connected(self) -> None:
        """Connections that do nothing; those that a restart ends are opened again."""
        with contextlib.ExitStack() as stack:
            idle: list[socket.socket] = []
            while not self._over.wait(1.0):
                idle = [each for each in idle if _is_open(each)]
                with contextlib.suppress(OSError):
                    while len(idle) < IDLE_CONNECTIONS:
                        idle.append(stack.enter_context(socket.create_connection(self._address, TIMEOUT_S)))
                        idle[-1].setblocking(False)

    def _connection(self, number: int) -> None:
        """One that asks and goes, one in three reset in the middle of its request."""
        with socket.create_connection(self._address, TIMEOUT_S) as connection:
            if number % 3 == 2:
                connection.sendall(_API_VERSIONS[:9])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            else:
                connection.sendall(_API_VERSIONS)
                connection.recv(4096)

    def _producer(self, **keys: object) -> Producer:
        given = {"bootstrap.servers": self._bootstrap, "enable.idempotence": True, **CLIENTS, **keys}
        return Producer(given)

    @contextlib.contextmanager
    def _consumer(self, group: str) -> Iterator[Consumer]:
        """It commits every 5 s, as by default."""
        consumer = Consumer(
            {"bootstrap.servers": self._bootstrap, "group.id": group, "auto.offset.reset": "latest", **CLIENTS}
        )
        try:
            yield consumer
        finally:
            consumer.close()


def _timed(now: float, message: Message) -> tuple[float, float]:
    """Now, and the ms since it was produced: its value begins with that moment."""
    (moment,) = struct.unpack_from(">d", message.value() or bytes(8))
    return round(now, 3), round((now - moment) * 1000, 3)


def _is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        connection.close()
        return False


if __name__ == "__main__":
    print(json.dumps(asdict(Load(sys.argv[1], float(sys.argv[2])).run())))
