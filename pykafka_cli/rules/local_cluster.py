"""The options of `pk up`: topics to create, properties to override, addresses to advertise.

    orders  orders:3  orders:3:1  orders:3:retention.ms=1000,cleanup.policy=compact,delete  orders:3:1:compact

The last form, with a cleanup policy alone, is that of $KAFKA_CREATE_TOPICS in wurstmeister's Docker image.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pykafka_cli.properties.listeners import Listener, SecurityProtocol, parse_listeners
from pykafka_cli.rules.topic_arguments import BadArgument, parse_topic_configs
from pykafka_cli.topic_names import why_invalid

TOPIC_FORM = "TOPIC:PARTITIONS:REPLICATION_FACTOR:KEY=VALUE,..."
OPTIONS_FOR: Mapping[str, str] = {
    "listeners": "--port and --listen",
    "advertised.listeners": "--advertise",
    "log.dir": "--data-dir",
    "log.dirs": "--data-dir",
    "zookeeper.connect": "--zookeeper-port",
}
"""Properties that --override cannot change, as an option sets them."""
ZOOKEEPER_OPTIONS_FOR: Mapping[str, str] = {"clientPort": "--zookeeper-port", "dataDir": "--data-dir"}
"""The same for --zookeeper-override."""

CLIENT_LISTENER = "PLAINTEXT"
_LOCALHOST, _EVERY_ADDRESS = "localhost", "0.0.0.0"
_MAX_PORT = 65535
_NUMBERED = frozenset({"broker.id", "node.id", "process.roles"})
_NUMBERED_ZOOKEEPERS = re.compile(r"server\.\d+")
_CLEANUP_POLICIES = frozenset({"compact", "delete"})


class BadPlan(Exception):
    """An invalid value; `hint` says what would help."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class WantedTopic(NamedTuple):
    """A topic to create unless it exists; None: the broker's default."""

    name: str
    partitions: int | None
    replication_factor: int | None
    configs: Mapping[str, str]


