"""Properties of the producer and the consumer: which go together, and which mean nothing here."""

import json
from pathlib import Path

import pytest

from pykafka_cli.properties.admin import AdminSettings
from pykafka_cli.properties.checks import AvailableClass
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import BadProperty, ConfigError
from pykafka_cli.properties.producer import ProducerSettings


def test_defaults_are_those_of_kafka() -> None:
    producer, consumer = ProducerSettings({}), ConsumerSettings({})

    assert producer.idempotent
    assert producer.required_acks == -1
    assert producer.delivery_timeout == 120
    assert producer.batch_size == 16_384
    assert consumer.group_id is None
    assert consumer.auto_offset_reset == "latest"
    assert consumer.session_timeout_ms == 45_000
    assert not producer.warnings + consumer.warnings


def test_a_value_whose_equals_sign_is_missing_is_not_shown() -> None:
    settings = ProducerSettings({"ssl.key.password a secret": "", "no such": "x"})

    assert settings.warnings == ["These properties have no effect here: no [hidden], ssl.key.password [hidden]"]


def test_properties_without_effect_are_named_once_in_one_line() -> None:
    settings = ProducerSettings({"interceptor.classes": "x.Y", "acks": "1", "no.such.key": "1", "ssl.protocol": "TLS"})

    assert settings.warnings == ["These properties have no effect here: interceptor.classes, no.such.key, ssl.protocol"]


def test_what_a_script_sets_itself_is_not_warned_of() -> None:
    properties = {"key.serializer": "x.Y", "value.serializer": "x.Y"}

    assert not ProducerSettings(properties, quiet=frozenset(properties)).warnings


@pytest.mark.parametrize(
    "properties",
    [
        {"acks": "1"},
        {"acks": "0"},
        {"retries": "0"},
        {"max.in.flight.requests.per.connection": "6"},
        {"enable.idempotence": "false"},
    ],
)
def test_idempotence_gives_way_to_what_was_asked_for(properties: dict[str, str]) -> None:
    assert not ProducerSettings(properties).idempotent


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"acks": "1"}, "Must set acks to all in order to use the idempotent producer"),
        ({"retries": "0"}, "Must set retries to non-zero"),
        ({"max.in.flight.requests.per.connection": "6"}, "to at most 5 to use the idempotent producer"),
    ],
)
def test_idempotence_that_was_asked_for_does_not_give_way(properties: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ProducerSettings(properties | {"enable.idempotence": "true"})


def test_transactions_need_idempotence() -> None:
    assert ProducerSettings({"transactional.id": "x"}).transactional_id == "x"
    with pytest.raises(ConfigError, match=r"Cannot set a transactional\.id without"):
        ProducerSettings({"transactional.id": "x", "acks": "1"})


def test_a_delivery_takes_at_least_as_long_as_a_request() -> None:
    with pytest.raises(ConfigError, match=r"delivery\.timeout\.ms should be equal to or larger than"):
        ProducerSettings({"delivery.timeout.ms": "1000"})
    assert ProducerSettings({"request.timeout.ms": "200000", "linger.ms": "1000"}).delivery_timeout == 201


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"acks": "2"}, "Invalid value 2 for configuration acks: String must be one of: all, -1, 0, 1"),
        ({"batch.size": "many"}, "Invalid value many for configuration batch.size: Not a number of type INT"),
        ({"compression.type": "rar"}, "String must be one of: none, gzip, snappy, lz4, zstd"),
        ({"linger.ms": "-1"}, "Value must be at least 0"),
        ({"partitioner.class": "x.Y"}, "Invalid value x.Y for configuration partitioner.class: Class x.Y could not be"),
    ],
)
def test_a_value_that_cannot_be_is_rejected_in_kafkas_words(properties: dict[str, str], message: str) -> None:
    with pytest.raises(BadProperty) as failure:
        ProducerSettings(properties)
    assert message in str(failure.value)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"group.protocol": "other"}, "must be one of \\(case insensitive\\): CONSUMER, CLASSIC"),
        (
            {"group.protocol": "CONSUMER", "session.timeout.ms": "9000"},
            "session.timeout.ms cannot be set when group.protocol=CONSUMER",
        ),
        ({"session.timeout.ms": "3000"}, "Heartbeat must be set lower than the session timeout"),
    ],
)
def test_consumer_properties_that_do_not_go_together(properties: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ConsumerSettings(properties)


def test_the_pause_doubles_up_to_its_maximum() -> None:
    settings = ConsumerSettings({})

    assert [settings.backoff(attempt) for attempt in (1, 2, 3, 4, 5, 99)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert ConsumerSettings({"retry.backoff.ms": "2000"}).backoff(3) == 2.0


KAFKA = json.loads((Path(__file__).parent / "client_keys_of_kafka.json").read_text())
"""The ConfigDef of each of 3.9.1's clients, which tests/compat/test_client_keys.py compares with Kafka itself."""

TABLES = {"admin": AdminSettings.KEYS, "consumer": ConsumerSettings.KEYS, "producer": ProducerSettings.KEYS}


@pytest.mark.parametrize("client", TABLES)
def test_keys_are_those_of_kafka_with_their_types_defaults_and_bounds(client: str) -> None:
    ours = {
        name: {
            "type": key.type.name,
            "default": key.format(key.default),
            "valid": str(key.check or "") or None,
        }
        for name, key in TABLES[client].items()
    }
    theirs = {
        name: {
            "type": key["type"],
            "default": key["default"],
            "valid": None if key["valid"] == "non-null string" else key["valid"],
        }
        for name, key in KAFKA[client].items()
    }

    assert ours == theirs


def test_every_key_is_used_by_a_client() -> None:
    """A key that is not inert is read somewhere: one that is not would be a promise that nobody keeps."""
    package = Path(__file__).parents[3] / "pykafka_cli"
    sources = "".join(
        file.read_text()
        for part in ("clients", "security", "commands", "properties")
        for file in (package / part).rglob("*.py")
    )
    for keys in TABLES.values():
        for name, key in keys.items():
            if key.effective and name != "bootstrap.servers" and not isinstance(key.check, AvailableClass):
                assert f".{name.replace('.', '_')}" in sources or f'"{name}"' in sources, name
