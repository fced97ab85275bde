"""Listeners, as `listeners` and `advertised.listeners` write them: NAME://host:port, separated by commas.

A name is upper-cased; listener.security.protocol.map has its protocol. An empty host means every interface (to listen
on) or this machine's name (to advertise); an IPv6 address is in brackets. Source: SocketServerConfigs, CoreUtils.
"""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_LISTENER = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)")


class SecurityProtocol(StrEnum):
    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def encrypts(self) -> bool:
        return self in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL)

    @property
    def authenticates(self) -> bool:
        return self in (SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL)


@dataclass(frozen=True, slots=True)
class Listener:
    """One endpoint of a broker: where it listens, or can be reached."""

    name: str
    protocol: SecurityProtocol
    host: str
    port: int

    def __str__(self) -> str:
        """The form in a properties file and in the znode /brokers/ids/N."""
        return f"{self.name}://{self.address}"

    @property
    def address(self) -> str:
        """HOST:PORT, with an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_protocol_map(text: str) -> dict[str, SecurityProtocol]:
    """NAME:PROTOCOL pairs, separated by commas; raises ValueError."""
    protocols = {}
    for pair in _elements(text):
        name, colon, protocol = pair.rpartition(":")
        if not colon or not name:
            raise ValueError(f"{pair} is not of the form NAME:PROTOCOL")
        if protocol not in SecurityProtocol.__members__:
            raise ValueError(f"{protocol} is not a security protocol; use {', '.join(SecurityProtocol)}")
        protocols[name.upper()] = SecurityProtocol(protocol)
    return protocols


def parse_listeners(
    text: str, protocols: Mapping[str, SecurityProtocol], *, distinct_ports: bool
) -> tuple[Listener, ...]:
    """All listeners in order.

    distinct_ports    no two on one port, except one IPv4 and one IPv6 address; for listening, not for advertising
    raises            ValueError
    """
    listeners = tuple(_parse(element, protocols) for element in _elements(text))
    if len({listener.name for listener in listeners}) < len(listeners):
        raise ValueError("each listener must have a different name")
    if distinct_ports:
        _ensure_distinct_ports(listeners)
    return listeners


def _elements(text: str) -> list[str]:
    return [element.strip() for element in text.split(",") if element.strip()]


def _parse(element: str, protocols: Mapping[str, SecurityProtocol]) -> Listener:
    found = _LISTENER.fullmatch(element)
    if not found or not 0 <= int(found[3]) <= 65535:
        raise ValueError(f"{element} is not of the form NAME://host:port")
    name = found[1].upper()
    if name not in protocols:
        raise ValueError(f"no security protocol defined for listener {name}; add it to listener.security.protocol.map")
    return Listener(name, protocols[name], found[2], int(found[3]))


def _ensure_distinct_ports(listeners: tuple[Listener, ...]) -> None:
    versions_by_port: dict[int, list[int | None]] = defaultdict(list)
    for listener in listeners:
        if listener.port:
            versions_by_port[listener.port].append(_ip_version(listener.host))
    for port, versions in versions_by_port.items():
        if len(versions) > 1 and sorted(versions, key=str) != [4, 6]:
            raise ValueError(
                f"each listener must have a different port, or one an IPv4 and the other an IPv6 address: {port}"
            )


def _ip_version(host: str) -> int | None:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None
