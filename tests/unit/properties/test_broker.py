import re
from pathlib import Path
from typing import Any

import pytest

import pykafka_cli
from pykafka_cli.model import BrokerId
from pykafka_cli.properties.broker import DYNAMIC_ONLY_KEYS, BrokerSettings, key_of, synonyms, unknown_keys
from pykafka_cli.properties.grammar import Property, read_properties
from pykafka_cli.properties.keys import PASSWORD, BadProperty, ConfigError, Password, UnsupportedProtection
from pykafka_cli.properties.listeners import Listener, SecurityProtocol
from pykafka_cli.properties.topic import TOPIC_KEYS
from tests.support.vectors import answers

SAMPLE = Path(__file__).parents[3] / "config" / "server.properties"


def settings(**given: str) -> BrokerSettings:
    """Settings with dots for underscores, on a ZooKeeper that nobody asks."""
    named = {"zookeeper.connect": "localhost:2181"} | {name.replace("_", "."): text for name, text in given.items()}
    return BrokerSettings(Property(name, text, number) for number, (name, text) in enumerate(named.items(), start=1))


def described_by_kafka() -> dict[str, Any]:
    """What a broker of Kafka 3.9.1 said of itself, by key."""
    for answer in answers("admin", "DescribeConfigs"):
        for result in answer.results:
            if result.resource_type == 4 and result.resource_name == "0":
                return {config.name: config for config in result.configs}
    raise AssertionError("no such answer among the vectors")


def test_the_sample_file_is_accepted_whole() -> None:
    sample = BrokerSettings(read_properties(SAMPLE.read_bytes()))

    assert (sample.warnings, sample.without_effect) == ([], [])
    assert (sample.broker_id, sample.num_partitions, sample.group_initial_rebalance_delay_ms) == (0, 1, 0)
    assert sample.log_directories == ("data/kafka",)
    assert sample.listener_list == (Listener("PLAINTEXT", SecurityProtocol.PLAINTEXT, "localhost", 9092),)


def test_the_table_holds_the_keys_that_kafka_lists() -> None:
    plugin_keys = {"super.users", "allow.everyone.if.no.acl.found"}
    ours = {name for name, key in BrokerSettings.KEYS.items() if not key.internal}
    assert ours == described_by_kafka().keys() - plugin_keys


@pytest.mark.parametrize("name", sorted(described_by_kafka().keys() & BrokerSettings.KEYS.keys()))
def test_a_key_is_what_kafka_says_of_it(name: str) -> None:
    theirs, ours = described_by_kafka()[name], BrokerSettings.KEYS[name]
    assert (ours.type.value, ours.read_only, ours.sensitive) == (
        theirs.config_type,
        theirs.read_only,
        theirs.is_sensitive,
    )
    if theirs.config_source == 5:
        assert ours.format(ours.default) == theirs.value


def test_every_key_is_explained_in_one_line() -> None:
    keys = [*BrokerSettings.KEYS.values(), *DYNAMIC_ONLY_KEYS.values()]
    assert [key.name for key in keys if not key.doc.endswith(".") or "\n" in key.doc] == []


def test_a_key_is_inert_if_and_only_if_nothing_reads_it() -> None:
    """Whoever makes a key count turns its InertKey into a Key, and the other way round."""
    package = Path(pykafka_cli.__file__).parent
    declarations = package / "properties" / "broker_keys"
    others = {declarations, package / "clients"}  # clients have their own configs
    source = "\n".join(path.read_text() for path in package.rglob("*.py") if others.isdisjoint(path.parents))
    words = set(re.findall(r"\w+|\"[a-z.]+\"", source))
    attributes_of_settings = set(re.findall(r"settings\.(\w+)", source))
    fallbacks = {key.fallback for key in TOPIC_KEYS.values()}
    unread = {
        name
        for name, key in BrokerSettings.KEYS.items()
        if key.effective and key.attribute not in words and f'"{name}"' not in words and name not in fallbacks
    }
    read = {
        name
        for name, key in BrokerSettings.KEYS.items()
        if not key.effective and key.attribute in attributes_of_settings
    }
    assert (unread, read) == (set(), set())


@pytest.mark.parametrize(
    ("given", "milliseconds"),
    [
        ({}, 604_800_000),
        ({"log_retention_hours": "1"}, 3_600_000),
        ({"log_retention_minutes": "2", "log_retention_hours": "1"}, 120_000),
        ({"log_retention_ms": "5", "log_retention_minutes": "2"}, 5),
        ({"log_retention_minutes": "-1"}, -1),
    ],
)
def test_the_finest_retention_key_wins(given: dict[str, str], milliseconds: int) -> None:
    assert settings(**given).retention_ms == milliseconds


def test_node_id_and_broker_id_are_one_number() -> None:
    assert settings(node_id="3").broker_id == settings(broker_id="3").node_id == 3
    assert settings(broker_id="3").originals["node.id"] == "3"


