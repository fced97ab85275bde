import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.rules.fault_arguments import BadFault, name_of, parse_api, parse_error


@pytest.mark.parametrize("word", ["ListOffsets", "LIST_OFFSETS", "list-offsets", "listoffsets"])
def test_an_api_by_any_of_its_names(word: str) -> None:
    assert parse_api(word) is ApiKey.LIST_OFFSETS


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("NOT_LEADER_OR_FOLLOWER", ErrorCode.not_leader_or_follower),
        ("NotLeaderOrFollowerException", ErrorCode.not_leader_or_follower),
        ("TopicAuthorizationException", ErrorCode.topic_authorization_failed),
        ("6", ErrorCode.not_leader_or_follower),
        ("UNKNOWN_SERVER_ERROR", ErrorCode.unknown_server_error),
        ("KafkaStorageError", ErrorCode.kafka_storage_error),
        ("-1", ErrorCode.unknown_server_error),
    ],
)
def test_an_error_by_its_name_class_or_code(word: str, error: ErrorCode) -> None:
    assert parse_error(word) is error


@pytest.mark.parametrize("error", [each for each in ErrorCode if each is not ErrorCode.none])
def test_every_error_is_found_by_the_name_that_is_shown(error: ErrorCode) -> None:
    assert parse_error(name_of(error)) is error


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("Produc", "'Produc' is not an API of Kafka", "Did you mean Produce?"),
        ("LeaderAndIsr", "LeaderAndIsr is not an API for clients", "Faults are for requests of clients."),
        ("Vote", "'Vote' is not an API of Kafka", ""),
    ],
)
def test_what_is_no_api_for_clients_is_rejected(word: str, message: str, hint: str) -> None:
    with pytest.raises(BadFault) as rejected:
        parse_api(word)

    assert str(rejected.value) == message
    assert hint in rejected.value.hint


@pytest.mark.parametrize("word", ["NONE", "0", "9999", "NOT_A_LEADER"])
def test_what_is_no_error_is_rejected(word: str) -> None:
    with pytest.raises(BadFault, match="is not an error of Kafka"):
        parse_error(word)
