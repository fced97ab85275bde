"""What becomes of a config by AlterConfigs and IncrementalAlterConfigs, and what is rejected."""

import pytest

from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.metadata import config_changes
from pykafka_cli.broker.metadata.config_changes import ConfigOperation, altered
from pykafka_cli.model import AlterConfigOp
from pykafka_cli.properties.broker import BrokerSettings, key_of
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.topic import TOPIC_KEYS


@pytest.fixture(scope="module")
def settings() -> BrokerSettings:
    given = {"zookeeper.connect": "z:1", "broker.id": "0"}
    return BrokerSettings(Property(key, value, 0) for key, value in given.items())


def after(current: dict[str, str], *operations: tuple[str, AlterConfigOp, str | None]) -> dict[str, str]:
    return altered(current, [ConfigOperation(*operation) for operation in operations], TOPIC_KEYS.get)


def test_keys_are_set_and_deleted() -> None:
    assert after({"a": "1", "b": "2"}, ("a", AlterConfigOp.SET, "3"), ("b", AlterConfigOp.DELETE, None)) == {"a": "3"}


def test_lists_are_appended_to_and_subtracted_from() -> None:
    policy = "cleanup.policy"

    assert after({}, (policy, AlterConfigOp.APPEND, "compact")) == {policy: "delete,compact"}  # delete is the default
    assert after({policy: "compact"}, (policy, AlterConfigOp.APPEND, "compact,delete")) == {policy: "compact,delete"}
    assert after({policy: "compact,delete"}, (policy, AlterConfigOp.SUBTRACT, "delete")) == {policy: "compact"}


@pytest.mark.parametrize(
    ("name", "operation", "message"),
    [
        ("retention.ms", AlterConfigOp.APPEND, "Config value append is not allowed for config key: retention.ms"),
        ("retention.ms", AlterConfigOp.SUBTRACT, "Config value subtract is not allowed for config key: retention.ms"),
        ("nosuch", AlterConfigOp.APPEND, "Unknown config name: nosuch"),
    ],
)
def test_only_lists_are_appended_to(name: str, operation: AlterConfigOp, message: str) -> None:
    with pytest.raises(BrokerError, match=message):
        after({}, (name, operation, "1"))


def test_only_a_deletion_may_do_without_a_value() -> None:
    config_changes.ensure_no_nulls([ConfigOperation("a", AlterConfigOp.DELETE, None)])

    with pytest.raises(BrokerError, match="Null value not supported for : a, b"):
        config_changes.ensure_no_nulls(
            [ConfigOperation("a", AlterConfigOp.SET, None), ConfigOperation("b", AlterConfigOp.APPEND, None)]
        )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"nosuch.name": "1"}, "invalid_config: Unknown topic config name: nosuch.name"),
        (
            {"retention.ms": "soon"},
            (
                "invalid_config: Invalid config value for resource ConfigResource(type=TOPIC, name='t'): "
                "Invalid value soon for configuration retention.ms: Not a number of type LONG"
            ),
        ),
    ],
)
def test_a_topics_config_is_rejected_in_kafkas_words(
    settings: BrokerSettings, overrides: dict[str, str], message: str
) -> None:
    with pytest.raises(BrokerError) as refused:
        config_changes.ensure_valid_for_topic(settings, "t", overrides)

    assert f"{refused.value.code.name}: {refused.value}" == message


@pytest.mark.parametrize(
    ("config", "per_broker", "message"),
    [
        ({"broker.id": "7"}, True, "Cannot update these configs dynamically: Set(broker.id)"),
        (
            {"log.cleaner.threads": "none"},
            True,
            "Invalid value none for configuration log.cleaner.threads: Not a number of type INT",
        ),
        (
            {"ssl.keystore.location": "f"},
            True,
            (
                "These security configs can be dynamically updated only per-listener using the listener prefix: "
                "HashSet(ssl.keystore.location)"
            ),
        ),
        (
            {"listener.name.client.ssl.keystore.location": "f"},
            False,
            (
                "Cannot update these configs at default cluster level, broker id must be specified: "
                "Set(listener.name.client.ssl.keystore.location)"
            ),
        ),
        ({"listener.name.client.ssl.key.password": "x"}, True, "Password encoder secret not configured"),
    ],
)
def test_a_brokers_config_is_rejected_in_kafkas_words(
    settings: BrokerSettings, config: dict[str, str], per_broker: bool, message: str
) -> None:
    with pytest.raises(BrokerError) as refused:
        config_changes.ensure_valid_for_broker(settings, config, per_broker=per_broker, others={})

    assert f"{refused.value.code.name}: {refused.value}" == f"invalid_request: {message}"


@pytest.mark.parametrize(
    "config",
    [
        {"log.cleaner.threads": "2"},
        {"leader.replication.throttled.rate": "400"},
        {"listener.name.client.ssl.keystore.location": "f"},
        {"a.plugin.of.somebody": "x"},
    ],
)
def test_what_may_change_at_run_time_is_accepted_and_changes_nothing_yet(
    settings: BrokerSettings, config: dict[str, str]
) -> None:
    config_changes.ensure_valid_for_broker(settings, config, per_broker=True, others={})

    assert settings.log_cleaner_threads == 1


def test_appending_to_a_brokers_list_starts_from_its_default() -> None:
    operations = [ConfigOperation("log.cleanup.policy", AlterConfigOp.APPEND, "compact")]

    assert altered({}, operations, key_of) == {"log.cleanup.policy": "delete,compact"}
