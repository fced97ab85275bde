"""What must hold at every moment of a run, whatever the faults."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pykafka_cli.broker.coordinator.group.coordinator import OFFSETS_TOPIC
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.replication.partition_role import Leader
from pykafka_cli.model import FIRST_OFFSET, LeaderEpoch, Offset, TopicPartition
from pykafka_cli.protocol.records.batch import walk
from tests.simulation.cluster import GROUP, TOPIC
from tests.simulation.servers.cluster import ServerCluster, SimulatedBroker
from tests.simulation.servers.compaction import TOPICS, AllRemains
from tests.simulation.workers import Writer

READ_SIZE = 1 << 20

_Replica: TypeAlias = tuple[SimulatedBroker, PartitionLog]


class Invariants:
    """Checks all brokers from outside; `broken` has a line for each thing that was wrong.

    * A high watermark is not above the end of its log.
    * A leader epoch has one leader.
    * A leader that ZooKeeper knows has all that was acknowledged with acks=all.
    * Logs have the same bytes below the high watermark; of what is compacted, what compaction.py says remains.
    * What a group has committed does not go back.

    remains     of each compacted partition, if there are any
    may_lose    unclean elections are allowed: only the first two hold
    """

    def __init__(
        self,
        cluster: ServerCluster,
        writers: Sequence[Writer],
        remains: AllRemains | None = None,
        *,
        may_lose: bool = False,
    ) -> None:
        self._cluster = cluster
        self._remains = remains
        self._may_lose = may_lose
        self._writers = [each for each in writers if each.settings.required_acks == -1]
        self._leaders: dict[tuple[TopicPartition, LeaderEpoch], int] = {}
        self._acknowledged: dict[TopicPartition, Offset] = {}
        self._counted: dict[str, int] = {}
        self._prefixes: dict[TopicPartition, bytearray] = {}
        self._compared: dict[tuple[str, TopicPartition], tuple[Offset, int]] = {}
        self._committed: dict[TopicPartition, Offset] = {}
        self.broken: list[str] = []
        self.looks = 0

    def look(self) -> None:
        """Check everything once; `broken` has what is wrong."""
        self.looks += 1
        self._count_acknowledged()
        for broker in self._cluster.running():
            for partition, its in broker.partitions().items():
                log = its.log
                if log is None:
                    continue
                if log.high_watermark > log.log_end:
                    self._report(broker, partition, f"high watermark {log.high_watermark}, log end {log.log_end}")
                if isinstance(its.role, Leader):
                    first = self._leaders.setdefault((partition, its.leader_epoch), broker.id)
                    if first != broker.id:
                        self._report(broker, partition, f"leads in epoch {its.leader_epoch}, as broker {first} did")
        if not self._may_lose:
            self._check_leaders()
            self._check_commits()

    def compare_logs(self) -> None:
        """Compare what replicas have below their high watermarks."""
        if self._may_lose:
            return
        compacted: dict[TopicPartition, list[_Replica]] = defaultdict(list)
        for broker in self._cluster.running():
            for partition, its in broker.partitions().items():
                if its.log is None:
                    continue
                if self._remains is None or partition.topic not in TOPICS:
                    self._compare(broker, partition, its.log)
                else:
                    compacted[partition].append((broker, its.log))
                    for what in self._remains[partition].compare(broker.process, its.log):
                        self._report(broker, partition, what)
        for partition, replicas in compacted.items():
            self._check_last_records(partition, replicas)

    def _check_last_records(self, partition: TopicPartition, replicas: Sequence[_Replica]) -> None:
        assert self._remains is not None
        logs = [log for _, log in replicas if not log.is_offline]
        for broker, log in replicas:
            for what in self._remains[partition].missing(broker.process, log, logs, self._cluster.now_ms()):
                self._report(broker, partition, what)

    def _compare(self, broker: SimulatedBroker, partition: TopicPartition, log: PartitionLog) -> None:
        if log.log_start > FIRST_OFFSET:
            return
        key = broker.process, partition
        offset, position = self._compared.get(key, (FIRST_OFFSET, 0))
        agreed = self._prefixes.setdefault(partition, bytearray())
        while offset < log.high_watermark:
            data = log.read(offset, max_bytes=READ_SIZE, up_to=log.high_watermark, min_one_batch=True).records
            if not data:
                return
            known = agreed[position : position + len(data)]
            if known != data[: len(known)]:
                self._report(broker, partition, f"differs from other replicas after offset {offset}")
                return
            agreed += data[len(known) :]
            position += len(data)
            offset = next_offset(bytes(data), offset)
            self._compared[key] = offset, position

    def _count_acknowledged(self) -> None:
        for writer in self._writers:
            done = self._counted.get(writer.name, 0)
            for tag in list(writer.places)[done:]:
                number, offset = writer.places[tag]
                if offset is not None and writer.outcomes.get(tag) in ("sent", "committed"):
                    partition = TopicPartition(writer.topic, number)
                    self._acknowledged[partition] = max(offset, self._acknowledged.get(partition, offset))
            self._counted[writer.name] = len(writer.places)

    def _check_leaders(self) -> None:
        for partition, acknowledged in self._acknowledged.items():
            role = self._cluster.leading(partition)
            if role is not None and role.log.log_end <= acknowledged:
                self.broken.append(
                    f"{partition}: offset {acknowledged} was acknowledged, and its leader has {role.log.log_end}"
                )

    def _check_commits(self) -> None:
        for partition, offset in self._commits():
            before = self._committed.get(partition, FIRST_OFFSET)
            if offset < before:
                self.broken.append(f"{partition}: the group had committed {before}, now {offset}")
            self._committed[partition] = offset

    def _commits(self) -> Iterator[tuple[TopicPartition, Offset]]:
        """What the broker has committed that coordinates the group, as ZooKeeper knows it."""
        for broker in self._cluster.running():
            its = broker.broker
            if its is None:
                continue
            place = TopicPartition(OFFSETS_TOPIC, its.groups.partition_for(GROUP))
            role = self._cluster.leading(place)
            if role is None or role.leader != broker.id:
                continue
            try:
                found = its.groups.fetch_offsets(GROUP, None, require_stable=True)
            except BrokerError:  # it has not loaded them, or there are none
                return
            for partition, value in found.items():
                if partition.topic == TOPIC and isinstance(value, OffsetCommitValue):
                    yield partition, Offset(value.offset)
            return

    def _report(self, broker: SimulatedBroker, partition: TopicPartition, what: str) -> None:
        self.broken.append(f"{broker.process} {partition}: {what}")


def next_offset(data: bytes, offset: Offset) -> Offset:
    """The offset after the batches `data`, which begin at `offset`."""
    for _, header in walk(data):
        offset = header.next_offset
    return offset
