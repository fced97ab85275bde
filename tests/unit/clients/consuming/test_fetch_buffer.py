from pykafka_cli.clients.consuming.fetch_buffer import BUFFERED_BYTES, Chunk, FetchBuffer
from pykafka_cli.clients.consuming.sources import Source
from pykafka_cli.model import LeaderEpoch, Offset, OffsetSpec, TopicPartition

SOURCE = Source(TopicPartition("t", 0), Offset(0), OffsetSpec.EARLIEST)


def chunk(start: int, data: bytes = b"x") -> Chunk:
    return Chunk(SOURCE, Offset(start), LeaderEpoch(0), Offset(start + 2), data, ())


def test_chunks_are_taken_in_order_and_then_there_is_nothing_ready() -> None:
    buffer = FetchBuffer()
    buffer.add(chunk(0))
    buffer.add(chunk(2))

    assert buffer.ready.is_set()
    assert [buffer.take(), buffer.take()] == [chunk(0), chunk(2)]
    assert buffer.ready.is_set()  # until somebody finds that there is none

    assert buffer.take() is None
    assert not buffer.ready.is_set()


def test_there_is_room_until_so_much_is_buffered_and_again_when_it_was_taken() -> None:
    buffer = FetchBuffer()
    buffer.add(chunk(0, bytes(BUFFERED_BYTES - 1)))
    assert buffer.room.is_set()

    buffer.add(chunk(2))
    assert not buffer.room.is_set()

    buffer.take()
    assert buffer.room.is_set()


def test_dropped_chunks_are_returned_and_make_room() -> None:
    buffer = FetchBuffer()
    buffer.add(chunk(0))
    buffer.add(chunk(2, bytes(BUFFERED_BYTES)))
    buffer.add(chunk(4))

    assert [each.offset for each in buffer.drop(lambda each: each.reaches(Offset(3)))] == [2, 4]
    assert buffer.room.is_set()
    assert buffer.take() == chunk(0)


def test_a_chunk_reaches_an_offset_if_any_of_it_does() -> None:
    assert [chunk(0).reaches(Offset(each)) for each in (0, 1, 2)] == [True, True, False]
