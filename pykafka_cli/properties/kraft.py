"""The quorum in a KRaft node's properties, and which nodes can run here: one that is broker and controller.

    process.roles=broker,controller
    node.id=1
    controller.quorum.bootstrap.servers=localhost:9093      or controller.quorum.voters=1@localhost:9093
    listeners=PLAINTEXT://:9092,CONTROLLER://:9093
    controller.listener.names=CONTROLLER
    log.dirs=/tmp/kraft-combined-logs

Source: KafkaConfig.validateValues, QuorumConfig, StorageTool.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pykafka_cli.model import BrokerId
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.listeners import Listener

BROKER, CONTROLLER = "broker", "controller"

_VOTER = re.compile(r"([0-9]+)@(.+):([0-9]+)")


class Voter(NamedTuple):
    """One element of controller.quorum.voters."""

    node_id: BrokerId
    host: str
    port: int


class NodeSettings(Protocol):
    """The part of a node's BrokerSettings that is used here."""

    @property
    def node_id(self) -> BrokerId: ...
    @property
    def process_roles(self) -> Sequence[str]: ...
    @property
    def controller_quorum_voters(self) -> Sequence[str]: ...
    @property
    def controller_quorum_bootstrap_servers(self) -> Sequence[str]: ...
    @property
    def controller_listeners(self) -> Sequence[str]: ...
    @property
    def inter_broker_listener(self) -> str: ...
    @property
    def listener_list(self) -> Sequence[Listener]: ...
    @property
    def quorum_voters(self) -> Sequence[Voter]: ...


def parse_voters(elements: tuple[str, ...]) -> tuple[Voter, ...]:
    """ID@HOST:PORT each; raises ValueError."""
    voters = []
    for element in elements:
        found = _VOTER.fullmatch(element)
        if not found:
            raise ValueError(f"{element} is not of the form ID@HOST:PORT")
        voters.append(Voter(BrokerId(int(found[1])), found[2], int(found[3])))
    return tuple(voters)


def ensure_valid_node(settings: NodeSettings) -> None:
    """Check what Kafka checks for any KRaft node, whatever its roles.

    raises    ConfigError, in Kafka's words
    """
    if settings.node_id < 0:
        raise ConfigError(
            "Missing configuration `node.id` which is required when `process.roles` is defined "
            "(i.e. when running in KRaft mode)."
        )
    if not settings.controller_quorum_voters and not settings.controller_quorum_bootstrap_servers:
        raise ConfigError(
            "If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap "
            "controllers or controller.quorum.voters must contain a parseable set of controllers."
        )
    if not settings.controller_listeners:
        raise ConfigError("controller.listener.names must contain at least one value when running KRaft")
    if settings.inter_broker_listener in settings.controller_listeners and BROKER in settings.process_roles:
        raise ConfigError(
            "inter.broker.listener.name must not be one of controller.listener.names when process.roles contains "
            "the broker role"
        )
    if CONTROLLER in settings.process_roles:
        _ensure_valid_controller(settings)


def _ensure_valid_controller(settings: NodeSettings) -> None:
    listening = {listener.name for listener in settings.listener_list}
    if not set(settings.controller_listeners) <= listening:
        raise ConfigError(
            "controller.listener.names must only contain values appearing in the 'listeners' configuration when "
            "running the KRaft controller role"
        )
    voters = settings.quorum_voters
    if voters and settings.node_id not in {voter.node_id for voter in voters}:
        raise ConfigError(
            f"If process.roles contains the 'controller' role, the node id {settings.node_id} must be included in the "
            f"set of voters controller.quorum.voters={','.join(settings.controller_quorum_voters)}"
        )


def ensure_single_node(settings: NodeSettings) -> None:
    """Check that this node is the whole cluster: only such KRaft clusters can run here.

    raises    ConfigError, which says what to do instead
    """
    if set(settings.process_roles) != {BROKER, CONTROLLER}:
        raise ConfigError(
            f"process.roles={','.join(settings.process_roles)}: a separate controller process is not supported. "
            "Set process.roles=broker,controller to run one node, or use zookeeper.connect instead of process.roles "
            "to run several brokers."
        )
    for key, nodes in (
        ("controller.quorum.voters", settings.controller_quorum_voters),
        ("controller.quorum.bootstrap.servers", settings.controller_quorum_bootstrap_servers),
    ):
        if len(nodes) > 1:
            raise ConfigError(
                f"{key}={','.join(nodes)}: a quorum of several controllers is not supported. "
                "Name this node alone, or use zookeeper.connect instead of process.roles to run several brokers."
            )
