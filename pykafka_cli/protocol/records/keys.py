"""Reads the keys of a batch's records and no more, for compaction, which keeps few of the records.

Written for mypyc, as survey.py is: as plain Python it takes longer than aiokafka's reader takes for whole records.
Layout of a record: record.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64

IS_COMPILED = not __file__.endswith(".py")


def record_keys(payload: bytes, count: i64, base_offset: i64) -> tuple[list[bytes | None], list[int], list[int]] | None:
    """(keys, offsets, indexes of those without a value) of `count` records that fill `payload`.

    None if their lengths do not add up; what follows a record's value is not looked at.
    """
    keys: list[bytes | None] = []
    offsets: list[int] = []
    without_value: list[int] = []
    total: i64 = len(payload)
    at: i64 = 0
    index: i64 = 0
    try:
        while index < count:
            length, at = _varint(payload, at)
            stop: i64 = at + length
            if length < 0 or stop > total:
                return None
            _, at = _varint(payload, at + 1)  # behind the attributes, the delta of the timestamp
            offset_delta, at = _varint(payload, at)
            size, at = _varint(payload, at)
            if size < 0:
                keys.append(None)
            else:
                keys.append(payload[at : at + size])
                at += size
            size, at = _varint(payload, at)
            if size < 0:
                without_value.append(index)
                size = 0
            if at + size > stop:
                return None
            offsets.append(base_offset + offset_delta)
            at = stop
            index += 1
    except IndexError:
        return None
    return (keys, offsets, without_value) if at == total else None


def _varint(payload: bytes, at: i64) -> tuple[i64, i64]:
    """The number at a position, and the position after it; raises IndexError if it does not end."""
    byte: i64 = payload[at]
    at += 1
    value: i64 = byte & 0x7F
    shift: i64 = 7
    while byte > 0x7F:
        if shift > 63:
            raise IndexError
        byte = payload[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
    return (value >> 1) ^ -(value & 1), at
