"""What a KRaft node's properties say, and which of them can run here."""

import pytest

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.kraft import ensure_single_node

NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.bootstrap.servers": "localhost:9093",
    "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "advertised.listeners": "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": "/a,/b",
}


def node(**changed: str | None) -> BrokerSettings:
    given = NODE | {name.replace("_", "."): text for name, text in changed.items()}
    return BrokerSettings(Property(name, text, 0) for name, text in given.items() if text is not None)


def test_a_node_is_broker_and_controller_by_listeners_of_their_own() -> None:
    settings = node()

    assert settings.is_kraft_node
    assert settings.broker_id == settings.node_id == 1
    assert [str(each) for each in settings.listener_list] == ["PLAINTEXT://:9092", "CONTROLLER://:9093"]
    assert [str(each) for each in settings.advertised_listener_list] == ["PLAINTEXT://localhost:9092"]
    assert [str(each) for each in settings.advertised_controller_listener_list] == ["CONTROLLER://localhost:9093"]
    assert settings.inter_broker_listener == "PLAINTEXT"
    ensure_single_node(settings)


def test_metadata_are_in_the_first_log_directory_unless_they_have_one_of_their_own() -> None:
    assert node().metadata_directory == "/a"
    assert node(metadata_log_dir="/m").metadata_directory == "/m"


def test_voters_are_distinguished() -> None:
    settings = node(controller_quorum_bootstrap_servers=None, controller_quorum_voters="1@[::1]:9093,2@host:1")

    assert settings.quorum_voters == ((1, "[::1]", 9093), (2, "host", 1))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"node_id": None}, "Missing configuration `node.id` which is required when `process.roles` is defined"),
        ({"controller_quorum_bootstrap_servers": None}, "either controller.quorum.bootstrap.servers must contain"),
        ({"controller_quorum_voters": "1-localhost"}, "1-localhost is not of the form ID@HOST:PORT"),
        ({"controller_quorum_voters": "2@localhost:9093"}, "the node id 1 must be included in the set of voters"),
        ({"controller_listener_names": None}, "controller.listener.names must contain at least one value"),
        (
            {"listeners": "PLAINTEXT://:9092", "advertised_listeners": None},
            "must only contain values appearing in the 'listeners' configuration",
        ),
        ({"inter_broker_listener_name": "CONTROLLER"}, "must not be one of controller.listener.names"),
    ],
)
def test_what_no_kraft_node_may_have_is_rejected(changed: dict[str, str | None], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
        node(**changed)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"process_roles": "broker", "listeners": "PLAINTEXT://:9092"}, "process.roles=broker: "),
        ({"process_roles": "controller"}, "process.roles=controller: "),
        ({"controller_quorum_voters": "1@a:1,2@b:1"}, "controller.quorum.voters=1@a:1,2@b:1: "),
        ({"controller_quorum_bootstrap_servers": "a:1,b:1"}, "controller.quorum.bootstrap.servers=a:1,b:1: "),
    ],
)
def test_a_node_that_is_not_the_whole_cluster_is_rejected_with_what_to_do(
    changed: dict[str, str | None], words: str
) -> None:
    settings = node(**{"advertised_listeners": None, **changed})

    with pytest.raises(ConfigError, match=f"^{words}.*zookeeper.connect instead of process.roles"):
        ensure_single_node(settings)
