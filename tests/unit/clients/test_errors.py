"""Error codes in the scripts' words."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.clients.error_texts import ERROR_TEXTS, error_text
from pykafka_cli.clients.errors import ApiError, ensure_none_failed, explain
from pykafka_cli.transport.errors import BrokerUnreachable, ConnectionFailed, ConnectionLost, HostUnknown, TlsFailed


def test_an_error_without_a_text_has_kafkas() -> None:
    error = ApiError(ErrorCode.unknown_topic_or_partition)

    assert str(error) == "This server does not host this topic-partition."
    assert error.java == (
        "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: "
        "This server does not host this topic-partition."
    )


def test_the_brokers_own_text_comes_first() -> None:
    assert str(ApiError(ErrorCode.topic_already_exists, "Topic 't' already exists.")) == "Topic 't' already exists."


def test_an_unknown_code_is_an_unknown_error() -> None:
    assert error_text(9999) == error_text(-1)


def test_every_code_has_kafkas_class_and_text() -> None:
    kafkas = json.loads((Path(__file__).parent / "error_classes_of_kafka.json").read_text())

    assert {code: ERROR_TEXTS[int(code)] for code in kafkas} == {
        code: (its["classes"][0], its["message"]) for code, its in kafkas.items()
    }
    assert {int(code) for code in ErrorCode} - set(ERROR_TEXTS) == {0}


def test_the_first_entry_that_failed_is_raised() -> None:
    entries = [
        SimpleNamespace(error_code=ErrorCode.none, error_message=None),
        SimpleNamespace(error_code=ErrorCode.invalid_partitions, error_message="Topic already has 4 partitions."),
    ]

    with pytest.raises(ApiError, match="Topic already has 4 partitions"):
        ensure_none_failed(entries)


def test_who_finds_no_broker_learns_how_to_start_one() -> None:
    message, hint = explain(BrokerUnreachable("cannot connect to localhost:9092: connection refused"))

    assert message == "cannot connect to localhost:9092: connection refused"
    assert "pk up" in hint


@pytest.mark.parametrize(
    ("error", "help_with"),
    [
        (HostUnknown("cannot connect to nowhere:9092: Name or service not known"), "name"),
        (TlsFailed("TLS with localhost:9093 failed: wrong version number"), "ssl."),
        (ConnectionLost("localhost:9093 closed the connection"), "--command-config"),
    ],
)
def test_the_hint_fits_the_failure(error: ConnectionFailed, help_with: str) -> None:
    message, hint = explain(error)

    assert message == str(error)
    assert help_with in hint
    assert "pk up" not in hint
