"""The plan of a local cluster: the directories of its data, and the settings of its servers.

    DIR/zookeeper              ZooKeeper's data; of several, DIR/zookeeper-1 and so on; a zoo.cfg if it has a process
    DIR/kafka                  broker 0's logs; DIR/kafka-1 broker 1's, and so on
    DIR/logs/broker-1.log      broker 1's log, if brokers have their own processes
    DIR/logs/zookeeper-1.log   ZooKeeper 1's, likewise

config/zookeeper.properties and config/server.properties name the first two below ./data, so that `pk up` and separate
servers can use each other's data.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property, write_properties
from pykafka_cli.properties.listeners import Listener
from pykafka_cli.properties.metrics import (
    BROKER_PORT,
    PROMETHEUS,
    PROVIDER,
    PROVIDER_HOST,
    PROVIDER_PORT,
    MetricsAddress,
)
from pykafka_cli.properties.zookeeper import READ_ONLY_WORDS, ZooKeeperSettings
from pykafka_cli.rules.local_cluster import CLIENT_LISTENER, ClientListeners
from pykafka_cli.script.errors import UsageError

HOST = "127.0.0.1"
MAX_BROKERS = 9
MAX_PORT = 65535
INTERNAL_LISTENER = "INTERNAL"

_ADMIN_SERVER, _ADMIN_PORT = "admin.enableServer", "admin.serverPort"
_EACH_ITS_OWN = frozenset((_ADMIN_PORT, PROVIDER_PORT, "secureClientPort"))
"""Ports of a ZooKeeper that others on the same machine cannot have as well."""

_QUORUM_AFTER, _ELECTION_AFTER = 2888 - 2181, 3888 - 2181

SESSION_TIMEOUT_MS = 6000
"""Kafka's default until 2.5 (KIP-537), for brokers that can be killed: 18 s is long to wait until that is noticed."""

_NONE: Mapping[str, str] = MappingProxyType({})


class ZooKeeperPorts(NamedTuple):
    """The ports of one of several ZooKeepers: for clients, for those that follow it, and for elections."""

    client: int
    quorum: int
    election: int


class LocalPlan(NamedTuple):
    """Servers to start.

    ports            one for each broker; 0 means any free port, also for ZooKeeper
    overrides        settings of all brokers, beside those of `broker_properties`
    clients          where clients connect; None: from this machine only, to the listener that brokers use
    has_clock        whether the time of all servers can be moved
    has_faults       whether clients' requests can be made to fail
    ensemble         the ports of ZooKeepers that have their own processes; none: there is one, in that of `pk up`
    metrics_ports    where metrics are served, of each broker and then of each ZooKeeper; empty: nowhere

    zookeeper_overrides    settings of all ZooKeepers; ports are those of the first one, and the others get the next
    """

    data_dir: Path
    ports: Sequence[int]
    zookeeper_port: int
    overrides: Mapping[str, str] = _NONE
    clients: ClientListeners | None = None
    has_clock: bool = False
    has_faults: bool = False
    ensemble: Sequence[ZooKeeperPorts] = ()
    metrics_ports: Sequence[int] = ()
    zookeeper_overrides: Mapping[str, str] = _NONE

    @property
    def metrics_addresses(self) -> list[MetricsAddress]:
        """Where metrics are shown; the brokers' come first."""
        return [MetricsAddress(HOST, port) for port in self.metrics_ports]

    def zookeeper_data(self, number: int) -> Path:
        """The directory of a ZooKeeper, whose numbers begin with 1; its zoo.cfg is there as well."""
        return self.data_dir / ("zookeeper" if len(self.ensemble) <= 1 else f"zookeeper-{number}")

    def zookeeper_properties(self, server: int) -> dict[str, str]:
        """The properties of a ZooKeeper's metrics, and those that override; the first server's number is 1."""
        given = dict(self.zookeeper_overrides)
        if _ADMIN_SERVER in given:
            given.setdefault(_ADMIN_PORT, str(ZooKeeperSettings.KEYS[_ADMIN_PORT].default))
        for key in _EACH_ITS_OWN.intersection(given):
            if (first := given[key]).isdecimal() and int(first):
                given[key] = str(int(first) + server - 1)
        return {**self._metrics_properties(server), **given}

    def _metrics_properties(self, server: int) -> dict[str, str]:
        if not self.metrics_ports:
            return {}
        port = self.metrics_ports[len(self.ports) + server - 1]
        return {PROVIDER: PROMETHEUS, PROVIDER_HOST: HOST, PROVIDER_PORT: str(port)}

    @property
    def has_processes(self) -> bool:
        """Whether each broker runs in its own process."""
        return len(self.ports) > 1

    def broker_properties(self, number: int, ports: Mapping[str, int], zookeeper: str) -> dict[str, str]:
        """The properties of one broker.

        ports        by listener, of one that has run before; without them those of the plan
        zookeeper    HOST:PORT, of several separated by commas
        """
        brokers = len(self.ports)
        given = broker_properties(
            self.data_dir, number, ports.get(CLIENT_LISTENER, self.ports[number]), zookeeper, brokers,
            clients=self.clients, internal_port=ports.get(INTERNAL_LISTENER, 0),
        )  # fmt: skip
        together = {"controlled.shutdown.enable": "false"}  # all stop at once, so no broker is left to hand over to
        apart = {"zookeeper.session.timeout.ms": str(SESSION_TIMEOUT_MS)}
        metrics = {BROKER_PORT: str(self.metrics_ports[number])} if self.metrics_ports else {}
        return {**given, **(apart if self.has_processes else together), **metrics, **self.overrides}


