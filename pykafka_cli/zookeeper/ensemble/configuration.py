"""Who belongs to an ensemble, as text: in zoo.cfg, in zoo.cfg.dynamic.*, in /zookeeper/config and between servers.

    server.N=HOST:QUORUM_PORT:ELECTION_PORT[:participant|:observer][;[CLIENT_HOST:]CLIENT_PORT]
    version=ZXID                        in hex; not in files, where it is the end of the file's name

A majority of the participants decides. Source: org.apache.zookeeper.server.quorum.QuorumPeer.QuorumServer, QuorumMaj.
"""

import contextlib
import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from pykafka_cli.properties.grammar import Property, read_properties
from pykafka_cli.properties.keys import BadProperty, ConfigError

PARTICIPANT, OBSERVER = "participant", "observer"
ALL_ADDRESSES = "0.0.0.0"
_MOST_ID = 2**63 - 1
_MOST_PORT = 65535
_HOST_AND_PORT = 2
_ADDRESS_PARTS = (3, 4)
_FORM = "HOST:QUORUM_PORT:ELECTION_PORT[:participant|:observer][;[CLIENT_HOST:]CLIENT_PORT]"


class InvalidConfiguration(ConfigError):
    """A line or text that describes no valid ensemble; `str()` says which and why."""


class Address(NamedTuple):
    """A host, by name or number, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{_delimited(self.host)}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address in HOST:PORT; raises InvalidConfiguration."""
        parts = _split(text)
        if len(parts) != _HOST_AND_PORT or not parts[0]:
            raise InvalidConfiguration(f"{text or 'nothing'} is not of the form HOST:PORT")
        return cls(_numeric(parts[0]), _port(parts[1]))


@dataclass(frozen=True, slots=True)
class EnsembleServer:
    """One line server.N; `str()` is its value as ZooKeeper writes it.

    id             N, which the server's own myid file repeats; at most 255, for session ids to be unique
    client         where it accepts clients; None: its own clientPort, which the others do not know
    client_is_own  the address is from the server's own clientPort, and so not a part of the text
    """

    id: int
    host: str
    quorum_port: int
    election_port: int
    role: str = PARTICIPANT
    client: Address | None = None
    client_is_own: bool = False

    @property
    def is_observer(self) -> bool:
        return self.role == OBSERVER

    @property
    def quorum_address(self) -> Address:
        """Where it accepts followers and observers while it leads."""
        return Address(self.host, self.quorum_port)

    @property
    def election_address(self) -> Address:
        return Address(self.host, self.election_port)

    def __str__(self) -> str:
        servers = f"{_delimited(self.host)}:{self.quorum_port}:{self.election_port}:{self.role}"
        return servers if self.client is None or self.client_is_own else f"{servers};{self.client}"

    @classmethod
    def parse(cls, server_id: int, text: str) -> Self:
        """The server that the value of a line server.N describes.

        raises    InvalidConfiguration; `str()` does not repeat the line
        source    QuorumServer.initializeWithAddressString
        """
        servers, *clients = text.split(";")
        if len(clients) > 1:
            raise InvalidConfiguration(f"this is not of the form {_FORM}")
        if "|" in servers:
            raise InvalidConfiguration("several addresses of one server (multiAddress.enabled) are not supported")
        parts = _split(servers)
        if len(parts) not in _ADDRESS_PARTS or not parts[0]:
            raise InvalidConfiguration(f"this is not of the form {_FORM}")
        host, quorum_port, election_port = _numeric(parts[0]), _port(parts[1]), _port(parts[2])
        if quorum_port == election_port:
            raise InvalidConfiguration("the quorum port and the election port must be different")
        role = parts[3].strip().lower() if len(parts) == _ADDRESS_PARTS[1] else PARTICIPANT
        if role not in (PARTICIPANT, OBSERVER):
            raise InvalidConfiguration(f"{parts[3]} is neither participant nor observer")
        return cls(server_id, host, quorum_port, election_port, role, _client(clients))


