"""The ACLs of a cluster, in the form of declarations."""

from collections.abc import Iterable

from pykafka_cli.acls import (
    AclBinding,
    AclEntry,
    AclFilter,
    AclOperation,
    AclPermission,
    EntryFilter,
    PatternFilter,
    PatternType,
    ResourcePattern,
    ResourceType,
)
from pykafka_cli.clients.admin.acls import create_acls, describe_acls
from pykafka_cli.clients.admin.acls import delete_acls as delete_selected
from pykafka_cli.clients.session import Session
from pykafka_cli.rules.declarations.model import Acl


async def all_acls(session: Session) -> frozenset[Acl]:
    """raises    ApiError, VersionUnsupported"""
    return frozenset(map(_declared, await describe_acls(session)))


async def create_acl(session: Session, acl: Acl) -> None:
    """raises    ApiError"""
    pattern, entry = _parts(acl)
    await create_acls(session, [AclBinding(pattern, entry)])


async def delete_acls(session: Session, acls: Iterable[Acl]) -> None:
    """raises    ApiError"""
    filters = [AclFilter(PatternFilter(*pattern), EntryFilter(*entry)) for pattern, entry in map(_parts, acls)]
    await delete_selected(session, filters)


def _declared(binding: AclBinding) -> Acl:
    pattern, entry = binding
    return Acl(
        pattern.type.name,
        pattern.name,
        pattern.pattern_type.name,
        entry.principal,
        entry.host,
        entry.operation.name,
        entry.permission.name,
    )


def _parts(acl: Acl) -> tuple[ResourcePattern, AclEntry]:
    pattern = ResourcePattern(ResourceType[acl.resource_type], acl.resource_name, PatternType[acl.pattern_type])
    operation, permission = AclOperation[acl.operation], AclPermission[acl.permission]
    return pattern, AclEntry(acl.principal, acl.host, operation, permission)