def broker_ports(first: int, brokers: int) -> list[int]:
    """One port for each broker; 0 means any free one.

    raises    UsageError
    """
    if first + brokers - 1 > MAX_PORT:
        raise UsageError(f"{brokers} brokers starting at port {first} would need ports above {MAX_PORT}.")
    return [first + number if first else 0 for number in range(brokers)]


def zookeeper_settings(plan: LocalPlan) -> ZooKeeperSettings:
    """The settings of the only ZooKeeper server."""
    return ZooKeeperSettings.on_loopback(str(plan.zookeeper_data(1)), plan.zookeeper_port, plan.zookeeper_properties(1))


def metrics_ports(first: int | None, servers: int, pick: Callable[[], int]) -> list[int]:
    """One port for each server's metrics; none if `first` is None.

    first     0: any free ports
    pick      returns a free port

    raises    UsageError
    """
    if first is None:
        return []
    if first + servers - 1 > MAX_PORT:
        raise UsageError(f"Metrics of {servers} servers starting at port {first} would need ports above {MAX_PORT}.")
    return [first + number if first else pick() for number in range(servers)]


def ensemble_ports(first: int, zookeepers: int, pick: Callable[[], int]) -> list[ZooKeeperPorts]:
    """The ports of ZooKeepers; the first has 2181, 2888 and 3888 by default. A single one has a port for clients only.

    first    for clients of the first one; 0: any free ports
    pick     returns a free port

    raises   UsageError
    """
    if zookeepers == 1:
        return [ZooKeeperPorts(first or pick(), 0, 0)]
    if not first:
        return [ZooKeeperPorts(pick(), pick(), pick()) for _ in range(zookeepers)]
    if first + _ELECTION_AFTER + zookeepers - 1 > MAX_PORT:
        raise UsageError(f"{zookeepers} ZooKeepers starting at port {first} would need ports above {MAX_PORT}.")
    return [
        ZooKeeperPorts(port, port + _QUORUM_AFTER, port + _ELECTION_AFTER) for port in range(first, first + zookeepers)
    ]


def zookeeper_log_of(data_dir: Path, number: int) -> Path:
    return data_dir / "logs" / f"zookeeper-{number}.log"