@dataclass(frozen=True)
class EnsembleConfiguration:
    """The servers of an ensemble; `str()` is ZooKeeper's text, as /zookeeper/config and notifications have it.

    version    the zxid of the reconfiguration that it is from; 0: from a file
    """

    servers: Mapping[int, EnsembleServer]
    version: int = 0
    voters: frozenset[int] = field(init=False, compare=False)
    observers: frozenset[int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        observers = frozenset(each.id for each in self.servers.values() if each.is_observer)
        object.__setattr__(self, "observers", observers)
        object.__setattr__(self, "voters", frozenset(self.servers) - observers)

    def is_quorum(self, server_ids: Collection[int]) -> bool:
        """Whether more than half of the participants are among these; others do not count."""
        return 2 * len(self.voters.intersection(server_ids)) > len(self.voters)

    def with_version(self, version: int) -> "EnsembleConfiguration":
        return replace(self, version=version)

    def __str__(self) -> str:
        lines = [f"server.{each.id}={each}" for each in _in_java_order(self.servers)]
        return "\n".join([*lines, f"version={self.version:x}"])

    def file_text(self) -> str:
        """The content of zoo.cfg.dynamic.VERSION: the servers, sorted as texts, without a line end.

        source    QuorumPeerConfig.writeDynamicConfig
        """
        return "\n".join(sorted(f"server.{each.id}={each}" for each in self.servers.values()))

    @classmethod
    def parse(cls, text: str) -> "EnsembleConfiguration":
        """A configuration from its text; other keys are ignored, but not weights.

        raises    InvalidConfiguration
        source    QuorumMaj
        """
        lines = list({line.key: line for line in _properties(text)}.values())
        version = 0
        for key, value, _ in lines:
            if is_hierarchical(key):
                raise InvalidConfiguration(f"{key}: {NO_WEIGHTS}")
            if key == "version":
                version = _version(value)
        return cls({each.id: each for each in servers_of(lines)}, version)


NO_WEIGHTS = "all participants have one vote each here; remove the lines group.N and weight.N on all servers"


def is_hierarchical(key: str) -> bool:
    """Whether a key gives servers weights, or puts them into groups."""
    return key.startswith(("group", "weight"))


def servers_of(lines: Iterable[Property]) -> list[EnsembleServer]:
    """The servers in lines server.N, in the lines' order; others are ignored.

    raises    InvalidConfiguration; BadProperty with the number of the line, if it has one
    """
    return [_server(line) for line in lines if line.key.startswith("server.")]


def _server(line: Property) -> EnsembleServer:
    number = line.key.removeprefix("server.")
    try:
        if not (number.isascii() and number.isdecimal() and int(number) <= _MOST_ID):
            raise InvalidConfiguration(f"the id of a server is a number, not {number}")
        return EnsembleServer.parse(int(number), line.value.strip())
    except InvalidConfiguration as error:
        raise BadProperty(line.key, line.value, line.line, str(error)) from None


def _properties(text: str) -> list[Property]:
    try:
        return read_properties(text.encode("iso-8859-1"))
    except UnicodeEncodeError:
        raise InvalidConfiguration("it contains characters that no host name can have") from None
    except ValueError as error:
        raise InvalidConfiguration(str(error)) from None


def _version(text: str) -> int:
    with contextlib.suppress(ValueError):
        if 0 <= (version := int(text.strip(), 16)) <= _MOST_ID:
            return version
    raise InvalidConfiguration(f"version: {text} is not the number of a version")


def _client(clients: list[str]) -> Address | None:
    if not clients:
        return None
    *host, port = _split(clients[0])
    if len(host) > 1:
        raise InvalidConfiguration(f"this is not of the form {_FORM}")
    return Address(_numeric(host[0]) if host else ALL_ADDRESSES, _port(port))


def _split(text: str) -> list[str]:
    """The parts between colons; an IPv6 address in brackets is one."""
    if not text.startswith("["):
        return text.split(":")
    host, closed, rest = text[1:].partition("]")
    if not closed:
        raise InvalidConfiguration("a [ has no matching ]")
    return [host, *rest.removeprefix(":").split(":")]


def _port(text: str) -> int:
    number = text.removeprefix("+")
    if not (number.isascii() and number.isdecimal() and int(number) <= _MOST_PORT):
        raise InvalidConfiguration(f"{text or 'nothing'} is not a port")
    return int(number)


def _numeric(host: str) -> str:
    """The host as Java has it: an IPv6 address with all eight groups, without leading zeros."""
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return host
    return ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":"))


def _delimited(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _in_java_order(servers: Mapping[int, EnsembleServer]) -> list[EnsembleServer]:
    """The servers as java.util.HashMap iterates over them: by the lowest bits of their ids."""
    buckets = 16
    while len(servers) > buckets * 3 // 4:
        buckets *= 2

    def bucket(server_id: int) -> int:
        folded = (server_id ^ server_id >> 32) & 0xFFFFFFFF
        return (folded ^ folded >> 16) & (buckets - 1)

    return [servers[each] for each in sorted(servers, key=bucket)]
