"""ACLs of a cluster (KIP-140, KIP-290)."""

from collections.abc import Iterable, Sequence
from typing import Any

from kio.static.primitive import i8

from pykafka_cli.acls import (
    EVERY_ACL,
    AclBinding,
    AclEntry,
    AclFilter,
    AclOperation,
    AclPermission,
    PatternType,
    ResourcePattern,
    ResourceType,
)
from pykafka_cli.clients.errors import ensure_none_failed
from pykafka_cli.clients.session import Session

_FIRST_WITH_PATTERNS = 1
"""The version of the three APIs that supports patterns other than literal ones."""


async def describe_acls(session: Session, selected: AclFilter = EVERY_ACL) -> list[AclBinding]:
    """The ACLs that the filter selects, sorted.

    raises    ApiError, VersionUnsupported
    """
    from kio.schema.describe_acls.v3.request import DescribeAclsRequest

    pattern, entry = selected
    request = DescribeAclsRequest(
        resource_type_filter=i8(pattern.type),
        resource_name_filter=pattern.name,
        pattern_type_filter=i8(pattern.pattern_type),
        principal_filter=entry.principal,
        host_filter=entry.host,
        operation=i8(entry.operation),
        permission_type=i8(entry.permission),
    )
    answer = await session.ask(request, oldest=_oldest([pattern.pattern_type]))
    ensure_none_failed([answer])
    return sorted(AclBinding(_pattern(resource), _entry(acl)) for resource in answer.resources for acl in resource.acls)


async def create_acls(session: Session, acls: Sequence[AclBinding]) -> None:
    """Add ACLs; existing ones stay unchanged.

    raises    ApiError for the first rejected one, VersionUnsupported
    """
    from kio.schema.create_acls.v3.request import AclCreation, CreateAclsRequest

    creations = tuple(
        AclCreation(
            resource_type=i8(pattern.type),
            resource_name=pattern.name,
            resource_pattern_type=i8(pattern.pattern_type),
            principal=entry.principal,
            host=entry.host,
            operation=i8(entry.operation),
            permission_type=i8(entry.permission),
        )
        for pattern, entry in acls
    )
    oldest = _oldest(acl.pattern.pattern_type for acl in acls)
    ensure_none_failed((await session.ask(CreateAclsRequest(creations=creations), oldest=oldest)).results)


async def delete_acls(session: Session, filters: Sequence[AclFilter]) -> list[AclBinding]:
    """Remove the ACLs that any of the filters selects; return them, sorted.

    raises    ApiError for the first one that was not removed, VersionUnsupported
    """
    from kio.schema.delete_acls.v3.request import DeleteAclsFilter, DeleteAclsRequest

    wanted = tuple(
        DeleteAclsFilter(
            resource_type_filter=i8(pattern.type),
            resource_name_filter=pattern.name,
            pattern_type_filter=i8(pattern.pattern_type),
            principal_filter=entry.principal,
            host_filter=entry.host,
            operation=i8(entry.operation),
            permission_type=i8(entry.permission),
        )
        for pattern, entry in filters
    )
    oldest = _oldest(each.pattern.pattern_type for each in filters)
    results = (await session.ask(DeleteAclsRequest(filters=wanted), oldest=oldest)).filter_results
    ensure_none_failed(results)
    removed = [acl for result in results for acl in result.matching_acls]
    ensure_none_failed(removed)
    return sorted(AclBinding(_pattern(acl), _entry(acl)) for acl in removed)


def _oldest(patterns: Iterable[PatternType]) -> int:
    return 0 if all(each is PatternType.LITERAL for each in patterns) else _FIRST_WITH_PATTERNS


def _pattern(described: Any) -> ResourcePattern:
    type_ = ResourceType.numbered(described.resource_type)
    return ResourcePattern(type_, described.resource_name, PatternType.numbered(described.pattern_type))


def _entry(described: Any) -> AclEntry:
    permission = AclPermission.numbered(described.permission_type)
    return AclEntry(described.principal, described.host, AclOperation.numbered(described.operation), permission)
