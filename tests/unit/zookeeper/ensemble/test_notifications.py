import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.zookeeper.ensemble.configuration import Address
from pykafka_cli.zookeeper.ensemble.notifications import (
    LONGEST_FRAME,
    Frames,
    Hello,
    MalformedMessage,
    Notification,
    ServerState,
    read_hello,
)
from pykafka_cli.zookeeper.ensemble.vote import Vote
from tests.support.zab_recordings import SCENARIOS, frames

HELLOS = [frame for scenario in SCENARIOS for frame in frames(scenario, "election", "hello")]
NOTIFICATIONS = [frame for scenario in SCENARIOS for frame in frames(scenario, "election", "notification")]
VOTE = Vote(3, 0x500000007, 2, 5)
SAMPLE = Notification(ServerState.LOOKING, VOTE, "server.1=a:1:2\nversion=0")


def test_every_recorded_hello_is_read_and_written_byte_for_byte() -> None:
    assert len(HELLOS) == 148
    for frame in HELLOS:
        data = bytes.fromhex(frame["hex"])
        hello = Hello(frame["from"], (Address.parse(frame["d"]["address"]),))
        assert read_hello(data) == (hello, len(data))
        assert hello.encode() == data


def test_every_recorded_notification_is_read_and_written_byte_for_byte() -> None:
    assert len(NOTIFICATIONS) == 409
    for frame in NOTIFICATIONS:
        data, said = bytes.fromhex(frame["hex"]), frame["d"]
        notification = Notification.decode(data[4:])
        assert notification.encode() == data
        assert (notification.state.name, notification.configuration) == (said["state"], said["config"])


def test_a_recorded_answer_to_a_newcomer_is_understood() -> None:
    answer = next(frame for frame in NOTIFICATIONS if frame["d"]["state"] == "LEADING")

    notification = Notification.decode(bytes.fromhex(answer["hex"])[4:])

    assert notification.state is ServerState.LEADING
    assert notification.vote == Vote(
        *(int(str(answer["d"][name]), 0) for name in ("leader", "zxid", "electionEpoch", "peerEpoch"))
    )


def test_a_notification_from_before_3_4_has_its_epoch_in_its_zxid() -> None:
    body = struct.pack(">iqqq", 2, 3, 0x500000007, 9)

    assert Notification.decode(body) == (ServerState.LEADING, Vote(3, 0x500000007, 9, 5), None, 0)


def test_a_notification_from_before_3_4_6_has_no_version() -> None:
    body = struct.pack(">iqqqqi", 1, 3, 7, 9, 5, 1)

    assert Notification.decode(body) == (ServerState.FOLLOWING, Vote(3, 7, 9, 5), None, 0)


def test_a_notification_from_before_reconfigurations_has_none() -> None:
    body = struct.pack(">iqqqqii", 1, 3, 7, 9, 5, 1, 0)

    assert Notification.decode(body) == (ServerState.FOLLOWING, Vote(3, 7, 9, 5), None, 1)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "at least 28 bytes"),
        (bytes(27), "at least 28 bytes"),
        (bytes(33), "requires a buffer"),
        (bytes(36), "requires a buffer"),
        (struct.pack(">iqqq", 4, 3, 7, 9), "4 is not a valid ServerState"),
        (struct.pack(">iqqqqi4s", 0, 3, 7, 9, 5, 2, b"\x7f\xff\xff\xff"), "a configuration of 2147483647 bytes in 0"),
        (struct.pack(">iqqqqii", 0, 3, 7, 9, 5, 2, -1), "a configuration of -1 bytes"),
        (struct.pack(">iqqqqii1s", 0, 3, 7, 9, 5, 2, 1, b"\xff"), "codec can't decode"),
    ],
)
def test_a_malformed_notification_is_rejected(body: bytes, why: str) -> None:
    with pytest.raises(MalformedMessage, match=why):
        Notification.decode(body)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_notification_or_malformed(body: bytes) -> None:
    try:
        notification = Notification.decode(body)
    except MalformedMessage:
        return
    assert Notification.decode(notification.encode()[4:]).vote == notification.vote


def test_a_hello_may_have_several_addresses() -> None:
    hello = Hello(7, (Address("a", 3888), Address("0:0:0:0:0:0:0:1", 3889)))

    data = hello.encode()

    assert data[:8] == struct.pack(">q", -65535)
    assert read_hello(data + b"more") == (hello, len(data))


def test_a_hello_from_before_3_5_is_an_id() -> None:
    assert read_hello(struct.pack(">q", 5) + b"more") == (Hello(5), 8)


@given(st.integers(0, 60))
def test_a_hello_that_is_not_complete_waits_for_the_rest(length: int) -> None:
    data = Hello(3, (Address("zk3.example", 3888),)).encode()

    assert read_hello(data[: min(length, len(data) - 1)]) is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (struct.pack(">q", -1), "protocol version -1 is unknown"),
        (struct.pack(">qqi", -65536, -1, 5), "-1 is not the id"),
        (struct.pack(">qqi", -65536, 1, 0), "addresses of 0 bytes"),
        (struct.pack(">qqi", -65536, 1, 2049), "addresses of 2049 bytes"),
        (struct.pack(">qqi", -65536, 1, -5), "addresses of -5 bytes"),
        (struct.pack(">qqi", -65536, 1, 1) + b"a", "an address is malformed: a is not of the form"),
        (struct.pack(">qqi", -65536, 1, 3) + b"a:b", "b is not a port"),
        (struct.pack(">qqi", -65536, 1, 1) + b"\xff", "an address is malformed"),
    ],
)
def test_a_malformed_hello_is_rejected(data: bytes, why: str) -> None:
    with pytest.raises(MalformedMessage, match=why):
        read_hello(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_hello_or_malformed_or_incomplete(data: bytes) -> None:
    try:
        read = read_hello(data)
    except MalformedMessage:
        return
    assert read is None or read[1] <= len(data)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.integers(1, 40))
def test_frames_are_cut_from_any_pieces(bodies: list[bytes], size: int) -> None:
    stream = b"".join(struct.pack(">i", len(body)) + body for body in bodies)
    reader = Frames()

    cut = [body for at in range(0, len(stream), size) for body in reader.feed(stream[at : at + size])]

    assert cut == bodies


@pytest.mark.parametrize("length", [0, -1, LONGEST_FRAME + 1, 2**31 - 1])
def test_a_frame_of_a_length_that_none_has_ends_the_stream_at_once(length: int) -> None:
    with pytest.raises(MalformedMessage, match=f"a notification of {length} bytes"):
        Frames().feed(struct.pack(">i", length))


def test_a_frame_follows_a_frame() -> None:
    data = SAMPLE.encode()

    assert [Notification.decode(body) for body in Frames().feed(data + data)] == [SAMPLE, SAMPLE]
