"""ACLs in ZooKeeper, read and changed as by Kafka's AclAuthorizer, for brokers and for old command lines.

A change reads a resource's ACLs, and writes them with the version that it has read; if another client was faster, it
retries. Actual changes are announced in a sequential znode, which all brokers watch.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from pykafka_cli.acls import (
    AclBinding,
    AclEntry,
    AclFilter,
    PatternType,
    ResourcePattern,
    ResourceType,
)
from pykafka_cli.zookeeper import acl_znodes as znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import BadVersion, NodeExists, NoNode, ZooKeeperError

MAX_TRIES = 11
"""Kafka retries ten times."""

Entries = tuple[AclEntry, ...]


class VersionedAcls(NamedTuple):
    """The ACLs of one resource, and the version of their znode; None if there is no znode."""

    entries: Entries = ()
    version: int | None = None


class InvalidAcl(Exception):
    """An ACL that cannot be stored."""


class AclStore:
    """The ACLs of a cluster.

    raises    ZooKeeperError, BadZnode (all methods)
    """

    def __init__(self, client: ZooKeeperClient) -> None:
        self._client = client

    async def ensure_paths(self) -> None:
        for path in znodes.PERSISTENT_PATHS:
            await self._client.ensure_path(path)

    async def patterns(self) -> AsyncIterator[ResourcePattern]:
        """All resources that have ACLs; unknown types are skipped."""
        for pattern_type, parent in znodes.ACLS.items():
            for title in await self._children(parent):
                if (type_ := ResourceType.titled(title)) is not ResourceType.UNKNOWN:
                    for name in await self._children(f"{parent}/{title}"):
                        yield ResourcePattern(type_, name, pattern_type)

    async def read(self, pattern: ResourcePattern) -> VersionedAcls:
        path = znodes.acls_path(pattern)
        try:
            data, stat = await self._client.get(path)
        except NoNode:
            return VersionedAcls()
        return VersionedAcls(znodes.decode_acls(path, data), stat.version)

    async def update(self, pattern: ResourcePattern, changed: Callable[[Entries], Entries]) -> VersionedAcls:
        """Apply `changed` to the ACLs of a resource, and announce it if they differ; return the new ACLs.

        raises    ZooKeeperError if other clients keep changing them
        """
        for _ in range(MAX_TRIES):
            current = await self.read(pattern)
            wanted = changed(current.entries)
            if set(wanted) == set(current.entries):
                return current
            try:
                written = VersionedAcls(wanted, await self._write(pattern, wanted, current.version))
            except (BadVersion, NodeExists, NoNode):
                continue
            await self._client.create(znodes.change_path(pattern), znodes.encode_change(pattern), sequential=True)
            return written
        raise ZooKeeperError(f"Failed to update ACLs for {pattern} after trying a maximum of {MAX_TRIES - 1} times")

    async def _write(self, pattern: ResourcePattern, entries: Entries, version: int | None) -> int | None:
        """Write the ACLs; return the new version.

        raises    BadVersion, NodeExists, NoNode if another client was faster
        """
        path = znodes.acls_path(pattern)
        if not entries:
            if version is not None:
                await self._client.delete(path, version)
            return None
        data = znodes.encode_acls(entries)
        if version is None:
            await self._client.create(path, data)
            return 0
        return (await self._client.set(path, data, version)).version

    async def _children(self, path: str) -> list[str]:
        try:
            return await self._client.children(path)
        except NoNode:
            return []


def ensure_valid(acl: AclBinding) -> None:
    """raises    InvalidAcl"""
    pattern, entry = acl
    if (
        pattern.type <= ResourceType.ANY
        or pattern.pattern_type not in (PatternType.LITERAL, PatternType.PREFIXED)
        or not entry.operation
        or not entry.permission
    ):
        raise InvalidAcl("ACL binding contains unknown elements")
    if "/" in pattern.name:
        raise InvalidAcl(f"ACL binding contains invalid resource name: {pattern.name}")


def added(entries: Sequence[AclEntry]) -> Callable[[Entries], Entries]:
    """The change that adds entries."""
    return lambda current: tuple(dict.fromkeys((*current, *entries)))


def removed(
    filters: Sequence[AclFilter], from_: dict[AclBinding, int], pattern: ResourcePattern
) -> Callable[[Entries], Entries]:
    """The change that removes what the filters select of a resource; `from_` gets each ACL with its filter's index."""

    def changed(current: Entries) -> Entries:
        kept = []
        for entry in current:
            acl = AclBinding(pattern, entry)
            index = next((index for index, each in enumerate(filters) if each.selects(acl)), None)
            if index is None:
                kept.append(entry)
            else:
                from_.setdefault(acl, index)
        return tuple(kept)

    return changed


def named_patterns(selected: AclFilter) -> list[ResourcePattern]:
    """The resources that a filter names; none if it has to be compared with all."""
    type_, name, pattern_type = selected.pattern
    if name is None or type_ <= ResourceType.ANY or pattern_type is PatternType.MATCH:
        return []
    types = (PatternType.LITERAL, PatternType.PREFIXED) if pattern_type is PatternType.ANY else (pattern_type,)
    return [ResourcePattern(type_, name, each) for each in types if each in znodes.ACLS and "/" not in name and name]