def test_a_number_given_by_zookeeper_survives_changes_at_run_time() -> None:
    broker = settings()
    broker.assign_broker_id(BrokerId(1001))
    broker.apply_dynamic({}, {})
    assert (broker.broker_id, broker.node_id) == (1001, 1001)


def test_listeners_are_named_and_typed() -> None:
    broker = settings(
        listeners="internal://127.0.0.1:0, EXTERNAL://[::1]:9093",
        listener_security_protocol_map="INTERNAL:PLAINTEXT,external:SSL",
        advertised_listeners="INTERNAL://one:1,EXTERNAL://two:1",
        inter_broker_listener_name="internal",
    )
    assert broker.listener_list == (
        Listener("INTERNAL", SecurityProtocol.PLAINTEXT, "127.0.0.1", 0),
        Listener("EXTERNAL", SecurityProtocol.SSL, "::1", 9093),
    )
    assert [str(each) for each in broker.advertised_listener_list] == ["INTERNAL://one:1", "EXTERNAL://two:1"]
    assert str(broker.listener_list[1]) == "EXTERNAL://[::1]:9093"
    assert broker.inter_broker_listener == "INTERNAL"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_partitions": "0"}, "Invalid value 0 for configuration num.partitions: Value must be at least 1"),
        ({"broker_id": "2000"}, "broker.id: must be at least -1 and not greater than reserved.broker.max.id"),
        ({"broker_id": "1", "node_id": "2"}, "You must set `node.id` to the same value as `broker.id`."),
        ({"controller_listener_names": "CONTROLLER"}, "must be empty when running in ZooKeeper mode"),
        ({"log_retention_hours": "0"}, "Invalid value 0 for configuration log.retention.hours: must be unlimited (-1)"),
        ({"listeners": "PLAINTEXT:/x"}, "listeners: PLAINTEXT:/x is not of the form NAME://host:port"),
        ({"listeners": "A://:1"}, "no security protocol defined for listener A"),
        ({"listeners": "PLAINTEXT://:1,SSL://:1"}, "each listener must have a different port"),
        ({"listeners": "PLAINTEXT://:1,PLAINTEXT://:2"}, "each listener must have a different name"),
        ({"listeners": "PLAINTEXT://0.0.0.0:1"}, "0.0.0.0 cannot be advertised"),
        ({"listeners": ""}, "at least one listener must be defined"),
        (
            {"listeners": "SSL://:1"},
            "inter.broker.listener.name must be a listener name defined in advertised.listeners",
        ),
        ({"advertised_listeners": "SSL://x:1"}, "names must be among those of listeners: PLAINTEXT"),
        ({"listener_security_protocol_map": "A:B"}, "B is not a security protocol"),
        ({"log_dirs": ","}, "At least one log directory must be defined"),
        ({"replica_fetch_wait_max_ms": "30001"}, "must be at least replica.fetch.wait.max.ms"),
        ({"max_connections_per_ip": "0"}, "can be 0 only if max.connections.per.ip.overrides is set"),
        ({"max_connections_per_ip_overrides": "a"}, "a is not of the form address:limit"),
        ({"queued_max_request_bytes": "5"}, "must not be less than socket.request.max.bytes"),
    ],
)
def test_settings_that_cannot_work_are_rejected(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        settings(**given)
    assert words in str(refusal.value)


def test_zookeeper_must_be_named() -> None:
    with pytest.raises(ConfigError, match=r"Missing required configuration `zookeeper.connect`"):
        BrokerSettings()


def test_a_refusal_knows_the_line() -> None:
    with pytest.raises(ConfigError) as refusal:
        settings(log_dirs="d", listeners="A://:1")
    assert refusal.value.line == 3


def test_keys_without_effect_are_named_and_unknown_ones_warned_of() -> None:
    broker = settings(num_io_threads="4", zookeeper_set_acll="true", super_users="User:a")
    assert broker.without_effect == ["num.io.threads", "super.users"]  # there is no authorizer
    assert broker.warnings == ["line 3: unknown key zookeeper.set.acll is ignored; did you mean zookeeper.set.acl?"]


def test_names_that_no_broker_knows_are_told_from_those_of_listeners_and_plugins() -> None:
    known = ("log.retention.ms", "listener.name.ssl.ssl.client.auth", "super.users", "scram-sha-256.sasl.jaas.config")

    assert unknown_keys([*known, "log.retenton.ms", "listener.name.ssl.ssl.client.aut", "x.y"]) == [
        "unknown key log.retenton.ms is ignored; did you mean log.retention.ms?",
        "unknown key listener.name.ssl.ssl.client.aut is ignored",
        "unknown key x.y is ignored",
    ]


def test_one_listener_may_differ_from_the_others() -> None:
    given = {"listener.name.ssl.ssl.client.auth": "required", "listener.name.ssl.ssl.key.password": "p"}
    properties = [Property("zookeeper.connect", "z", 1), *(Property(name, text, 2) for name, text in given.items())]
    broker = BrokerSettings(properties)

    assert broker.for_listener("SSL", "ssl.client.auth") == "required"
    assert broker.for_listener("PLAINTEXT", "ssl.client.auth") == "none"
    assert broker.for_listener("SSL", "ssl.key.password") == Password("p")


def test_values_set_at_run_time_replace_each_other_in_place() -> None:
    broker = settings(log_retention_ms="5")

    broker.apply_dynamic({"log.retention.ms": "6", "min.insync.replicas": "2"}, {"log.retention.ms": "7"})
    assert (broker.retention_ms, broker.min_insync_replicas) == (7, 2)

    broker.apply_dynamic({}, {})
    assert (broker.retention_ms, broker.min_insync_replicas) == (5, 1)


def test_a_bad_value_at_run_time_changes_nothing() -> None:
    broker = settings()
    with pytest.raises(ConfigError, match=r"log.retention.ms"):
        broker.apply_dynamic({"min.insync.replicas": "2", "log.retention.ms": "0"}, {})
    assert (broker.min_insync_replicas, broker.retention_ms) == (1, 604_800_000)


def test_synonyms_are_listed_the_strongest_first() -> None:
    assert synonyms("log.retention.hours") == ("log.retention.ms", "log.retention.minutes", "log.retention.hours")
    assert synonyms("log.flush.interval.ms") == ("log.flush.interval.ms", "log.flush.scheduler.interval.ms")
    assert synonyms("listener.name.ssl.ssl.client.auth") == ("listener.name.ssl.ssl.client.auth", "ssl.client.auth")
    assert synonyms("num.partitions") == ("num.partitions",)


def test_a_key_is_found_behind_its_listener_and_mechanism() -> None:
    assert key_of("listener.name.a.scram-sha-256.sasl.jaas.config") is BrokerSettings.KEYS["sasl.jaas.config"]
    assert key_of("leader.replication.throttled.rate") is DYNAMIC_ONLY_KEYS["leader.replication.throttled.rate"]
    assert key_of("no.such.key") is None


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("principal.builder.class", "com.example.Names", "runs no Java classes"),
        ("listener.name.inside.principal.builder.class", "com.example.Names", "runs no Java classes"),
        (
            "listener.name.inside.plain.sasl.server.callback.handler.class",
            "com.example.Logins",
            "check logins by itself",
        ),
        ("oauthbearer.sasl.server.callback.handler.class", "com.example.Tokens", "check logins by itself"),
        ("ssl.engine.factory.class", "com.example.Engines", "ssl.* keys alone"),
        ("create.topic.policy.class.name", "com.example.Policy", "would not be checked"),
        ("alter.config.policy.class.name", "com.example.Policy", "would not be checked"),
        ("config.providers", "file", "literally"),
    ],
)
def test_security_that_is_not_there_refuses_to_start(name: str, text: str, words: str) -> None:
    given = [Property("zookeeper.connect", "z", 1), Property(name, text, 2)]

    with pytest.raises(BadProperty) as refused:
        BrokerSettings(given)

    assert (refused.value.key, refused.value.line) == (name, 2)
    assert words in str(refused.value)
    assert "remove it" in str(refused.value)


