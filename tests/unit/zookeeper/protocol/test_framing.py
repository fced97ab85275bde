import pytest

from pykafka_cli.zookeeper.protocol.framing import FrameReader, FrameTooLarge, frame


def taken(reader: FrameReader) -> list[bytes]:
    frames = []
    while (whole := reader.take()) is not None:
        frames.append(whole)
    return frames


def test_frames_come_out_whole_however_the_bytes_come_in() -> None:
    stream = frame(b"one") + frame(b"") + frame(b"three")
    at_once, bytewise = FrameReader(), FrameReader()

    at_once.feed(stream)
    pieces = []
    for byte in stream:
        bytewise.feed(bytes([byte]))
        pieces += taken(bytewise)

    assert taken(at_once) == pieces == [b"one", b"", b"three"]
    assert at_once.buffered == bytewise.buffered == 0


def test_half_a_frame_waits_for_its_rest() -> None:
    reader = FrameReader()
    reader.feed(frame(b"abc")[:5])

    assert not reader.has_frame
    assert reader.take() is None
    assert reader.buffered == 5


def test_a_frame_up_to_the_limit_is_accepted() -> None:
    reader = FrameReader(limit=3)
    reader.feed(frame(b"abc"))

    assert reader.has_frame
    assert reader.take() == b"abc"


@pytest.mark.parametrize("length", [b"\x00\x00\x00\x04", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"])
def test_a_length_that_cannot_be_is_rejected_before_the_frame_is_there(length: bytes) -> None:
    reader = FrameReader(limit=3)
    reader.feed(length)

    assert reader.has_frame
    with pytest.raises(FrameTooLarge, match=r"jute\.maxbuffer is 3"):
        reader.take()


def test_the_opening_is_what_a_four_letter_word_would_be() -> None:
    reader = FrameReader()
    reader.feed(b"ru")
    assert reader.opening == b"ru"

    reader.feed(b"ok\n")
    assert reader.opening == b"ruok"
