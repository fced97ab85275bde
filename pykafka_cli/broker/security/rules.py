"""Decides what ACLs allow, as Kafka's AclAuthorizer does. Pure.

A denial wins over every permission. What no ACL is about is allowed to nobody, or to everybody if
allow.everyone.if.no.acl.found says so. Some operations imply others: who may read may also describe.

source  kafka.security.authorizer.AclAuthorizer of Apache Kafka 3.9
"""

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from pykafka_cli.acls import (
    ANY_USER,
    WILDCARD,
    AclBinding,
    AclEntry,
    AclFilter,
    AclOperation,
    AclPermission,
    PatternType,
    ResourcePattern,
    ResourceType,
)

_DESCRIBE_IS_IMPLIED_BY = (
    AclOperation.DESCRIBE,
    AclOperation.READ,
    AclOperation.WRITE,
    AclOperation.DELETE,
    AclOperation.ALTER,
)
_IMPLIED_BY: Mapping[AclOperation, tuple[AclOperation, ...]] = {
    AclOperation.DESCRIBE: _DESCRIBE_IS_IMPLIED_BY,
    AclOperation.DESCRIBE_CONFIGS: (AclOperation.DESCRIBE_CONFIGS, AclOperation.ALTER_CONFIGS),
}


class Client(NamedTuple):
    """The principal, such as User:alice, and the address of a client."""

    principal: str
    host: str


class AclRules:
    """All ACLs, and the decisions that they lead to. `version` grows with each change."""

    def __init__(self, *, allows_everyone: bool = False) -> None:
        """allows_everyone    whether everybody may do everything with what no ACL is about"""
        self.version = 0
        self._allows_everyone = allows_everyone
        self._entries: dict[ResourcePattern, tuple[AclEntry, ...]] = {}
        self._prefix_lengths: dict[ResourceType, tuple[int, ...]] = {}

    def replace(self, pattern: ResourcePattern, entries: Iterable[AclEntry]) -> None:
        """What the ACLs of one resource pattern are now."""
        current, wanted = self._entries.get(pattern, ()), tuple(entries)
        if wanted == current:
            return
        if wanted:
            self._entries[pattern] = wanted
        else:
            del self._entries[pattern]
        if pattern.pattern_type is PatternType.PREFIXED:
            names = {
                each.name
                for each in self._entries
                if each.type is pattern.type and each.pattern_type is PatternType.PREFIXED
            }
            self._prefix_lengths[pattern.type] = tuple(sorted(set(map(len, names))))
        self.version += 1

    def patterns(self) -> list[ResourcePattern]:
        return list(self._entries)

    def selected(self, wanted: AclFilter) -> Iterator[AclBinding]:
        """The ACLs that a filter selects."""
        for pattern, entries in self._entries.items():
            if wanted.pattern.selects(pattern):
                yield from (AclBinding(pattern, entry) for entry in entries if wanted.entry.selects(entry))

    def allow(self, client: Client, operation: AclOperation, type_: ResourceType, name: str) -> bool:
        """Whether a client may do this with the resource of that name."""
        entries = self._about(type_, name)
        if not entries:
            return self._allows_everyone
        if any(_holds(entry, client, AclPermission.DENY, (operation,)) for entry in entries):
            return False
        sufficient = _IMPLIED_BY.get(operation, (operation,))
        return any(_holds(entry, client, AclPermission.ALLOW, sufficient) for entry in entries)

    def allow_some(self, client: Client, operation: AclOperation, type_: ResourceType) -> bool:
        """Whether there can be a resource of this type with which a client may do this."""
        denied = self._names(client, AclPermission.DENY, operation, type_)
        if WILDCARD in denied[PatternType.LITERAL]:
            return False
        if self._allows_everyone:
            return True
        allowed = self._names(client, AclPermission.ALLOW, operation, type_)
        if any(not _begins(name, denied[PatternType.PREFIXED]) for name in allowed[PatternType.PREFIXED]):
            return True
        return any(
            name == WILDCARD
            or (name not in denied[PatternType.LITERAL] and not _begins(name, denied[PatternType.PREFIXED]))
            for name in allowed[PatternType.LITERAL]
        )

    def _about(self, type_: ResourceType, name: str) -> Sequence[AclEntry]:
        """Entries of all patterns that a resource's name fits."""
        found = [
            *self._entries.get(ResourcePattern(type_, WILDCARD), ()),
            *(self._entries.get(ResourcePattern(type_, name), ()) if name != WILDCARD else ()),
        ]
        for length in self._prefix_lengths.get(type_, ()):
            if length > len(name):
                break
            found += self._entries.get(ResourcePattern(type_, name[:length], PatternType.PREFIXED), ())
        return found

    def _names(
        self, client: Client, permission: AclPermission, operation: AclOperation, type_: ResourceType
    ) -> Mapping[PatternType, set[str]]:
        """Names of the patterns with an entry of this permission for the client, by their type."""
        names: dict[PatternType, set[str]] = defaultdict(set)
        for pattern, entries in self._entries.items():
            if pattern.type is type_ and any(_holds(entry, client, permission, (operation,)) for entry in entries):
                names[pattern.pattern_type].add(pattern.name)
        return names


def _holds(entry: AclEntry, client: Client, permission: AclPermission, operations: Collection[AclOperation]) -> bool:
    """Whether an entry gives this permission to this client for one of the operations."""
    return (
        entry.permission is permission
        and entry.principal in (client.principal, ANY_USER)
        and (entry.operation in operations or entry.operation is AclOperation.ALL)
        and (entry.host == WILDCARD or entry.host in _spellings(client.host))
    )


@lru_cache(maxsize=1024)
def _spellings(host: str) -> tuple[str, ...]:
    """An address as it is, and, for one of IPv6, as Java writes it, and so ACLs that Kafka obeys: 0:0:0:0:0:0:0:1."""
    address, percent, scope = host.partition("%")
    try:
        groups = ipaddress.IPv6Address(address).exploded.split(":")
    except ValueError:
        return (host,)
    return host, ":".join(f"{int(group, 16):x}" for group in groups) + percent + scope


def _begins(name: str, prefixes: Collection[str]) -> bool:
    return any(name.startswith(prefix) for prefix in prefixes)
