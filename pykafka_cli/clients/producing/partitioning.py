"""Chooses the partition of a record as Kafka's Java producer does.

The murmur2 hash of a key determines the partition. Records without a key stay on one random partition until about a
batch of bytes was sent there (KIP-480, KIP-794).
"""

from collections.abc import Callable, Iterator, Sequence

_SEED = 0x9747B28C
_M = 0x5BD1E995
_OVERHEAD = 8  # bytes of a small record besides its value
_LANE = 8  # bytes; a 32-bit hash times a 32-bit constant fits


def murmur2(keys: Sequence[bytes]) -> list[int]:
    """The murmur2 hash of each key, unsigned. All keys must have the same length.

    The hashes are computed in parallel, each in a lane of 64 bits of one large integer: an operation on the integer is
    one
    on every lane, which is as fast as compiled code for many keys.
    source  org.apache.kafka.common.utils.Utils.murmur2
    """
    count = len(keys)
    if not count:
        return []
    length = len(keys[0])
    ones = int.from_bytes(b"\1\0\0\0\0\0\0\0" * count, "little")
    low = ones * 0xFFFFFFFF  # the 32 bits of each lane that count
    joined = b"".join(keys)

    def lanes(start: int, size: int) -> int:
        """Bytes `start` to `start + size` of every key as little-endian numbers."""
        spread = bytearray(count * _LANE)
        for position in range(size):
            spread[position::_LANE] = joined[start + position :: length]
        return int.from_bytes(spread, "little")

    whole = length - length % 4
    hashes = ones * (_SEED ^ length)
    for start in range(0, whole, 4):
        word = lanes(start, 4) * _M & low
        word = (word ^ word >> 24 & low) * _M & low
        hashes = (hashes * _M & low) ^ word
    if whole < length:
        hashes = (hashes ^ lanes(whole, length - whole)) * _M & low
    hashes = (hashes ^ hashes >> 13 & low) * _M & low
    hashes ^= hashes >> 15 & low
    return memoryview(hashes.to_bytes(count * _LANE, "little")).cast("Q").tolist()


class KeyPartitioner:
    """Maps keys to partitions of a topic with a fixed number of them; caches recent keys."""

    def __init__(self, partition_count: int, remember: int = 1 << 14) -> None:
        self.partition_count = partition_count
        self._remember = remember
        self._known: dict[bytes, int] = {}

    def partitions(self, keys: Sequence[bytes]) -> list[int]:
        """The partition of each key."""
        return self.known_partitions(keys) or self._learned_partitions(keys)

    def known_partitions(self, keys: Sequence[bytes | None]) -> list[int] | None:
        """The partition of each key; None if one of them is not cached."""
        try:
            return list(map(self._known.__getitem__, keys))  # type: ignore[arg-type]  # a missing key is not cached
        except KeyError:
            return None

    def _learned_partitions(self, keys: Sequence[bytes]) -> list[int]:
        if len(self._known) > self._remember:
            self._known.clear()
        new = set(keys).difference(self._known)
        for length in set(map(len, new)):
            same = [key for key in new if len(key) == length]
            self._known.update(
                zip(same, [(hash_ & 0x7FFFFFFF) % self.partition_count for hash_ in murmur2(same)], strict=True)
            )
        return list(map(self._known.__getitem__, keys))


class Partitioner:
    """Chooses partitions of a producer's records; `partition_count` of the topic must be set first.

    choose          returns a random number below its argument
    ignore_keys     treat all records as without a key
    """

    def __init__(self, batch_size: int, choose: Callable[[int], int], *, ignore_keys: bool) -> None:
        self._sticky = StickyPartition(batch_size, choose)
        self._keyed = KeyPartitioner(1)
        self._ignore_keys = ignore_keys

    @property
    def partition_count(self) -> int:
        return self._keyed.partition_count

    @partition_count.setter
    def partition_count(self, count: int) -> None:
        self._keyed = KeyPartitioner(count)

    def runs(self, values: Sequence[bytes | None], available: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """Records without keys as (partition, start, end): about a batch to each partition in turn."""
        start, count = 0, len(values)
        while start < count:
            if len(available) == 1:
                yield available[0], start, count
                return
            # An estimate of their size is enough: the distribution is random anyway.
            sample = values[start : start + 100]
            mean = _OVERHEAD + sum(len(value) for value in sample if value) / len(sample)
            partition = self._sticky.next_partition(available)
            end = min(count, start + max(1, round(self._sticky.room / mean)))
            self._sticky.sent(round(mean * (end - start)))
            yield partition, start, end
            start = end

    def places(
        self, values: Sequence[bytes | None], keys: Sequence[bytes | None] | None, available: Sequence[int]
    ) -> list[int]:
        """The partition of each record: by its key; those without a key stay together."""
        if keys is not None and not self._ignore_keys:
            known = self._keyed.known_partitions(keys)
            if known is not None:
                return known
            if None not in keys:
                return self._keyed.partitions(keys)  # type: ignore[arg-type]  # no None among them
        alone = self._sticky.next_partition(available)
        self._sticky.sent(sum(_OVERHEAD + len(value or b"") for value in values))
        if keys is None or self._ignore_keys:
            return [alone] * len(values)
        chosen = iter(self._keyed.partitions([key for key in keys if key is not None]))
        return [alone if key is None else next(chosen) for key in keys]


class RoundRobin:
    """Partitions in turn, one record each, like Kafka's RoundRobinPartitioner; keys are ignored."""

    def __init__(self) -> None:
        self.partition_count = 0
        self._next = 0

    def runs(self, values: Sequence[bytes | None], available: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """Records without keys as (partition, start, end)."""
        for start, partition in enumerate(self.places(values, None, available)):
            yield partition, start, start + 1

    def places(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None,  # noqa: ARG002  # they have no say
        available: Sequence[int],
    ) -> list[int]:
        """The partition of each record."""
        start, self._next = self._next, self._next + len(values)
        return [available[turn % len(available)] for turn in range(start, self._next)]


class StickyPartition:
    """The partition of records without a key: one for `batch_size` bytes, then another.

    choose      returns a random number below its argument
    available   partitions that have a leader; all of the topic's if none has one
    """

    def __init__(self, batch_size: int, choose: Callable[[int], int]) -> None:
        self._batch_size = batch_size
        self._choose = choose
        self._partition: int | None = None
        self.room = 0
        """Bytes left for the current partition."""

    def next_partition(self, available: Sequence[int]) -> int:
        """The partition for the next records: another one, if available, once the current one has had its bytes."""
        if self._partition not in available or self.room <= 0:
            others = [partition for partition in available if partition != self._partition] or list(available)
            self._partition = others[self._choose(len(others))]
            self.room = self._batch_size
        assert self._partition is not None
        return self._partition

    def sent(self, size: int) -> None:
        """Note that `size` bytes were sent to the current partition."""
        self.room -= size
