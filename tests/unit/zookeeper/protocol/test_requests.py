import pytest

from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.framing import frame
from pykafka_cli.zookeeper.protocol.jute import Reader, decode, encode, read
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL
from pykafka_cli.zookeeper.protocol.requests import (
    REQUESTS,
    ConnectRequest,
    ConnectResponse,
    CreateRequest,
    Empty,
    ErrorResponse,
    MultiRequest,
    MultiResponse,
    OpCode,
    Operation,
    ReplyHeader,
    WatchableRequest,
    WatcherEvent,
    connect_response_frame,
    read_connect_request,
    read_request,
    read_request_header,
    read_response,
    reply_frame,
    request_frame,
)
from tests.support.zookeeper.frames import FILES, Frame, frames


def again(recorded: Frame) -> bytes:
    """The frame decoded and encoded, without its length; what we cannot encode with a header comes without one."""
    body = recorded.body
    if recorded.operation == "connect":
        if recorded.is_request:
            request, read_only = read_connect_request(body)
            return encode(request) + (b"" if read_only is None else bytes([read_only]))
        return connect_response_frame(decode(ConnectResponse, body), with_read_only=len(body) == 37)[4:]
    if recorded.operation == "notification":
        reader = Reader(body)
        header = read(ReplyHeader, reader)
        return reply_frame(*header, read(WatcherEvent, reader))[4:]
    assert recorded.kind is not None
    if recorded.is_request:
        xid, _ = read_request_header(body)
        return request_frame(xid, recorded.kind, read_request(recorded.kind, body))[4:]
    header, record = read_response(recorded.kind, body)
    return reply_frame(*header, None if isinstance(record, Empty) else record)[4:]


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_frame_survives_decoding_and_encoding(name: str) -> None:
    recorded = frames(name)

    assert len(recorded) > 200
    assert [again(each) for each in recorded] == [each.body for each in recorded]


def test_every_request_that_the_recorded_clients_send_is_known() -> None:
    sent = {each.kind for name in FILES for each in frames(name) if each.is_request and each.kind is not None}

    assert sent - {OpCode.CREATE_TTL} < set(REQUESTS)
    assert {OpCode.MULTI, OpCode.SET_WATCHES2, OpCode.ADD_WATCH, OpCode.WHO_AM_I} < sent


def test_an_old_client_sends_no_read_only_flag_and_gets_none() -> None:
    request = ConnectRequest(0, 0, 6000, 0, bytes(16))
    response = ConnectResponse(0, 6000, 1, bytes(16))

    assert read_connect_request(encode(request)) == (request, None)
    assert read_connect_request(encode(request) + b"\1") == (request, True)
    assert len(connect_response_frame(response, with_read_only=False)) == 4 + 36
    assert len(connect_response_frame(response, with_read_only=True)) == 4 + 37


def test_a_failed_multi_reports_its_error_twice_for_each_operation() -> None:
    results = MultiResponse((Operation(OpCode.ERROR, ErrorResponse(-103)),))

    answer = reply_frame(1, 2, 0, results)

    assert answer[20:].hex() == "ffffffff00ffffff99" + "ffffff99" + "ffffffff01ffffffff"
    assert read_response(OpCode.MULTI, answer[4:])[1] == results


@pytest.mark.parametrize("kind", [OpCode.MULTI, OpCode.MULTI_READ])
def test_a_multi_takes_no_operation_of_the_other_kind(kind: OpCode) -> None:
    read_only = Operation(OpCode.GET_DATA, WatchableRequest("/a", False))
    change = Operation(OpCode.CREATE, CreateRequest("/a", None, OPEN_ACL, 0))
    wrong = read_only if kind is OpCode.MULTI else change

    with pytest.raises(MarshallingError, match="not allowed"):
        read_request(kind, request_frame(1, kind, MultiRequest((wrong,)))[4:])


def test_a_multi_without_its_end_is_rejected() -> None:
    whole = request_frame(1, OpCode.MULTI, MultiRequest(()))[4:]

    with pytest.raises(MarshallingError):
        read_request(OpCode.MULTI, whole[:-9])


def test_a_frame_shorter_than_a_header_is_no_request() -> None:
    with pytest.raises(MarshallingError, match="7 bytes"):
        read_request_header(bytes(7))


def test_an_answer_with_an_error_is_its_header_alone() -> None:
    answer = reply_frame(7, 9, -101)

    assert answer == frame(bytes.fromhex("00000007" + "0000000000000009" + "ffffff9b"))
    assert read_response(OpCode.GET_DATA, answer[4:]) == (ReplyHeader(7, 9, -101), Empty())
