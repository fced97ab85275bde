"""A broker's settings: all keys of Kafka 3.9 in ZooKeeper mode, and combinations of them.

    settings = BrokerSettings(read_properties(Path("config/server.properties").read_bytes()))
    settings.num_partitions, settings.retention_ms, settings.listener_list

Each key is an attribute, with underscores for dots and in its own unit. Keys that are combined also have a property,
such as `retention_ms` for log.retention.ms, .minutes and .hours. Sources: KafkaConfig, DynamicBrokerConfig.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pykafka_cli.model import BrokerId
from pykafka_cli.properties import metrics
from pykafka_cli.properties.authorization import (
    ALLOW_EVERYONE,
    CLASS_NAME,
    SUPER_USERS,
    Authorization,
    read_authorization,
)
from pykafka_cli.properties.broker_keys.cluster import ClusterKeys
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys
from pykafka_cli.properties.broker_keys.inert import JavaKeys, KRaftKeys, NewGroupKeys, TieredStorageKeys
from pykafka_cli.properties.broker_keys.inert_security import JavaSecurityKeys
from pykafka_cli.properties.broker_keys.log import LogKeys
from pykafka_cli.properties.broker_keys.network import NetworkKeys
from pykafka_cli.properties.broker_keys.zookeeper import ZooKeeperClientKeys
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import (
    CLUSTER_WIDE,
    LONG,
    MAX_LONG,
    AtLeast,
    BadProperty,
    ConfigError,
    Key,
    KeyTable,
    UnsupportedProtection,
)
from pykafka_cli.properties.kraft import CONTROLLER, Voter, ensure_valid_node, parse_voters
from pykafka_cli.properties.listeners import Listener, SecurityProtocol, parse_listeners, parse_protocol_map
from pykafka_cli.properties.metrics import MetricsAddress

T = TypeVar("T")

_THIS_MACHINE = "localhost"
_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000

_LISTENER_KEY = re.compile(r"listener\.name\.([^.]+)\.(.+)")
_MECHANISM_KEY = re.compile(r"(?:plain|scram-sha-256|scram-sha-512|oauthbearer|gssapi)\.(.+)")
# Keys of plug-ins, which Kafka passes through; those of the authorizer are in authorization.py.
_PLUGIN_KEYS = re.compile(
    r"pk\.metrics\.(port|host)|super\.users|allow\.everyone\.if\.no\.acl\.found|authorizer\.(?!class\.name$).+|config\.providers(\..+)?"
)

# Synonymous keys, in order of precedence (DynamicBrokerConfig.brokerConfigSynonyms).
_SYNONYMS = (
    ("log.roll.ms", "log.roll.hours"),
    ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
)

DYNAMIC_ONLY_KEYS = KeyTable(
    Key(
        LONG,
        MAX_LONG,
        f"Bytes per second of throttled replication, {where}.",
        AtLeast(0),
        name=name,
        update=CLUSTER_WIDE,
    )
    for name, where in (
        ("leader.replication.throttled.rate", "as the leader"),
        ("follower.replication.throttled.rate", "as a follower"),
        ("replica.alter.log.dirs.io.max.bytes.per.second", "from one directory of a broker to another"),
    )
)


def synonyms(name: str) -> tuple[str, ...]:
    """The keys that may set the value of `name`, in order of precedence; for most only `name`.

    listener.name.L.K is followed by K, log.flush.interval.ms by log.flush.scheduler.interval.ms.
    """
    if name == "log.flush.interval.ms":
        return (name, "log.flush.scheduler.interval.ms")
    own = _LISTENER_KEY.fullmatch(name)
    if own:
        return (name, _base_key(own[2]))
    return next((group for group in _SYNONYMS if name in group), (name,))


def key_of(name: str) -> Key[Any] | None:
    """The key that `name` belongs to, including listener prefixes and keys that are only set dynamically."""
    own = _LISTENER_KEY.fullmatch(name)
    base = _base_key(own[2] if own else name)
    return BrokerSettings.KEYS.get(base) or DYNAMIC_ONLY_KEYS.get(base)


def unknown_keys(names: Iterable[str]) -> list[str]:
    """A line for each name that is ignored because no broker knows it, with the one that was probably meant."""
    return [
        BrokerSettings.KEYS.unknown(name, 0)
        for name in names
        if key_of(name) is None and not _PLUGIN_KEYS.fullmatch(name)
    ]


def _base_key(name: str) -> str:
    """`name` without the SASL mechanism that may come first."""
    of_mechanism = _MECHANISM_KEY.fullmatch(name)
    return of_mechanism[1] if of_mechanism else name


class BrokerSettings(
    ClusterKeys,
    NetworkKeys,
    LogKeys,
    CoordinatorKeys,
    JavaKeys,
    NewGroupKeys,
    KRaftKeys,
    TieredStorageKeys,
    JavaSecurityKeys,
    ZooKeeperClientKeys,
):
    """One broker's settings.

    originals         the given texts by name, including unknown keys (DescribeConfigs also shows them)
    warnings          a line for each unknown key
    without_effect    names of given keys that have no effect here
    """

    originals: dict[str, str]
    without_effect: list[str]

    def __init__(self, properties: Iterable[Property] = ()) -> None:
        """raises ConfigError (BadProperty if one value is to blame)"""
        given = _with_both_ids(list(properties))
        self.originals = {name: text for name, text, _ in given}
        self._lines = {name: line for name, _, line in given}
        special = (_LISTENER_KEY, _MECHANISM_KEY, _PLUGIN_KEYS)
        super().__init__(p for p in given if not any(pattern.fullmatch(p.key) for pattern in special))
        authorized = bool(self.originals.get(CLASS_NAME))
        self.without_effect = sorted(
            name
            for name in self.originals
            if _has_no_effect(name) and not (authorized and name in (SUPER_USERS, ALLOW_EVERYONE))
        )
        self._dynamic: dict[str, str] = {}
        self._static = dict(self.__dict__)
        self._ensure_can_start()
        self._ensure_consistent()

    # Combined keys.

    @property
    def log_directories(self) -> tuple[str, ...]:
        """log.dirs, or log.dir."""
        directories = self.log_dir if self.log_dirs is None else self.log_dirs
        return tuple(each.strip() for each in directories.split(",") if each.strip())

    @property
    def retention_ms(self) -> int:
        """log.retention.ms, or .minutes, or .hours; -1: forever."""
        if self.log_retention_ms is not None:
            chosen = self.log_retention_ms
        elif self.log_retention_minutes is not None:
            chosen = self.log_retention_minutes * _MINUTE_MS
        else:
            chosen = self.log_retention_hours * _HOUR_MS
        return -1 if chosen < 0 else chosen

    @property
    def roll_ms(self) -> int:
        """log.roll.ms, or log.roll.hours."""
        return self.log_roll_hours * _HOUR_MS if self.log_roll_ms is None else self.log_roll_ms

    @property
    def roll_jitter_ms(self) -> int:
        """log.roll.jitter.ms, or log.roll.jitter.hours."""
        return self.log_roll_jitter_hours * _HOUR_MS if self.log_roll_jitter_ms is None else self.log_roll_jitter_ms

    @property
    def flush_ms(self) -> int:
        """log.flush.interval.ms, or log.flush.scheduler.interval.ms."""
        scheduler = self.log_flush_scheduler_interval_ms
        return scheduler if self.log_flush_interval_ms is None else self.log_flush_interval_ms

    @property
    def zookeeper_connect_timeout_ms(self) -> int:
        """zookeeper.connection.timeout.ms, or zookeeper.session.timeout.ms."""
        own = self.zookeeper_connection_timeout_ms
        return self.zookeeper_session_timeout_ms if own is None else own

    @property
    def is_kraft_node(self) -> bool:
        """Whether process.roles is set, so that this node itself keeps the metadata."""
        return bool(self.process_roles)

    @property
    def controller_listeners(self) -> tuple[str, ...]:
        """Names of the controller listeners of a KRaft node."""
        names = (self.controller_listener_names or "").split(",")
        return tuple(name.strip().upper() for name in names if name.strip())

    @property
    def quorum_voters(self) -> tuple[Voter, ...]:
        """controller.quorum.voters."""
        text = ",".join(self.controller_quorum_voters)
        return self._checked("controller.quorum.voters", lambda _: parse_voters(self.controller_quorum_voters), text)

    @property
    def metadata_directory(self) -> str:
        """The metadata directory of a KRaft node: metadata.log.dir, or the first of log.dirs."""
        return self.metadata_log_dir or self.log_directories[0]

    @property
    def protocol_map(self) -> dict[str, SecurityProtocol]:
        """The protocol of each listener; PLAINTEXT for a controller's listener if the map is not given."""
        name = "listener.security.protocol.map"
        protocols = self._checked(name, parse_protocol_map, self.listener_security_protocol_map)
        if name not in self.originals:
            protocols = dict.fromkeys(self.controller_listeners, SecurityProtocol.PLAINTEXT) | protocols
        return protocols

    @property
    def listener_list(self) -> tuple[Listener, ...]:
        """The listeners to bind: on this machine only, unless listeners or advertised.listeners is set."""
        listeners = self._listeners("listeners", self.listeners, distinct_ports=True)
        if self.has_listeners:
            return listeners
        return tuple(replace(listener, host=_THIS_MACHINE) for listener in listeners)

    @property
    def has_listeners(self) -> bool:
        """Whether listeners or advertised.listeners is set."""
        return any(name in self.originals or name in self._dynamic for name in ("listeners", "advertised.listeners"))

    @property
    def advertised_listener_list(self) -> tuple[Listener, ...]:
        """The listeners to advertise to clients; hosts may be empty, and ports 0, as in `listeners`."""
        return tuple(each for each in self._advertised if each.name not in self.controller_listeners)

    @property
    def advertised_controller_listener_list(self) -> tuple[Listener, ...]:
        """The advertised controller listeners of a KRaft node, for tools."""
        return tuple(each for each in self._advertised if each.name in self.controller_listeners)

    @property
    def _advertised(self) -> tuple[Listener, ...]:
        if self.advertised_listeners is None:
            return self.listener_list
        return self._listeners("advertised.listeners", self.advertised_listeners, distinct_ports=False)

    @property
    def inter_broker_listener(self) -> str:
        """Name of the listener for connections between brokers."""
        return (self.inter_broker_listener_name or self.security_inter_broker_protocol).upper()

    @property
    def authorization(self) -> Authorization | None:
        """authorizer.class.name and related keys; None without an authorizer."""
        return read_authorization(self.originals, self._lines, is_kraft_node=self.is_kraft_node)

    @property
    def metrics_address(self) -> MetricsAddress | None:
        """pk.metrics.port and pk.metrics.host; None without."""
        return metrics.of_broker(self.originals, self._lines)

    @property
    def delegation_token_secret(self) -> str:
        """The secret that signs delegation tokens; empty without one."""
        secret = self.delegation_token_secret_key
        if secret is None:
            secret = self.delegation_token_master_key
        return "" if secret is None else secret.value

    @property
    def connections_per_ip_overrides(self) -> dict[str, int]:
        """max.connections.per.ip.overrides by address or host name."""
        return self._checked("max.connections.per.ip.overrides", _parse_limits, self.max_connections_per_ip_overrides)

    @property
    def protected_listeners(self) -> frozenset[str]:
        """The listener of brokers, if clients have others: limits of the whole broker must not lock out brokers."""
        names = [listener.name for listener in self.listener_list]
        return frozenset({self.inter_broker_listener} if len(names) > 1 else ())

    def for_listener(self, listener: str, name: str) -> Any:
        """The value of key `name` on one listener: listener.name.LISTENER.name, or `name`."""
        own = f"listener.name.{listener.lower()}.{name}"
        text = self._dynamic.get(own, self.originals.get(own))
        return self[name] if text is None else self.KEYS[name].parse(text, self._lines.get(own, 0))

    def for_mechanism(self, listener: str, mechanism: str, name: str) -> Any:
        """The value of key `name` for a SASL mechanism on one listener."""
        text = self.text_for_listener(listener, name, mechanism)
        return self[name] if text is None else self.KEYS[name].parse(text)

    def is_given_for_listener(self, listener: str, name: str) -> bool:
        """Whether listener.name.LISTENER.name is set."""
        own = f"listener.name.{listener.lower()}.{name}"
        return own in self._dynamic or own in self.originals

    def text_for_listener(self, listener: str, name: str, mechanism: str | None = None) -> str | None:
        """The given value of key `name` for one listener, as text; None without one.

        mechanism    a SASL mechanism, for which MECHANISM.name counts before `name`
        """
        own = f"listener.name.{listener.lower()}."
        of_mechanism = [] if mechanism is None else [f"{mechanism.lower()}.{name}"]
        names = [*(own + each for each in (*of_mechanism, name)), *of_mechanism, name]
        found = (self._dynamic.get(each, self.originals.get(each)) for each in names)
        return next((text for text in found if text is not None), None)

    # Changes.

    def assign_broker_id(self, broker_id: BrokerId) -> None:
        """Set the id from ZooKeeper or meta.properties, if broker.id is -1."""
        self._set({"broker.id": broker_id, "node.id": broker_id})
        self._static.update(broker_id=broker_id, node_id=broker_id)

    def connect_to_zookeeper(self, address: str) -> None:
        """Set the address of the ZooKeeper server inside a KRaft node, once that has started."""
        self._set({"zookeeper.connect": address})
        self._static.update(zookeeper_connect=address)

    def apply_dynamic(self, cluster_wide: Mapping[str, str], this_broker: Mapping[str, str]) -> None:
        """Replace all dynamic values in place, so that all holders of these settings see them.

        raises    ConfigError; then nothing has changed
        """
        dynamic = {**cluster_wide, **this_broker}
        changed = {name: self.KEYS[name].parse(text) for name, text in dynamic.items() if name in self.KEYS}
        before = self.__dict__
        self.__dict__ = self._static | {"_static": self._static, "_dynamic": dynamic}
        try:
            self._set(changed)
            self._ensure_consistent()
        except ConfigError:
            self.__dict__ = before
            raise

    def dynamic_limit(self, name: str) -> int | None:
        """A limit that only exists at run time, such as leader.replication.throttled.rate; None without one."""
        if name not in self._dynamic:
            return None
        limit: Any = DYNAMIC_ONLY_KEYS[name].parse(self._dynamic[name])
        return limit if 0 < limit < MAX_LONG else None

    def check_dynamic(
        self,
        cluster_wide: Mapping[str, str],
        this_broker: Mapping[str, str],
        ensure_usable: Callable[[], None] = lambda: None,
    ) -> None:
        """Raise ConfigError if `apply_dynamic` would, and change nothing.

        ensure_usable    may raise it as well, while these settings hold
        """
        before = self.__dict__
        try:
            self.apply_dynamic(cluster_wide, this_broker)
            ensure_usable()
        finally:
            self.__dict__ = before

    # Rules.

    def _ensure_can_start(self) -> None:
        """Check the identity of broker and cluster, which dynamic changes cannot affect."""
        if self.node_id != self.broker_id:
            raise ConfigError("You must set `node.id` to the same value as `broker.id`.")
        self.authorization  # noqa: B018 - raises BadProperty
        if self.is_kraft_node:
            ensure_valid_node(self)
            return
        if self.controller_listener_names:
            raise self._bad("controller.listener.names", "must be empty when running in ZooKeeper mode")
        if self.zookeeper_connect is None:
            raise ConfigError("Missing required configuration `zookeeper.connect` which has no default value.")
        if self.broker_id_generation_enable and not -1 <= self.broker_id <= self.reserved_broker_max_id:
            raise self._bad("broker.id", "must be at least -1 and not greater than reserved.broker.max.id")
        if not self.broker_id_generation_enable and self.broker_id < 0:
            raise self._bad("broker.id", "must be at least 0 if broker.id.generation.enable is false")

    def _ensure_consistent(self) -> None:
        """Check what KafkaConfig.validateValues checks."""
        self._ensure_nothing_is_counted_on_in_vain()
        self._ensure_consistent_logs()
        self._ensure_consistent_network()

    def _ensure_nothing_is_counted_on_in_vain(self) -> None:
        """Reject security that is not implemented, for one listener or mechanism as well."""
        for name, text in {**self.originals, **self._dynamic}.items():
            key = key_of(name)
            if isinstance(key, UnsupportedProtection):
                key.ensure_not_counted_on(name, text, self._lines.get(name, 0))
            if name == "config.providers" and text.strip():
                why = "this broker uses no providers, and would read ${...} in other values literally; remove it"
                raise BadProperty(name, text, self._lines.get(name, 0), why)

    def _ensure_consistent_logs(self) -> None:
        if self.roll_ms < 1:
            raise self._bad("log.roll.ms", "must be greater than or equal to 1")
        if self.roll_jitter_ms < 0:
            raise self._bad("log.roll.jitter.ms", "must be greater than or equal to 0")
        if self.retention_ms == 0:
            given = next((name for name in synonyms("log.retention.ms") if name in self.originals), "log.retention.ms")
            raise self._bad(given, "must be unlimited (-1) or, greater than or equal to 1")
        if not self.log_directories:
            raise self._bad("log.dirs", "At least one log directory must be defined via log.dirs or log.dir.")
        if self.replica_fetch_wait_max_ms > self.replica_socket_timeout_ms:
            raise self._bad("replica.socket.timeout.ms", "must be at least replica.fetch.wait.max.ms")
        if self.replica_fetch_wait_max_ms > self.replica_lag_time_max_ms:
            raise self._bad("replica.fetch.wait.max.ms", "must not be greater than replica.lag.time.max.ms")

    def _ensure_consistent_network(self) -> None:
        listening = [listener.name for listener in self.listener_list]
        advertised = [listener.name for listener in self.advertised_listener_list]
        if not advertised and self.process_roles == (CONTROLLER,):
            return
        if not advertised:
            raise self._bad("listeners", "at least one listener must be defined")
        if any(listener.host == "0.0.0.0" for listener in self.advertised_listener_list):
            where = "advertised.listeners" if self.advertised_listeners is not None else "listeners"
            raise self._bad(
                where, "0.0.0.0 cannot be advertised; give advertised.listeners a host that clients can reach"
            )
        if not set(advertised) <= set(listening):
            raise self._bad("advertised.listeners", f"names must be among those of listeners: {', '.join(listening)}")
        if self.inter_broker_listener_name and "security.inter.broker.protocol" in self.originals:
            raise ConfigError(
                "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set."
            )
        if self.inter_broker_listener not in advertised:
            raise ConfigError(
                "inter.broker.listener.name must be a listener name defined in advertised.listeners. "
                f"The valid options based on currently configured listeners are {','.join(advertised)}"
            )
        if 0 < self.queued_max_request_bytes < self.socket_request_max_bytes:
            raise self._bad("queued.max.request.bytes", "must not be less than socket.request.max.bytes")
        overrides = self.connections_per_ip_overrides
        if self.max_connections_per_ip == 0 and not overrides:
            raise self._bad("max.connections.per.ip", "can be 0 only if max.connections.per.ip.overrides is set")
        if 0 <= self.connections_max_idle_ms <= self.connection_failed_authentication_delay_ms:
            raise self._bad("connection.failed.authentication.delay.ms", "must be less than connections.max.idle.ms")

    def _listeners(self, name: str, text: str, *, distinct_ports: bool) -> tuple[Listener, ...]:
        protocols = self.protocol_map
        return self._checked(name, lambda given: parse_listeners(given, protocols, distinct_ports=distinct_ports), text)

    def _checked(self, name: str, parse: Callable[[str], T], text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise self._bad(name, str(error)) from error

    def _bad(self, name: str, why: str) -> BadProperty:
        value = self._dynamic.get(name) or self.originals.get(name, self[name])
        return BadProperty(name, value, self._lines.get(name, 0), why)


def _has_no_effect(name: str) -> bool:
    if name in (metrics.BROKER_PORT, metrics.BROKER_HOST):
        return False
    key = key_of(name)
    return bool(_PLUGIN_KEYS.fullmatch(name)) or (key is not None and not key.effective)


def _with_both_ids(given: list[Property]) -> list[Property]:
    """Give broker.id and node.id the same value if only one is set."""
    ids = {p.key: p for p in given if p.key in ("broker.id", "node.id")}
    if len(ids) == 1:
        ((name, only),) = ids.items()
        given.append(only._replace(key="node.id" if name == "broker.id" else "broker.id"))
    return given


def _parse_limits(text: str) -> dict[str, int]:
    limits = {}
    for pair in filter(None, (element.strip() for element in text.split(","))):
        address, _, limit = pair.rpartition(":")
        if not address or not limit.isdecimal():
            raise ValueError(f"{pair} is not of the form address:limit")
        limits[address.strip("[]")] = int(limit)
    return limits