class ClientListeners(NamedTuple):
    """The brokers' listeners for clients, and how clients reach them.

    host          what they bind to
    advertised    broker 0's listener; the others have the next ports; port 0 stands for the bound port
    """

    host: str
    advertised: Listener

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach them."""
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() != _LOCALHOST

    def listening(self, port: int) -> Listener:
        return Listener(CLIENT_LISTENER, SecurityProtocol.PLAINTEXT, self.host, port)

    def advertised_by(self, broker: int) -> Listener:
        port = self.advertised.port and self.advertised.port + broker
        return Listener(CLIENT_LISTENER, SecurityProtocol.PLAINTEXT, self.advertised.host, port)


def parse_client_listeners(listen: str | None, advertise: str | None, brokers: int) -> ClientListeners | None:
    """The listeners of --listen HOST and --advertise HOST:PORT; None if neither is given.

    raises    BadPlan
    """
    if listen is None and advertise is None:
        return None
    host = _LOCALHOST if listen is None else _host_to_listen_on(listen)
    if advertise is not None:
        return ClientListeners(host, _address_to_advertise(advertise, brokers))
    if _is_every_address(host):
        raise BadPlan(
            f"--listen {listen}: clients cannot connect to {host}, which stands for every address of this machine",
            hint="--advertise HOST:PORT sets the address that they should use.",
        )
    return ClientListeners(host, Listener(CLIENT_LISTENER, SecurityProtocol.PLAINTEXT, host, 0))


def _host_to_listen_on(word: str) -> str:
    host = word.removeprefix("[").removesuffix("]")
    if re.fullmatch(r"[^:]*:\d*|\[.*\]:\d*", word, re.ASCII):
        raise BadPlan(f"--listen {word} must be a host without a port", hint="--port sets the port.")
    if not host or _client_listener(f"[{host}]:0") is None:
        raise BadPlan(
            f"--listen {word} is not a host name or an IP address", hint=f"{_EVERY_ADDRESS} means all of them."
        )
    return host


def _address_to_advertise(word: str, brokers: int) -> Listener:
    found = _client_listener(word)
    if not found or not found.host or not found.port or (":" in found.host and not word.startswith("[")):
        raise BadPlan(f"--advertise {word} is not of the form HOST:PORT, or [ADDRESS]:PORT for IPv6")
    if _is_every_address(found.host):
        raise BadPlan(
            f"--advertise {word}: clients cannot connect to {found.host}",
            hint="Give a host name or an address by which they reach this machine.",
        )
    if found.port + brokers - 1 > _MAX_PORT:
        raise BadPlan(f"--advertise {word}: {_brokers(brokers)} would need ports above {_MAX_PORT}")
    return found


def _client_listener(address: str) -> Listener | None:
    """The one listener at HOST:PORT; None if that is not its form."""
    protocols = {CLIENT_LISTENER: SecurityProtocol.PLAINTEXT}
    try:
        (found,) = parse_listeners(f"{CLIENT_LISTENER}://{address}", protocols, distinct_ports=False)
    except ValueError:
        return None
    return found


def _is_every_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def parse_topic(word: str, brokers: int) -> WantedTopic:
    """The topic that a word describes, for a cluster of this size.

    raises    BadPlan
    """
    name, _, rest = word.partition(":")
    found = re.fullmatch(r"(?:(\d+)(?::(\d+))?)?(?:(?:^|:)(\D.*))?", rest, re.ASCII | re.DOTALL)
    if found is None:
        raise BadPlan(f"--topic {word} is not of the form {TOPIC_FORM}")
    if why := why_invalid(name):
        raise BadPlan(f"--topic {word}: the name is invalid: {why}")
    partitions, replicas, settings = found[1], found[2], found[3] or ""
    if partitions and not 1 <= int(partitions) < 1 << 31:
        raise BadPlan(f"--topic {word}: there must be at least one partition")
    if replicas and not 1 <= int(replicas) <= brokers:
        raise BadPlan(
            f"--topic {word}: a replication factor of {replicas} is impossible with a cluster of {_brokers(brokers)}",
            hint=f"--brokers {replicas} starts enough." if int(replicas) > brokers else "",
        )
    try:
        configs = parse_topic_configs(_settings(settings))
    except BadArgument as error:
        raise BadPlan(f"--topic {word}: {error}") from None
    return WantedTopic(name, int(partitions) if partitions else None, int(replicas) if replicas else None, configs)


def _brokers(count: int) -> str:
    return "1 broker" if count == 1 else f"{count} brokers"


def _settings(text: str) -> list[str]:
    """KEY=VALUE words; a comma belongs to a value unless another KEY= follows it."""
    if not text:
        return []
    if set(text.split(",")) <= _CLEANUP_POLICIES:
        return [f"cleanup.policy={text}"]
    return re.split(r",(?=[\w.]+=)", text)


def split_topics(text: str, separator: str = ",") -> list[str]:
    """The words of $KAFKA_CREATE_TOPICS: its separator may be surrounded by white space, as in multi-line YAML."""
    words = text.split(separator) if separator.strip() else text.split()
    return [stripped for word in words if (stripped := word.strip())]


def parse_overrides(words: Iterable[str]) -> dict[str, str]:
    """The properties of --override KEY=VALUE; of a key given twice, the last one counts.

    raises    BadPlan
    """
    overrides = _parse_properties("--override", words, OPTIONS_FOR)
    if numbers := sorted(_NUMBERED.intersection(overrides)):
        raise BadPlan(f"--override {numbers[0]}: `pk up` numbers its brokers itself")
    return overrides


def parse_zookeeper_overrides(words: Iterable[str]) -> dict[str, str]:
    """Likewise of --zookeeper-override.

    raises    BadPlan
    """
    overrides = _parse_properties("--zookeeper-override", words, ZOOKEEPER_OPTIONS_FOR)
    if numbers := list(filter(_NUMBERED_ZOOKEEPERS.fullmatch, overrides)):
        raise BadPlan(f"--zookeeper-override {numbers[0]}: `pk up` numbers its ZooKeepers itself")
    return overrides


def _parse_properties(option: str, words: Iterable[str], options_for: Mapping[str, str]) -> dict[str, str]:
    properties: dict[str, str] = {}
    for word in words:
        key, equals, value = (part.strip() for part in word.partition("="))
        if not key or not equals:
            raise BadPlan(f"{option} {word} is not of the form KEY=VALUE")
        if key in options_for:
            raise BadPlan(f"{option} {key} would take no effect here", hint=f"Use {options_for[key]}.")
        properties[key] = value
    return properties
