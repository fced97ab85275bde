import random

import pytest

from pykafka_cli.protocol.records.batch import Compression, CorruptRecords
from pykafka_cli.protocol.records.compression import compress, decompress

SAMPLES = [b"", b"a", b"abc" * 50_000, bytes(range(256)) * 700]
CODECS = [Compression.GZIP, Compression.SNAPPY, Compression.LZ4, Compression.ZSTD]


@pytest.mark.parametrize("data", SAMPLES, ids=len)
@pytest.mark.parametrize("codec", Compression)
def test_what_was_compressed_comes_back(codec: Compression, data: bytes) -> None:
    assert bytes(decompress(codec, compress(codec, data))) == data


def test_snappy_is_framed_as_java_reads_it() -> None:
    framed = compress(Compression.SNAPPY, b"x" * 40_000)

    assert framed.startswith(b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")


def test_a_raw_snappy_block_is_read_too() -> None:
    framed = compress(Compression.SNAPPY, b"raw block")

    assert decompress(Compression.SNAPPY, framed[20:]) == b"raw block"


def test_lz4_blocks_are_independent_and_of_64_kib() -> None:
    framed = compress(Compression.LZ4, b"x" * 70_000)

    assert framed[:7].hex() == "04224d18604082"


def test_lz4_keeps_a_block_that_does_not_shrink() -> None:
    incompressible = random.Random(0).randbytes(1000)

    assert bytes(decompress(Compression.LZ4, compress(Compression.LZ4, incompressible))) == incompressible


@pytest.mark.parametrize("codec", CODECS)
def test_bytes_of_no_codec_are_rejected(codec: Compression) -> None:
    with pytest.raises(CorruptRecords):
        decompress(codec, b"\x12\x34\x56\x78 this is nothing")


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_cannot_unfold_beyond_the_limit(codec: Compression) -> None:
    bomb = compress(codec, bytes(100_000))

    with pytest.raises(CorruptRecords, match="more than 65536"):
        decompress(codec, bomb, 65_536)
    assert len(decompress(codec, bomb, 100_000)) == 100_000


@pytest.mark.parametrize("length", [-1, 5, 0x7FFFFFFF])
def test_a_snappy_block_that_claims_a_wrong_length_is_rejected(length: int) -> None:
    framed = bytearray(compress(Compression.SNAPPY, b"abc"))[:24]
    framed[16:20] = length.to_bytes(4, "big", signed=True)

    with pytest.raises(CorruptRecords):
        decompress(Compression.SNAPPY, framed)
