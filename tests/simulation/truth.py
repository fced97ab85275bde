"""What stands in the logs at the end of a run, and whether everybody saw and wrote what they should."""

import itertools
import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import FIRST_OFFSET, Offset, TopicPartition
from pykafka_cli.protocol.records.batch import walk
from pykafka_cli.protocol.records.control import ControlType, read_marker
from pykafka_cli.protocol.records.record import read_records
from tests.simulation.cluster import TOPIC, SimulatedCluster, UncleanElection
from tests.simulation.node import Deletion
from tests.simulation.workers import Chunk, Reader, TransactionalWriter, Writer


@dataclass
class Log:
    """One partition as its leader has it. `committed` leaves out what a reader of committed records must not see.

    A log may begin before records that were deleted: a leader that crashes may have them still, or again. After an
    unclean election, other records may have taken the place of those that were lost.
    """

    start: int
    end: int
    deletions: Sequence[Deletion] = ()
    unclean_elections: Sequence[UncleanElection] = ()
    records: dict[Offset, bytes] = field(default_factory=dict)
    committed: dict[Offset, bytes] = field(default_factory=dict)

    def deleted_before(self, at: float = math.inf) -> int:
        """The highest offset at which the log has begun up to then."""
        return max((each.log_start for each in self.deletions if each.at <= at), default=0)

    def lost_from(self, at: float = math.inf) -> float:
        """The lowest offset from which on records have been lost up to then."""
        return min((each.diverged for each in self.unclean_elections if each.at <= at), default=math.inf)

    def may_go_unread(self, offset: Offset) -> bool:
        """Whether a consumer may never read what is there: it was deleted, or had been there before in a log that was
        not the leader's. Consumers return to the end of the last epoch before theirs that the new leader knows, which
        may lie behind the offset at which the logs diverged.
        """
        return offset < self.deleted_before() or self.came_back(offset)

    def came_back(self, offset: Offset) -> bool:
        """Whether what is there was in a log that was not the leader's, until it was elected again."""
        return any(each.diverged <= offset < each.log_end for each in self.unclean_elections)


def read_logs(cluster: SimulatedCluster) -> dict[TopicPartition, Log]:
    return {
        each: read_log(
            cluster.leader_of(*each).log(*each),
            cluster.deletions.get(each, ()),
            cluster.unclean_elections.get(each, ()),
        )
        for each in sorted(cluster.controller.partitions)
        if each.topic == TOPIC
    }


def read_log(
    log: PartitionLog, deletions: Sequence[Deletion] = (), unclean_elections: Sequence[UncleanElection] = ()
) -> Log:
    """What a leader's log has up to its high watermark."""
    found = Log(log.log_start, log.high_watermark, deletions, unclean_elections)
    pending: dict[int, dict[Offset, bytes]] = defaultdict(dict)
    offset = log.log_start
    while offset < log.high_watermark:
        data = log.read(offset, max_bytes=1 << 20, up_to=log.high_watermark, min_one_batch=True).records
        for position, header in walk(data):
            offset = header.next_offset
            if header.is_control:
                marker = read_marker(data, position)
                open_records = pending.pop(header.producer_id, {})
                if marker and marker.type is ControlType.COMMIT:
                    found.committed |= open_records
                continue
            records = {
                each.offset: bytes(each.value or b"")
                for each in read_records(data, position)
                if each.offset >= log.log_start
            }
            found.records |= records
            if header.is_transactional:
                pending[header.producer_id] |= records
            else:
                found.committed |= records
    found.committed = dict(sorted(found.committed.items()))
    return found


Seen = set[tuple[TopicPartition, Offset, bytes]]
"""Records, with what they were."""


def seen_by(readers: Iterable[Reader]) -> Seen:
    return {
        (chunk.partition, offset, value)
        for reader in readers
        for chunk in reader.chunks
        for offset, value in chunk.records
    }


def is_read_up(reader: Reader, logs: Mapping[TopicPartition, Log], *, committed: bool) -> bool:
    """Whether a reader that began at the beginning has seen all that there is now."""
    return not missing(seen_by([reader]), logs, committed=committed)


def missing(seen: Seen, logs: Mapping[TopicPartition, Log], *, committed: bool) -> list[tuple[TopicPartition, Offset]]:
    """What nobody has seen of what is there, and was there all the time."""
    return [
        (partition, offset)
        for partition, log in logs.items()
        for offset, value in (log.committed if committed else log.records).items()
        if (partition, offset, value) not in seen and not log.may_go_unread(offset)
    ]


