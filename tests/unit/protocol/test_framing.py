import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.protocol.framing import FrameReceiver


def framed(*bodies: bytes) -> bytes:
    return b"".join(struct.pack(">i", len(body)) + body for body in bodies)


def outcome(receiver: FrameReceiver, pieces: list[bytes]) -> list[bytes | str]:
    """Frames in order, and the refusal that ended the stream, if one did."""
    seen: list[bytes | str] = []
    for piece in pieces:
        seen += map(bytes, receiver.receive(piece))
    return [*seen, str(receiver.refusal)] if receiver.refusal else seen


def test_many_small_frames_come_out_of_one_buffer() -> None:
    assert FrameReceiver(100).receive(framed(b"one", b"", b"three")) == [b"one", b"", b"three"]


def test_each_frame_is_a_bytearray_of_its_own() -> None:
    receiver = FrameReceiver(100)
    first, second = receiver.receive(framed(b"abc", b"def"))
    first[0] = 0
    receiver.receive(framed(b"xyz"))
    assert (first, second) == (b"\0bc", b"def")


def test_a_frame_larger_than_the_scratch_is_received_into_its_own_memory() -> None:
    body = bytes(range(256)) * 20
    receiver = FrameReceiver(10_000, scratch=bytearray(64))
    data = framed(body, b"next")

    assert receiver.receive(data[:100]) == []
    buffer = receiver.get_buffer()
    assert len(buffer) == len(body) - 96
    assert receiver.receive(data[100:]) == [body, b"next"]


def test_a_promise_of_much_costs_little_until_it_is_kept() -> None:
    receiver = FrameReceiver(100_000_000)
    receiver.receive(struct.pack(">i", 90_000_000) + b"x")
    assert len(receiver.get_buffer()) < 2_000_000


def test_a_large_frame_grows_with_what_arrives() -> None:
    body = bytes(5_000_000)
    (frame,) = FrameReceiver(10_000_000).receive(framed(body))
    assert frame == body


def test_receivers_may_share_one_scratch() -> None:
    scratch = bytearray(1024)
    one, other = FrameReceiver(100, scratch), FrameReceiver(100, scratch)
    assert one.receive(framed(b"abcdef")[:3]) == []
    assert other.receive(framed(b"xyz")) == [b"xyz"]
    assert one.receive(framed(b"abcdef")[3:]) == [b"abcdef"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xff\xff\xff", "a request of -1 bytes"),
        (b"\0\0\0\x65", "a request of 101 bytes, more than socket.request.max.bytes=100"),
        (b"GET / HTTP/1.1\r\n", "it looks like HTTP"),
        (b"\x16\x03\x01\x02\0\1\0", "it looks like TLS"),
    ],
)
def test_a_size_that_cannot_be_is_rejected_with_the_likely_reason(data: bytes, words: str) -> None:
    receiver = FrameReceiver(100)
    assert receiver.receive(data) == []
    assert words in str(receiver.refusal)


def test_frames_before_a_bad_size_are_good() -> None:
    receiver = FrameReceiver(100)
    assert receiver.receive(framed(b"good") + b"\xff\xff\xff\xff") == [b"good"]
    assert receiver.refusal is not None


@given(st.lists(st.binary(max_size=40), max_size=6), st.binary(max_size=5), st.integers(4, 50))
def test_frames_do_not_depend_on_how_bytes_arrive(bodies: list[bytes], tail: bytes, scratch: int) -> None:
    data = framed(*bodies) + tail
    whole = outcome(FrameReceiver(64), [data])
    assert outcome(FrameReceiver(64), [data[i : i + 1] for i in range(len(data))]) == whole
    assert outcome(FrameReceiver(64, bytearray(scratch)), [data]) == whole
    assert whole[: len(bodies)] == bodies


@given(st.binary(max_size=64))
def test_any_bytes_give_frames_or_a_refusal(data: bytes) -> None:
    bytewise = [data[i : i + 1] for i in range(len(data))]
    assert outcome(FrameReceiver(1000), [data]) == outcome(FrameReceiver(1000), bytewise)
