"""String.hashCode and the order of Java's hash tables, for what Kafka places or writes by them."""

from collections.abc import Iterable


def java_hash(text: str) -> int:
    """java.lang.String.hashCode as an unsigned number of 32 bits."""
    value = 0
    for unit in memoryview(text.encode("utf-16", "surrogatepass")[2:]).cast("H"):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value


def java_hash_order(keys: Iterable[str]) -> list[str]:
    """As java.util.Properties gives them: by place in a hash table that doubles when it is three quarters full."""
    keys = list(keys)
    size = 16
    while len(keys) >= size * 3 // 4:
        size *= 2
    return sorted(keys, key=lambda key: _spread(java_hash(key)) & (size - 1))


def _spread(value: int) -> int:
    return value ^ value >> 16


def scala_hash_set_order(hashes: Iterable[int]) -> list[int]:
    """In which order a scala.collection.mutable.HashSet gives elements with these hashes: their places in `hashes`."""
    spread = [_spread(value & 0xFFFFFFFF) for value in hashes]
    size = 16
    while len(spread) >= size * 3 // 4:
        size *= 2
    return sorted(range(len(spread)), key=lambda place: (spread[place] & (size - 1), _signed(spread[place])))


def _signed(value: int) -> int:
    return value - ((value & 0x80000000) << 1)
