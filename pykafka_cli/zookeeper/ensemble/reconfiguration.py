"""Changes of an ensemble while it runs: which configuration a client's `reconfig` requests. Pure.

    joining, leaving    servers to add or to change, and ids to remove, of the configuration in force
    new members         all servers, in place of those

Source: org.apache.zookeeper.server.PrepRequestProcessor (OpCode.reconfig).
"""

import ipaddress
from collections.abc import Collection

from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.zookeeper.ensemble.configuration import Address, EnsembleConfiguration, EnsembleServer, servers_of
from pykafka_cli.zookeeper.protocol.errors import BadArguments, BadVersion, NewConfigNoQuorum
from pykafka_cli.zookeeper.protocol.requests import ReconfigRequest

_ANY_VERSION = -1
_FEWEST_PARTICIPANTS = 2


def reconfigured(
    current: EnsembleConfiguration,
    request: ReconfigRequest,
    synced: Collection[int],
    *,
    fewest: int = _FEWEST_PARTICIPANTS,
) -> EnsembleConfiguration:
    """The configuration that a client requests, not numbered yet.

    synced    the servers that have all that was committed, the leader among them
    fewest    how many participants there must be
    raises    BadArguments, BadVersion, NewConfigNoQuorum
    """
    if request.current_config_id not in (_ANY_VERSION, current.version):
        raise BadVersion(f"the configuration has version {current.version:x}, not {request.current_config_id:x}")
    try:
        if request.new_members is not None:
            servers = {each.id: each for each in _servers(request.new_members)}
        else:
            servers = _changed(current, request)
    except ConfigError as error:
        raise BadArguments(f"the new configuration is invalid: {error}") from None
    changed = EnsembleConfiguration(servers)
    if len(changed.voters) < fewest:
        raise BadArguments(f"the new configuration has {len(changed.voters)} participants; there must be {fewest}")
    if not changed.is_quorum(synced):
        there = sorted(changed.voters.intersection(synced))
        raise NewConfigNoQuorum(f"of its participants, only {there} are up to date")
    return changed


def _changed(current: EnsembleConfiguration, request: ReconfigRequest) -> dict[int, EnsembleServer]:
    servers = dict(current.servers)
    for leaving in _items(request.leaving_servers):
        if not (leaving.isascii() and leaving.isdecimal()):
            raise BadArguments(f"{leaving} is not the id of a server")
        servers.pop(int(leaving), None)
    for joining in _servers(request.joining_servers):
        for other in servers.values():
            if other.id != joining.id and _addresses(other) & _addresses(joining):
                raise BadArguments(f"server {joining.id} has an address of server {other.id}")
        servers[joining.id] = joining
    return servers


def _servers(text: str | None) -> list[EnsembleServer]:
    lines = []
    for item in _items(text):
        key, equals, value = item.partition("=")
        if not equals:
            raise BadArguments(f"{item} is not of the form server.N=...")
        if key.strip() != "version":
            lines.append(Property(key.strip(), value.strip(), 0))
    servers = servers_of(lines)
    if len(servers) < len(lines):
        raise BadArguments("a new configuration may only have lines server.N=...")
    if without := [each.id for each in servers if each.client is None]:
        raise BadArguments(f"server {without[0]} has no port for clients after a semicolon")
    return servers


def _items(text: str | None) -> list[str]:
    """The items of a list, separated by commas or line ends."""
    return [item.strip() for item in (text or "").replace(",", "\n").split("\n") if item.strip()]


def _addresses(server: EnsembleServer) -> set[Address]:
    """The addresses that no other server may have; 0.0.0.0 and loopback mean a different host on each server."""
    addresses = (server.quorum_address, server.election_address, server.client)
    return {each for each in addresses if each is not None and not _is_special(each.host)}


def _is_special(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_unspecified or address.is_loopback
