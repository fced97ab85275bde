"""What the inside of a broker does, each once a bench: recovery after kill -9, compaction, transactions."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from confluent_kafka import Producer

from benchmarks.servers import PK, Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import LINE_BYTES, MESSAGES, Bench, new_topic, output, produce_lines

RECOVERED_MESSAGES = 2 * MESSAGES
ONE_SEGMENT = str(2**31 - 1)  # segment.bytes: what a broker rolls it also syncs, and need not recover

COMPACTED_MESSAGES = 2 * MESSAGES // 5
COMPACTED_SEGMENT_BYTES = COMPACTED_MESSAGES * LINE_BYTES // 10
COMPACTION_TIMEOUT_S = 240.0

PRODUCERS = 8
WARMING_UP_S = 3.0
COUNTING_S = 5.0
OPERATION_TIMEOUT_S = 30.0


def recovery(bench: Bench, servers: Servers, _note: Note) -> Sequence[float]:
    """Start on one unsynced segment that a killed broker left; nothing acknowledged may be missing after it."""
    servers.start()
    try:
        topic = new_topic(servers, segment_bytes=ONE_SEGMENT)
        for _ in range(RECOVERED_MESSAGES // MESSAGES):
            produce_lines(servers, topic, bench.lines())
        servers.crash()
        start = servers.start()
        words = ["--bootstrap-server", servers.bootstrap, "--topic", topic]
        end = int(output([PK, "get-offsets", *words]).strip().rpartition(":")[2])
        if end != RECOVERED_MESSAGES:
            raise RuntimeError(f"{end:,} of {RECOVERED_MESSAGES:,} records are there after the recovery")
        return (start,)
    finally:
        servers.stop()


def compaction(bench: Bench, servers: Servers, _note: Note) -> Sequence[float]:
    """MB a second of a log whose keys all come again and again.

    Two equal logs become due at the same time. A cleaner goes from one to the next without a pause, and writes its
    checkpoint after each, so what passes between their entries is the work on the second, whole, and nothing else.
    """
    with servers.running():
        topics = [new_topic(servers, segment_bytes=str(COMPACTED_SEGMENT_BYTES)) for _ in range(2)]
        for topic in topics:
            produce_lines(servers, topic, bench.lines(keyed=True, count=COMPACTED_MESSAGES), keyed=True)
        sizes = {topic: closed_bytes(servers.logs / f"{topic}-0") for topic in topics}
        for topic in topics:
            words = ["--bootstrap-server", servers.bootstrap, "--alter", "--entity-type", "topics"]
            output([PK, "configs", *words, "--entity-name", topic, "--add-config", "cleanup.policy=compact"])
        checkpoint = servers.logs / "cleaner-offset-checkpoint"
        first, at_first = wait_until_cleaned(checkpoint, topics)
        (second,) = (topic for topic in topics if topic != first)
        _, at_second = wait_until_cleaned(checkpoint, [second])
        if closed_bytes(servers.logs / f"{second}-0") > sizes[second] / 2:
            raise RuntimeError(f"{second} is called clean and is as large as before")
        return (sizes[second] / (at_second - at_first) / 1e6,)


def closed_bytes(partition: Path) -> int:
    """What a cleaner may work on: all segments but the one that is written."""
    return sum(segment.stat().st_size for segment in sorted(partition.glob("*.log"))[:-1])


def wait_until_cleaned(checkpoint: Path, topics: Sequence[str]) -> tuple[str, float]:
    """Which of the topics is first in the file, and when; its lines are `topic partition offset`."""
    deadline = time.monotonic() + COMPACTION_TIMEOUT_S
    while time.monotonic() < deadline:
        lines = checkpoint.read_text().splitlines() if checkpoint.exists() else []
        cleaned = {words[0] for words in map(str.split, lines) if len(words) == 3 and int(words[2]) > 0}
        if found := [topic for topic in topics if topic in cleaned]:
            return found[0], time.monotonic()
        time.sleep(0.01)
    raise TimeoutError(f"{' and '.join(topics)} were not cleaned within {COMPACTION_TIMEOUT_S:.0f} s")


def transactions(_bench: Bench, servers: Servers, _note: Note) -> Sequence[float]:
    """Transactions a second of one record each, by librdkafka: of one producer, and of several together."""
    with servers.running():
        topic = new_topic(servers)
        return committed_rate(servers, topic, 1), committed_rate(servers, topic, PRODUCERS)


def committed_rate(servers: Servers, topic: str, producers: int) -> float:
    counting, done = threading.Event(), threading.Event()

    def work(number: int) -> int:
        producer = Producer(
            {
                "bootstrap.servers": servers.bootstrap,
                "transactional.id": f"bench-{producers}-{number}",
                "linger.ms": 0,
                "log_level": 3,  # errors: that a coordinator is still loading is none
            }
        )
        producer.init_transactions(OPERATION_TIMEOUT_S)
        committed = 0
        while not done.is_set():
            producer.begin_transaction()
            producer.produce(topic, b"x" * LINE_BYTES)
            producer.commit_transaction(OPERATION_TIMEOUT_S)
            committed += counting.is_set()
        return committed

    with ThreadPoolExecutor(producers) as pool:
        try:
            working = [pool.submit(work, number) for number in range(producers)]
            time.sleep(WARMING_UP_S)
            counting.set()
            time.sleep(COUNTING_S)
        finally:
            done.set()
        return sum(each.result() for each in working) / COUNTING_S


INSIDE = (
    SingleMeasurement(
        [Row(f"start with {RECOVERED_MESSAGES * LINE_BYTES / 1e9:g} GB to recover after kill -9", "s")],
        recovery,
        needs=("kcat",),
    ),
    SingleMeasurement([Row("compaction", "MB/s", higher_is_better=True)], compaction, needs=("kcat",), limit_s=400),
    SingleMeasurement(
        [
            Row("transactions of one record, one producer", "transactions/s", higher_is_better=True),
            Row(f"transactions of one record, {PRODUCERS} producers", "transactions/s", higher_is_better=True),
        ],
        transactions,
    ),
)
