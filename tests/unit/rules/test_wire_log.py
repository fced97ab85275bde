"""Frames in, messages out: responses find their requests, filters choose, bad bytes harm nothing."""

import io
import uuid
from collections.abc import Iterator

import pytest
from kio.index import load_request_schema, load_response_schema
from kio.schema.api_versions.v0.response import ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.request import MetadataRequest, MetadataRequestTopic
from kio.schema.types import TopicName
from kio.serial import entity_writer

from pykafka_cli.rules.wire_log import WireFilter, WireLog, WireMessage, names
from tests.support.samples import sample


def metadata_request(topic: str, correlation_id: int) -> bytes:
    body = io.BytesIO()
    request = MetadataRequest(
        topics=(MetadataRequestTopic(topic_id=None, name=TopicName(topic)),),
        allow_auto_topic_creation=False,
        include_topic_authorized_operations=False,
    )
    entity_writer(MetadataRequest)(body, request)
    return b"\x00\x03\x00\x0c" + correlation_id.to_bytes(4) + b"\x00\x02pk\x00" + body.getvalue()


def api_versions_request(correlation_id: int) -> bytes:
    return b"\x00\x12\x00\x00" + correlation_id.to_bytes(4) + b"\xff\xff"


def api_versions_response(correlation_id: int) -> bytes:
    body = io.BytesIO()
    entity_writer(ApiVersionsResponse)(body, ApiVersionsResponse(error_code=ErrorCode.none, api_keys=()))
    return correlation_id.to_bytes(4) + body.getvalue()


def log_of(shown: list[WireMessage], only: WireFilter = WireFilter(), times: Iterator[float] | None = None) -> WireLog:  # noqa: B008
    ticks = times or iter(range(1000))
    return WireLog(shown.append, lambda: float(next(ticks)), only)


def test_a_response_has_the_time_since_its_request() -> None:
    shown: list[WireMessage] = []
    log = log_of(shown, times=iter([10.0, 11.0, 11.25, 13.0, 13.5]))
    log.opened(1, "b:9092")
    log.sent(1, api_versions_request(7))
    log.sent(1, api_versions_request(8))
    log.received(1, api_versions_response(8))
    log.received(1, api_versions_response(7))

    first, second, of_second, of_first = shown
    assert [each.seconds for each in (first, second)] == [1.0, 1.25]
    assert (of_second.header.correlation_id, of_second.took, of_second.is_response) == (8, 1.75, True)
    assert (of_first.header.correlation_id, of_first.took, of_first.address) == (7, 2.5, "b:9092")
    assert of_first.body == {"errorCode": "NONE", "apiKeys": []}


def test_connections_have_ids_of_their_own() -> None:
    shown: list[WireMessage] = []
    log = log_of(shown)
    for connection in (1, 2):
        log.opened(connection, f"b{connection}")
        log.sent(connection, api_versions_request(1))
    log.ended(1)
    log.received(1, api_versions_response(1))
    log.received(2, api_versions_response(1))

    assert [(each.address, each.is_response) for each in shown] == [("b1", False), ("b2", False), ("b2", True)]


@pytest.mark.parametrize(
    ("only", "count"),
    [
        (WireFilter(), 3),
        (WireFilter(frozenset({"metadata"})), 1),
        (WireFilter(frozenset({"apiversions"})), 2),
        (WireFilter(frozenset(), frozenset({"orders"})), 1),
        (WireFilter(frozenset(), frozenset({"other"})), 0),
        (WireFilter(frozenset({"produce"}), frozenset({"orders"})), 0),
    ],
)
def test_a_filter_chooses_requests_and_their_responses(only: WireFilter, count: int) -> None:
    shown: list[WireMessage] = []
    log = log_of(shown, only)
    log.opened(1, "b")
    log.sent(1, metadata_request("orders", 1))
    log.sent(1, api_versions_request(2))
    log.received(1, api_versions_response(2))

    assert len(shown) == count


def test_what_cannot_be_decoded_is_shown_with_the_reason() -> None:
    shown: list[WireMessage] = []
    log = log_of(shown)
    log.opened(1, "b")
    log.sent(1, metadata_request("orders", 1)[:-3])
    log.received(1, b"\0\0\0\1\xff\xff")
    log.sent(1, b"\0\0")

    assert [isinstance(each.body, str) for each in shown] == [True, True]


def test_a_topic_is_known_by_its_id_once_a_response_has_had_both() -> None:
    shown: list[WireMessage] = []
    log = log_of(shown, WireFilter(frozenset({"fetch"}), frozenset({"orders"})))
    log.opened(1, "b")
    log.sent(1, metadata_request("orders", 1))
    metadata = sample(load_response_schema(3, 12), {"name": "orders", "uuid": uuid.UUID(int=5)})
    log.received(1, (1).to_bytes(4) + b"\0" + written(metadata))

    fetches = [sample(load_request_schema(1, 13), {"uuid": uuid.UUID(int=number)}) for number in (5, 6)]
    for number, fetch in enumerate(fetches, start=2):
        log.sent(1, b"\x00\x01\x00\x0d" + number.to_bytes(4) + b"\x00\x02pk\x00" + written(fetch))

    assert [(each.header.api, each.header.correlation_id) for each in shown] == [("Fetch", 2)]


def test_a_response_that_names_the_topic_is_shown_though_its_request_did_not() -> None:
    shown: list[WireMessage] = []
    log = log_of(shown, WireFilter(frozenset(), frozenset({"orders"})))
    log.opened(1, "b")
    log.sent(1, b"\x00\x03\x00\x00" + (1).to_bytes(4) + b"\xff\xff" + (0).to_bytes(4))  # Metadata of all topics

    log.received(1, (1).to_bytes(4) + written(sample(load_response_schema(3, 0), {"name": "orders"})))

    assert [each.is_response for each in shown] == [True]


def test_tokens_of_a_login_without_headers_are_not_shown() -> None:
    """After SaslHandshake 0, and before any request with GSSAPI on the oldest brokers."""
    shown: list[WireMessage] = []
    log = log_of(shown)
    log.opened(1, "b")
    log.sent(1, b"\x60\x82\x01\x02\0\0\0\x07\0\x06hidden")
    log.sent(1, b"\x00\x11\x00\x00" + (1).to_bytes(4) + b"\xff\xff\x00\x05PLAIN")
    log.sent(1, b"\x00\x03\x00\x63" + (2).to_bytes(4) + b"\x00\x06hidden")
    log.sent(1, b"\0alice\0hidden")
    log.sent(1, api_versions_request(3))

    assert [each.header.api for each in shown] == ["SaslHandshake", "ApiVersions"]
    assert "hidden" not in str(shown)


def written(message: object) -> bytes:
    body = io.BytesIO()
    entity_writer(type(message))(body, message)  # type: ignore[type-var]
    return body.getvalue()


def test_a_response_that_nobody_waits_for_is_ignored() -> None:
    shown: list[WireMessage] = []
    log_of(shown).received(1, api_versions_response(1))

    assert not shown


def test_a_topic_is_found_wherever_it_is_named() -> None:
    assert names({"topics": [{"name": "t", "partitions": [{"index": 0}]}]}, "t")
    assert not names({"topics": [{"name": "tt"}]}, "t")
    assert not names("t", "u")
