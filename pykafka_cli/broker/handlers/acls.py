"""DescribeAcls (key 29), CreateAcls (30) and DeleteAcls (31), versions 0-3.

ACLs by filters. Creating what exists, and deleting what does not, succeeds. Without an authorizer each is rejected with
SECURITY_DISABLED; CreateAcls and DeleteAcls carry the refusal in each of their entries.
v1 pattern types (KIP-290)   v2 flexible encoding   v3 resources of the type USER
Source: kafka.server.AclApis, kafka.security.authorizer.AclAuthorizer.
"""

import logging
from collections.abc import Sequence
from typing import Any

from kio.schema.create_acls.v3.request import AclCreation, CreateAclsRequest
from kio.schema.create_acls.v3.response import AclCreationResult, CreateAclsResponse
from kio.schema.delete_acls.v3.request import DeleteAclsRequest
from kio.schema.delete_acls.v3.response import DeleteAclsFilterResult, DeleteAclsMatchingAcl, DeleteAclsResponse
from kio.schema.describe_acls.v3.request import DescribeAclsRequest
from kio.schema.describe_acls.v3.response import AclDescription, DescribeAclsResource, DescribeAclsResponse
from kio.schema.errors import ErrorCode
from kio.static.primitive import i8

from pykafka_cli.acls import (
    CLUSTER_NAME,
    AclBinding,
    AclEntry,
    AclFilter,
    AclOperation,
    AclPermission,
    EntryFilter,
    NotAPrincipal,
    PatternFilter,
    PatternType,
    ResourcePattern,
    ResourceType,
    parse_principal,
)
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, InvalidRequest, SecurityDisabled
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_and_message
from pykafka_cli.broker.security.acl_manager import AclManager
from pykafka_cli.zookeeper.acl_store import InvalidAcl, ensure_valid
from pykafka_cli.zookeeper.errors import ZooKeeperError
from pykafka_cli.zookeeper.znode_data import BadZnode

_log = logging.getLogger(__name__)


async def handle(ctx: RequestContext, request: Any) -> DescribeAclsResponse | CreateAclsResponse | DeleteAclsResponse:
    acls = ctx.broker.acls if ctx.broker else None
    if acls is None:
        raise SecurityDisabled("No Authorizer is configured on the broker")
    match request:
        case DescribeAclsRequest():
            return _described(acls, request)
        case CreateAclsRequest():
            return await _created(acls, request)
        case DeleteAclsRequest():
            return await _deleted(acls, request)
    raise TypeError(f"{type(request).__name__} is not about ACLs")


def _described(acls: AclManager, request: DescribeAclsRequest) -> DescribeAclsResponse:
    by_pattern: dict[ResourcePattern, list[AclEntry]] = {}
    for pattern, entry in acls.rules.selected(_filter(request)):
        by_pattern.setdefault(pattern, []).append(entry)
    return DescribeAclsResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        error_message=None,
        resources=tuple(
            DescribeAclsResource(
                resource_type=i8(type_),
                resource_name=name,
                pattern_type=i8(pattern_type),
                acls=tuple(
                    AclDescription(
                        principal=entry.principal,
                        host=entry.host,
                        operation=i8(entry.operation),
                        permission_type=i8(entry.permission),
                    )
                    for entry in entries
                ),
            )
            for (type_, name, pattern_type), entries in by_pattern.items()
        ),
    )


async def _created(acls: AclManager, request: CreateAclsRequest) -> CreateAclsResponse:
    outcomes: list[BrokerError | None] = []
    by_pattern: dict[ResourcePattern, list[tuple[int, AclBinding]]] = {}
    for index, creation in enumerate(request.creations):
        try:
            acl = _binding(creation)
            outcomes.append(None)
            by_pattern.setdefault(acl.pattern, []).append((index, acl))
        except BrokerError as error:
            outcomes.append(error)
    for numbered in by_pattern.values():
        try:
            await acls.create([acl for _, acl in numbered])
        except (ZooKeeperError, BadZnode) as error:
            _log.error("ACLs could not be added: %s", error)
            for index, _ in numbered:
                outcomes[index] = BrokerError(str(error))
    results = [code_and_message(outcome) for outcome in outcomes]
    return CreateAclsResponse(
        throttle_time=NO_THROTTLE,
        results=tuple(AclCreationResult(error_code=code, error_message=message) for code, message in results),
    )


def _binding(creation: AclCreation) -> AclBinding:
    """raises    InvalidRequest"""
    type_ = ResourceType.numbered(creation.resource_type)
    if type_ is ResourceType.CLUSTER and creation.resource_name != CLUSTER_NAME:
        raise InvalidRequest(f"The only valid name for the CLUSTER resource is {CLUSTER_NAME}")
    if not creation.resource_name:
        raise InvalidRequest("Invalid empty resource name")
    pattern_type = PatternType.numbered(creation.resource_pattern_type)
    operation = AclOperation.numbered(creation.operation)
    permission = AclPermission.numbered(creation.permission_type)
    acl = AclBinding(
        ResourcePattern(type_, creation.resource_name, pattern_type),
        AclEntry(creation.principal, creation.host, operation, permission),
    )
    try:
        parse_principal(creation.principal)
        ensure_valid(acl)
    except (InvalidAcl, NotAPrincipal):
        raise InvalidRequest("Failed to create ACL") from None
    return acl


async def _deleted(acls: AclManager, request: DeleteAclsRequest) -> DeleteAclsResponse:
    filters = [_filter(each) for each in request.filters]
    outcomes = await acls.delete(filters)
    results = []
    for index, selected in enumerate(filters):
        matching = [
            _matching(acl, outcome if isinstance(outcome, Exception) else None)
            for acl, outcome in outcomes.items()
            if _is_of(index, selected, acl, outcome, filters)
        ]
        results.append(
            DeleteAclsFilterResult(error_code=ErrorCode.none, error_message=None, matching_acls=tuple(matching))
        )
    return DeleteAclsResponse(throttle_time=NO_THROTTLE, filter_results=tuple(results))


def _is_of(
    index: int, selected: AclFilter, acl: AclBinding, outcome: int | Exception, filters: Sequence[AclFilter]
) -> bool:
    """Whether an ACL is reported with this filter: with the first that selected it."""
    if not isinstance(outcome, Exception):
        return outcome == index
    return selected.selects(acl) and not any(each.selects(acl) for each in filters[:index])


def _matching(acl: AclBinding, error: Exception | None) -> DeleteAclsMatchingAcl:
    (type_, name, pattern_type), entry = acl
    return DeleteAclsMatchingAcl(
        error_code=ErrorCode.none if error is None else ErrorCode.unknown_server_error,
        error_message=None if error is None else str(error),
        resource_type=i8(type_),
        resource_name=name,
        pattern_type=i8(pattern_type),
        principal=entry.principal,
        host=entry.host,
        operation=i8(entry.operation),
        permission_type=i8(entry.permission),
    )


def _filter(asked: Any) -> AclFilter:
    """A filter of either request.

    raises    InvalidRequest
    """
    pattern = PatternFilter(
        ResourceType.numbered(asked.resource_type_filter),
        asked.resource_name_filter,
        PatternType.numbered(asked.pattern_type_filter),
    )
    entry = EntryFilter(
        asked.principal_filter,
        asked.host_filter,
        AclOperation.numbered(asked.operation),
        AclPermission.numbered(asked.permission_type),
    )
    if not (pattern.type and pattern.pattern_type and entry.operation and entry.permission):
        raise InvalidRequest("The filter contains unknown elements")
    return AclFilter(pattern, entry)
