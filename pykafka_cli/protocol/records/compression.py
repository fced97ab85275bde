"""The codecs of record batches, framed as Kafka's Java client writes and reads them.

    gzip    a gzip member (several in a row are also read)
    snappy  xerial's stream: 82 "SNAPPY" 00, version int32 = 1, compatible int32 = 1, then per block its length (int32)
            and raw snappy; a bare raw snappy block, which librdkafka may send, is read as well
    lz4     an LZ4 frame of independent 64 KiB blocks without checksums of content, all that Java's reader accepts
    zstd    a zstd frame

What comes out is bounded (`limit`), since a small batch can unfold to any size.
Source: Compression and its implementations in org.apache.kafka.common.compress.
"""

import mmap
import struct
from collections.abc import Callable
from typing import Any

import cramjam

from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import Compression, CorruptRecords

MAX_UNCOMPRESSED = 256 << 20
"""What a batch may unfold to, in bytes; far above what any client puts into one."""

_LARGE = 1 << 20

_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + struct.pack(">ii", 1, 1)
_XERIAL_BLOCK = 32 << 10

# Magic, FLG (version 1, independent blocks), BD (64 KiB), second byte of the descriptor's xxHash32.
_LZ4_FRAME = bytes.fromhex("04224d18604082")
_LZ4_BLOCK = 64 << 10
_LZ4_HAS_SIZE = 0x08
_LZ4_STORED = 0x80000000  # this block did not shrink and is as it was
_LZ4_END = struct.pack("<I", 0)
_LZ4_UNREADABLE_FLAGS = 0b11100011  # version, independent blocks, reserved, dictionary

_ZSTD_MAGIC = bytes.fromhex("28b52ffd")
_ZSTD_SINGLE_SEGMENT = 0x20  # the window is the content
MAX_WINDOW = 128 << 20
"""Bytes that a reader of zstd has to remember; Java's does not remember more."""


class UnfoldsTooFar(CorruptRecords):
    """The bytes unfold to more than the limit."""


def compress(codec: Compression, data: Buffer, level: int | None = None) -> bytes:
    """`data` in the framing above; `level` in the codec's own range (gzip 1-9, zstd -131072-22; others have none)."""
    match codec:
        case Compression.NONE:
            return bytes(data)
        case Compression.GZIP:
            return bytes(cramjam.gzip.compress(data, level=6 if level is None or level < 0 else level))
        case Compression.SNAPPY:
            return _xerial_frame(data)
        case Compression.LZ4:
            return _lz4_frame(data)
        case Compression.ZSTD:
            return bytes(cramjam.zstd.compress(data, level=3 if level is None else level))


def decompress(codec: Compression, data: Buffer, limit: int = MAX_UNCOMPRESSED) -> bytes | bytearray | memoryview:
    """The bytes that were compressed.

    raises  CorruptRecords when `data` is not of that codec; UnfoldsTooFar when it unfolds to more than `limit` bytes
    """
    try:
        match codec:
            case Compression.NONE:
                return data
            case Compression.GZIP:
                return _unfold(cramjam.gzip.decompress_into, data, limit)
            case Compression.SNAPPY:
                return _unframe_snappy(data, limit)
            case Compression.LZ4:
                return _unfold(cramjam.lz4.decompress_into, data, limit)
            case Compression.ZSTD:
                return _unfold(cramjam.zstd.decompress_into, data, limit)
    except (cramjam.DecompressionError, struct.error) as error:
        raise CorruptRecords(f"records cannot be decompressed as {codec.name.lower()}: {error}") from None


def _unfold(decompress_into: Callable[[Any, Any], int], data: Buffer, limit: int) -> memoryview:
    # The codecs do not know the size beforehand (Java writes streams), so the room is doubled until it is enough.
    room = min(max(4096, 8 * len(data)), limit)
    while True:
        # A bytearray is written with zeros first, while no other thread can run.
        output = mmap.mmap(-1, room) if room > _LARGE else bytearray(room)
        try:
            return memoryview(output)[: decompress_into(data, output)]
        except cramjam.DecompressionError as error:
            if "whole buffer" not in str(error):
                raise
            if room == limit:
                raise UnfoldsTooFar(f"records unfold to more than {limit} bytes") from None
            room = min(room * 4, limit)