def check_writer(writer: Writer, logs: Mapping[TopicPartition, Log]) -> Iterable[str]:
    """Each record once and in order if the writer is idempotent, at least once if it waited for all replicas.

    What came back with an unclean election may have been written again meanwhile, as the leader did not have it.
    """
    name, idempotent = writer.name, writer.settings.idempotent
    prefix = writer.name.encode() + b":"
    there: set[int] = set()
    times: Counter[int] = Counter()
    for partition, log in logs.items():
        visible = log.committed if isinstance(writer, TransactionalWriter) else log.records
        own = {offset: int(value[len(prefix) :]) for offset, value in visible.items() if value.startswith(prefix)}
        there.update(own.values())
        tags = [tag for offset, tag in own.items() if not log.came_back(offset)]
        times.update(tags)
        if idempotent and any(before >= after for before, after in itertools.pairwise(tags)):
            yield f"{name} in {partition}: not each once and in order: {_around_disorder(tags)}"
    if idempotent and (twice := [tag for tag, count in times.items() if count > 1]):
        yield f"{name} is there twice: {twice[:10]}"
    for tag, outcome in sorted(writer.outcomes.items()):
        if outcome == "committed" or (outcome == "sent" and writer.settings.required_acks == -1):
            if tag not in there and not _may_be_gone(writer.places.get(tag), logs):
                yield f"{name}: {tag} was {outcome} and is not there"
        elif outcome == "aborted" and tag in there:
            yield f"{name}: {tag} was aborted and is there"


def _may_be_gone(place: tuple[int, Offset | None] | None, logs: Mapping[TopicPartition, Log]) -> bool:
    """Whether a record may have been deleted, or lost; a broker may not say where one is that it has stored before."""
    if place is None:
        return False
    partition, offset = place
    log = logs[TopicPartition(TOPIC, partition)]
    if offset is None:
        return log.deleted_before() > FIRST_OFFSET or bool(log.unclean_elections)
    return offset < log.deleted_before() or offset >= log.lost_from()


def _around_disorder(tags: list[int]) -> list[int]:
    for index in range(1, len(tags)):
        if tags[index - 1] >= tags[index]:
            return tags[max(0, index - 4) : index + 4]
    return []


def check_reader(reader: Reader, logs: Mapping[TopicPartition, Log], *, committed: bool) -> Iterable[str]:
    """In order, without a gap, and nothing that is not there, as long as it had the partition."""
    last: dict[tuple[TopicPartition, int], int] = {}
    offsets: dict[TopicPartition, list[int]] = {
        partition: list(log.committed if committed else log.records) for partition, log in logs.items()
    }
    for chunk in reader.chunks:
        log = logs[chunk.partition]
        visible = log.committed if committed else log.records
        for offset, value in chunk.records:
            before = last.get((chunk.partition, chunk.span))
            lost_from = log.lost_from(chunk.at)
            if before is not None and offset <= before:
                # What was to be read next had been deleted: it began again where the log did, and more was there again.
                was_reset = before + 1 < log.deleted_before(chunk.at)
                if not lost_from <= offset and not was_reset:
                    yield f"{reader.name}: {chunk.partition} went back from {before} to {offset}"
            elif before is not None:
                first = max(before + 1, log.deleted_before(chunk.at))
                there, end = offsets[chunk.partition], min(offset, log.lost_from())
                if skipped := there[bisect_left(there, first) : bisect_left(there, end)]:
                    yield f"{reader.name}: {chunk.partition} skipped {skipped[:5]} between {before} and {offset}"
            if log.start <= offset < log.lost_from() and visible.get(offset) != value:
                yield f"{reader.name}: {chunk.partition} {offset} was {value!r}, and is {visible.get(offset)!r}"
            last[chunk.partition, chunk.span] = offset


def check_group(members: Sequence[Reader], logs: Mapping[TopicPartition, Log], *, committed: bool) -> Iterable[str]:
    """Each record at least once, and in one generation by one member only.

    The same member may read it again: one that could not commit before it rejoined a generation that still stands.
    """
    seen: dict[tuple[int, TopicPartition, Offset], str] = {}
    for member in members:
        for chunk in member.chunks:
            for offset, _ in chunk.records:
                other = seen.setdefault((chunk.generation, chunk.partition, offset), member.name)
                if other != member.name:
                    yield (
                        f"{chunk.partition} {offset} was read by {other} and {member.name} in generation "
                        f"{chunk.generation}"
                    )
    left = missing(seen_by(members), logs, committed=committed)
    if left:
        yield f"the group never read {len(left)} records, first {left[:5]}"


__all__ = ["Chunk", "Log", "check_group", "check_reader", "check_writer", "is_read_up", "missing", "read_logs"]