def zookeeper_file(plan: LocalPlan, number: int) -> str:
    """The zoo.cfg of a ZooKeeper with its own process, with which pk zookeeper-server-start starts it as well."""
    servers = [f"server.{n}={HOST}:{each.quorum}:{each.election}" for n, each in enumerate(plan.ensemble, start=1)]
    given = {
        "tickTime": "2000",
        "initLimit": "10",
        "syncLimit": "5",
        "dataDir": str(plan.zookeeper_data(number)),
        "clientPort": str(plan.ensemble[number - 1].client),
        "clientPortAddress": HOST,
        "maxClientCnxns": "0",
        "4lw.commands.whitelist": READ_ONLY_WORDS.replace(" ", ""),
        **plan.zookeeper_properties(number),
    }
    return write_properties(given) + "".join(f"{server}\n" for server in servers if len(servers) > 1)


def logs_of(data_dir: Path, number: int) -> Path:
    """The directory of a broker's logs."""
    return data_dir / ("kafka" if number == 0 else f"kafka-{number}")


def log_of(data_dir: Path, number: int) -> Path:
    """The log file of a broker that has its own process."""
    return data_dir / "logs" / f"broker-{number}.log"


def broker_properties(
    data_dir: Path,
    number: int,
    port: int,
    zookeeper: str,
    brokers: int,
    *,
    clients: ClientListeners | None = None,
    internal_port: int = 0,
) -> dict[str, str]:
    """The values of config/server.properties, with as many replicas of the internal topics as there are brokers.

    zookeeper        HOST:PORT, of several separated by commas
    clients          where clients connect, if not to localhost; brokers then have a separate listener there, since they
                     may not be able to reach an advertised address
    internal_port    the port of that listener
    """
    replicas = str(min(brokers, 3))
    return {
        "broker.id": str(number),
        **_listeners(number, port, clients, internal_port),
        "log.dirs": str(logs_of(data_dir, number)),
        "zookeeper.connect": zookeeper,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": "2" if brokers >= 3 else "1",
        "group.initial.rebalance.delay.ms": "0",
    }


def settings_of(properties: Mapping[str, str]) -> BrokerSettings:
    """raises    ConfigError"""
    return BrokerSettings([Property(name, text, 0) for name, text in properties.items()])


def address_of(settings: BrokerSettings, endpoints: Iterable[Listener]) -> str:
    """HOST:PORT where commands on this machine reach a broker, as the other brokers do."""
    return f"{HOST}:{_bound_port(endpoints, settings.inter_broker_listener)}"


def advertised_by(settings: BrokerSettings, endpoints: Iterable[Listener]) -> str:
    """HOST:PORT that a broker gives to clients, with the port that is bound where the settings leave it open."""
    listener = next(each for each in settings.advertised_listener_list if each.name == CLIENT_LISTENER)
    return replace(listener, port=listener.port or _bound_port(endpoints, CLIENT_LISTENER)).address


def _bound_port(endpoints: Iterable[Listener], listener: str) -> int:
    return next(each.port for each in endpoints if each.name == listener)


def _listeners(number: int, port: int, clients: ClientListeners | None, internal_port: int) -> dict[str, str]:
    # localhost is both 127.0.0.1 and ::1, and clients try either first.
    if clients is None:
        return {
            "listeners": f"{CLIENT_LISTENER}://localhost:{port}",
            "advertised.listeners": f"{CLIENT_LISTENER}://{HOST}:{port}",
        }
    return {
        "listeners": f"{clients.listening(port)},{INTERNAL_LISTENER}://localhost:{internal_port}",
        "advertised.listeners": f"{clients.advertised_by(number)},{INTERNAL_LISTENER}://{HOST}:{internal_port}",
        "listener.security.protocol.map": f"{CLIENT_LISTENER}:PLAINTEXT,{INTERNAL_LISTENER}:PLAINTEXT",
        "inter.broker.listener.name": INTERNAL_LISTENER,
    }