def ensure_readable_by_java(codec: Compression, data: Buffer) -> None:
    """Refuse the frames that `decompress` reads and Java's clients do not; raises CorruptRecords."""
    if codec is Compression.LZ4 and data[:4] == _LZ4_FRAME[:4] and len(data) > 4:
        if data[4] & _LZ4_UNREADABLE_FLAGS != _LZ4_FRAME[4] & _LZ4_UNREADABLE_FLAGS:
            raise CorruptRecords("an LZ4 frame with dependent blocks or a dictionary")
    elif codec is Compression.ZSTD and data[:4] == _ZSTD_MAGIC and len(data) > 5 and not data[4] & _ZSTD_SINGLE_SEGMENT:
        exponent, mantissa = data[5] >> 3, data[5] & 7
        if (8 + mantissa) << (exponent + 7) > MAX_WINDOW:
            raise CorruptRecords("a zstd frame with a window of more than 128 MiB")


def _xerial_frame(data: Buffer) -> bytes:
    parts = [_XERIAL_HEADER]
    with memoryview(data) as view:
        for start in range(0, len(view), _XERIAL_BLOCK):
            block = bytes(cramjam.snappy.compress_raw(view[start : start + _XERIAL_BLOCK]))
            parts += (struct.pack(">i", len(block)), block)
    return b"".join(parts)


def _unframe_snappy(data: Buffer, limit: int) -> bytes:
    with memoryview(data) as view:
        if bytes(view[:8]) != _XERIAL_MAGIC:
            return _unfold_raw_snappy(view, limit)
        parts: list[bytes] = []
        position, total = len(_XERIAL_HEADER), 0
        while position < len(view):
            (length,) = struct.unpack_from(">i", view, position)
            position += 4
            if not 0 <= length <= len(view) - position:
                raise CorruptRecords(f"snappy block of {length} bytes, {len(view) - position} are there")
            parts.append(_unfold_raw_snappy(view[position : position + length], limit, total))
            position, total = position + length, total + len(parts[-1])
    return b"".join(parts)


def _unfold_raw_snappy(block: memoryview, limit: int, before: int = 0) -> bytes:
    if not block:
        raise CorruptRecords("an empty snappy block")
    if before + cramjam.snappy.decompress_raw_len(block) > limit:
        raise UnfoldsTooFar(f"records unfold to more than {limit} bytes")
    return bytes(cramjam.snappy.decompress_raw(block))


def _lz4_frame(data: Buffer) -> bytes:
    parts = [_LZ4_FRAME]
    with memoryview(data) as view:
        for start in range(0, len(view), _LZ4_BLOCK):
            plain = view[start : start + _LZ4_BLOCK]
            block = bytes(cramjam.lz4.compress_block(plain, store_size=False))
            if len(block) < len(plain):
                parts += (struct.pack("<I", len(block)), block)
            else:
                parts += (struct.pack("<I", len(plain) | _LZ4_STORED), bytes(plain))
    parts.append(_LZ4_END)
    return b"".join(parts)


def with_lz4_checksum(frame: bytes, *, over_magic: bool) -> bytes:
    """An LZ4 frame with a new checksum of its header: as the format defines it, or including the magic number.

    The latter is what Kafka wrote and wanted in message format 0 (KAFKA-3160). What is no frame stays as it is.
    """
    if len(frame) < 7 or frame[:4] != _LZ4_FRAME[:4]:
        return frame
    end = 6 + (8 if frame[4] & _LZ4_HAS_SIZE else 0)
    checksum = _xxhash32(frame[0 if over_magic else 4 : end]) >> 8 & 0xFF
    return frame[:end] + bytes((checksum,)) + frame[end + 1 :]


def _xxhash32(data: bytes) -> int:
    """XXH32 with seed 0 of less than 16 bytes, which the header of an LZ4 frame always is."""
    value, position = 0x165667B1 + len(data), 0
    while position + 4 <= len(data):
        value += int.from_bytes(data[position : position + 4], "little") * 0xC2B2AE3D
        value = _rotated(value, 17) * 0x27D4EB2F
        position += 4
    for byte in data[position:]:
        value = _rotated(value + byte * 0x165667B1, 11) * 0x9E3779B1
    value &= 0xFFFFFFFF
    value = (value ^ value >> 15) * 0x85EBCA77 & 0xFFFFFFFF
    value = (value ^ value >> 13) * 0xC2B2AE3D & 0xFFFFFFFF
    return value ^ value >> 16


def _rotated(value: int, bits: int) -> int:
    value &= 0xFFFFFFFF
    return value << bits | value >> 32 - bits
