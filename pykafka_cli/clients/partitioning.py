"""Which partition a record goes to, as Kafka's Java producer decides it.

A key goes where its murmur2 hash says. Records without a key stay together on one partition, picked by chance, until
about a batch of bytes went there (KIP-480, KIP-794).
"""

from collections.abc import Callable, Sequence

_SEED = 0x9747B28C
_M = 0x5BD1E995
_LANE = 8  # bytes; a 32-bit hash times a 32-bit constant fits


def murmur2(keys: Sequence[bytes]) -> list[int]:
    """The murmur2 hash of each key, unsigned. All keys must have the same length.

    The hashes are worked out side by side, each in a lane of 64 bits of one large integer: an operation on the integer
    is an operation on every lane, which makes this as fast as compiled code when there are many keys.
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
    """Keys to partitions of a topic with a fixed number of them; remembers the keys it met lately."""

    def __init__(self, partition_count: int, remember: int = 1 << 14) -> None:
        self._count = partition_count
        self._remember = remember
        self._known: dict[bytes, int] = {}

    def partitions(self, keys: Sequence[bytes]) -> list[int]:
        """The partition of each key."""
        if len(self._known) > self._remember:
            self._known.clear()
        new = set(keys).difference(self._known)
        for length in set(map(len, new)):
            same = [key for key in new if len(key) == length]
            self._known.update(zip(same, [(hash_ & 0x7FFFFFFF) % self._count for hash_ in murmur2(same)], strict=True))
        return list(map(self._known.__getitem__, keys))


class StickyPartition:
    """The partition of records without a key: one for `batch_size` bytes, then another.

    choose      gives a number below its argument; chance is its business
    available   partitions that have a leader; all of the topic's if none has one
    """

    def __init__(self, batch_size: int, choose: Callable[[int], int]) -> None:
        self._batch_size = batch_size
        self._choose = choose
        self._partition: int | None = None
        self.room = 0
        """Bytes that the current partition may still have."""

    def next_partition(self, available: Sequence[int]) -> int:
        """The partition for what comes next. Once one had its bytes another follows, if there is another."""
        if self._partition not in available or self.room <= 0:
            others = [partition for partition in available if partition != self._partition] or list(available)
            self._partition = others[self._choose(len(others))]
            self.room = self._batch_size
        assert self._partition is not None
        return self._partition

    def sent(self, size: int) -> None:
        """`size` bytes went to the current partition."""
        self.room -= size