def test_a_refusal_does_not_show_a_secret() -> None:
    key = UnsupportedProtection(PASSWORD, None, "A secret.", loss="nothing is protected by it")

    with pytest.raises(BadProperty, match=re.escape("Invalid value [hidden] for configuration some.secret")):
        key.ensure_not_counted_on("some.secret", "s3cret", 2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("authorizer.class.name", ""),
        ("zookeeper.set.acl", "false"),
        ("connections.max.reauth.ms", "0"),
        ("principal.builder.class", "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"),
        ("ssl.engine.factory.class", "org.apache.kafka.common.security.ssl.DefaultSslEngineFactory"),
        ("config.providers", ""),
    ],
)
def test_kafkas_defaults_for_such_security_change_nothing(name: str, text: str) -> None:
    assert BrokerSettings([Property("zookeeper.connect", "z", 1), Property(name, text, 2)]).originals[name] == text


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        ({}, ""),
        ({"secret": "new"}, "new"),
        ({"master": "old"}, "old"),
        ({"secret": "new", "master": "old"}, "new"),
        ({"secret": "", "master": "old"}, ""),
    ],
)
def test_the_secret_of_delegation_tokens_has_two_names(given: dict[str, str], secret: str) -> None:
    names = {f"delegation_token_{name}_key": text for name, text in given.items()}

    assert settings(**names).delegation_token_secret == secret


def test_such_security_is_rejected_while_the_broker_runs() -> None:
    broker = settings()

    with pytest.raises(BadProperty, match="runs no Java classes"):
        broker.check_dynamic({}, {"principal.builder.class": "com.example.Names"})
