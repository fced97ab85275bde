"""The options of kafka-acls.sh: resources, and the entries to add to each or to remove.

source  kafka.admin.AclCommand of Kafka 3.9, org.apache.kafka.tools.AclCommand of 4.3
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pykafka_cli.acls import (
    CLUSTER_NAME,
    SUPPORTED_OPERATIONS,
    WILDCARD,
    AclEntry,
    AclOperation,
    AclPermission,
    PatternFilter,
    PatternType,
    ResourceType,
    parse_principal,
)

PRODUCER_OF_TOPICS = (AclOperation.WRITE, AclOperation.DESCRIBE, AclOperation.CREATE)
PRODUCER_OF_TRANSACTIONS = (AclOperation.WRITE, AclOperation.DESCRIBE)
CONSUMER_OF_TOPICS = (AclOperation.READ, AclOperation.DESCRIBE)

_ONLY_IN_4: Mapping[ResourceType, tuple[AclOperation, ...]] = {
    ResourceType.GROUP: (AclOperation.DESCRIBE_CONFIGS, AclOperation.ALTER_CONFIGS),
    ResourceType.TRANSACTIONAL_ID: (AclOperation.TWO_PHASE_COMMIT,),
}
_NO_RESOURCE = (
    "You must provide at least one resource: --topic <topic> or --cluster or --group <group> or --delegation-token "
    "<Delegation Token ID>"
)
_NO_PRINCIPAL = "You must specify one of: --allow-principal, --deny-principal when trying to add ACLs."
_CLUSTER = PatternFilter(ResourceType.CLUSTER, CLUSTER_NAME, PatternType.LITERAL)

Wanted = Mapping[PatternFilter, tuple[AclEntry, ...]]
"""Entries by resource, in the order of the command line."""


class BadAclUsage(Exception):
    """Conflicting options, in the script's words; it prints its usage below them."""


class BadAclArgument(Exception):
    """An invalid value."""


class WhoAndHow(NamedTuple):
    """Principals, hosts and operations; an option that is not given has no values."""

    allowed: Sequence[str] = ()
    denied: Sequence[str] = ()
    allowed_hosts: Sequence[str] = ()
    denied_hosts: Sequence[str] = ()
    operations: Sequence[str] = ()


class Presets(NamedTuple):
    """The ACLs that --producer, --consumer and --idempotent mean."""

    producer: bool = False
    consumer: bool = False
    idempotent: bool = False


def parse_pattern_type(text: str) -> PatternType:
    """raises    BadAclArgument"""
    found = PatternType.__members__.get(text.upper(), PatternType.UNKNOWN)
    if found is PatternType.UNKNOWN:
        raise BadAclArgument(f"Cannot parse argument '{text}' of option resource-pattern-type")
    return found


def selected_resources(
    named: Mapping[ResourceType, Sequence[str]], pattern_type: PatternType, *, is_cluster: bool
) -> list[PatternFilter]:
    """The resources that the options name, in the script's order: topics, the cluster, then the others."""

    def of(*types: ResourceType) -> list[PatternFilter]:
        return [
            PatternFilter(type_, name if type_ is ResourceType.TRANSACTIONAL_ID else name.strip(), pattern_type)
            for type_ in types
            for name in named.get(type_, ())
        ]

    cluster = [_CLUSTER] if is_cluster and pattern_type is PatternType.LITERAL else []
    others = of(ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID, ResourceType.DELEGATION_TOKEN, ResourceType.USER)
    return list(dict.fromkeys([*of(ResourceType.TOPIC), *cluster, *others]))


def wanted_acls(
    resources: Sequence[PatternFilter], who: WhoAndHow, presets: Presets
) -> dict[PatternFilter, tuple[AclEntry, ...]]:
    """Entries for each resource; none if no principal is named.

    raises    BadAclUsage, NotAPrincipal
    """
    if not resources:
        raise BadAclUsage(_NO_RESOURCE)
    if not presets.producer and not presets.consumer:
        asked = [AclOperation.titled(name.strip()) for name in who.operations or ("All",)]
        return dict.fromkeys(resources, _entries(who, asked))
    wanted: dict[PatternFilter, tuple[AclEntry, ...]] = {}
    if presets.producer:
        wanted |= _for_types(
            resources,
            {
                ResourceType.TOPIC: _entries(who, PRODUCER_OF_TOPICS),
                ResourceType.TRANSACTIONAL_ID: _entries(who, PRODUCER_OF_TRANSACTIONS),
            },
        )
        if presets.idempotent:
            wanted[_CLUSTER] = _entries(who, (AclOperation.IDEMPOTENT_WRITE,))
    if presets.consumer:
        consumers = {
            ResourceType.TOPIC: _entries(who, CONSUMER_OF_TOPICS),
            ResourceType.GROUP: _entries(who, (AclOperation.READ,)),
        }
        for resource, entries in _for_types(resources, consumers).items():
            wanted[resource] = tuple(dict.fromkeys((*wanted.get(resource, ()), *entries)))
    return wanted


def ensure_supported(wanted: Wanted, *, is_kafka_4: bool) -> None:
    """Check that every operation is one of its resource type.

    raises    BadAclUsage
    """
    for resource, entries in wanted.items():
        supported = supported_operations(resource.type, is_kafka_4=is_kafka_4)
        if any(entry.operation not in supported for entry in entries):
            names = [each.name if is_kafka_4 else each.title for each in supported]
            listed = f"[{', '.join(names)}]" if is_kafka_4 else ", ".join(names)
            raise BadAclUsage(f"ResourceType {resource.type.name} only supports operations {listed}")


def ensure_addable(wanted: Wanted) -> None:
    """raises    BadAclUsage if nothing is allowed or denied"""
    if not all(wanted.values()):
        raise BadAclUsage(_NO_PRINCIPAL)


def ensure_specific(pattern_type: PatternType) -> None:
    """raises    BadAclUsage for patterns that only filters have"""
    if pattern_type not in (PatternType.LITERAL, PatternType.PREFIXED):
        raise BadAclUsage(f"A '--resource-pattern-type' value of '{pattern_type.name}' is not valid when adding acls.")


def supported_operations(type_: ResourceType, *, is_kafka_4: bool) -> tuple[AclOperation, ...]:
    """The operations of a resource type."""
    more = _ONLY_IN_4.get(type_, ()) if is_kafka_4 else ()
    return (*SUPPORTED_OPERATIONS[type_], *more, AclOperation.ALL)


def parse_properties(words: Iterable[str]) -> dict[str, str]:
    """The properties of an authorizer, each KEY=VALUE.

    raises    BadAclArgument
    """
    properties = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not value:
            raise BadAclArgument(f"Missing value for key {key}")
        properties[key] = value
    return properties


def _for_types(
    resources: Iterable[PatternFilter], entries: Mapping[ResourceType, tuple[AclEntry, ...]]
) -> dict[PatternFilter, tuple[AclEntry, ...]]:
    return {resource: entries[type_] for type_ in entries for resource in resources if resource.type is type_}


def _entries(who: WhoAndHow, operations: Iterable[AclOperation]) -> tuple[AclEntry, ...]:
    """Entries for all combinations; an unnamed host is any."""
    sides = (
        (who.allowed, who.allowed_hosts, AclPermission.ALLOW),
        (who.denied, who.denied_hosts, AclPermission.DENY),
    )
    return tuple(
        dict.fromkeys(
            AclEntry(str(parse_principal(principal.strip())), host.strip(), operation, permission)
            for principals, hosts, permission in sides
            for principal in principals
            for operation in operations
            for host in hosts or (WILDCARD,)
        )
    )
