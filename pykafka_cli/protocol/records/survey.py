"""Checks the records of a batch without decoding them; a broker does so with every batch that it accepts.

Written for mypyc, with which hatch_build.py compiles it: 64-bit integers and bytes, one function without calls. As
plain Python it does the same, about eighty times slower. Layout of a record: record.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64

PIECE: Final = 6 << 10
"""Bytes that are copied and checked together: compiled code is fast with bytes objects only."""


def survey(records: bytes | bytearray | memoryview, count: i64) -> tuple[int, int, bool] | None:
    """(smallest timestamp delta, largest, whether every record has a key) of `count` records that fill `payload`.

    None unless they have the form in which clients write them: offset deltas 0, 1, 2 ..., no attributes above 127,
    integers within their range and in no more bytes than allowed. record.py decides whether others are valid.
    """
    total: i64 = len(records)
    start: i64 = 0
    size: i64 = PIECE
    lowest: i64 = 0
    highest: i64 = 0
    has_keys = True
    index: i64 = 0
    while True:
        end: i64 = total - start
        if end > size:
            end = size
        payload = bytes(records[start : start + end])
        done: i64 = 0
        at: i64 = 0
        try:
            while index < count:
                # The length.
                byte: i64 = payload[at]
                at += 1
                value: i64 = byte & 0x7F
                shift: i64 = 7
                while byte > 0x7F:
                    byte = payload[at]
                    at += 1
                    value |= (byte & 0x7F) << shift
                    if shift == 28 and byte > 0x0F:
                        return None
                    shift += 7
                stop: i64 = at + (value >> 1)
                if value & 1:
                    return None
                if stop > end:
                    break
                # Attributes; the delta of the timestamp.
                if payload[at] > 0x7F:
                    return None
                byte = payload[at + 1]
                at += 2
                value = byte & 0x7F
                shift = 7
                while byte > 0x7F:
                    byte = payload[at]
                    at += 1
                    value |= (byte & 0x7F) << shift
                    if shift == 56 and byte > 0x3F:
                        return None
                    shift += 7
                value = (value >> 1) ^ -(value & 1)
                if index == 0:
                    lowest = highest = value
                elif value < lowest:
                    lowest = value
                elif value > highest:
                    highest = value
                # The delta of the offset.
                byte = payload[at]
                at += 1
                value = byte & 0x7F
                shift = 7
                while byte > 0x7F:
                    byte = payload[at]
                    at += 1
                    value |= (byte & 0x7F) << shift
                    if shift == 28 and byte > 0x0F:
                        return None
                    shift += 7
                if value != index << 1:
                    return None
                # Key and value, then the number of headers, whose keys and values follow.
                fields: i64 = 2
                field: i64 = 0
                while field < fields:
                    byte = payload[at]
                    at += 1
                    value = byte & 0x7F
                    shift = 7
                    while byte > 0x7F:
                        byte = payload[at]
                        at += 1
                        value |= (byte & 0x7F) << shift
                        if shift == 28 and byte > 0x0F:
                            return None
                        shift += 7
                    if not value & 1:
                        at += value >> 1
                    elif field == 0:
                        has_keys = False
                    elif field > 1 and not field & 1:
                        return None
                    field += 1
                    if field == 2:
                        byte = payload[at]
                        at += 1
                        value = byte & 0x7F
                        shift = 7
                        while byte > 0x7F:
                            byte = payload[at]
                            at += 1
                            value |= (byte & 0x7F) << shift
                            if shift == 28 and byte > 0x0F:
                                return None
                            shift += 7
                        if value & 1:
                            return None
                        fields += value
                if at != stop:
                    return None
                index += 1
                done = at
        except IndexError:  # the piece ends within a record
            pass
        start += done
        if index == count:
            return (lowest, highest, has_keys) if start == total else None
        if start + end - done >= total:
            return None  # the rest of the records ends within one
        size = PIECE if done else size * 4
