"""The znodes of ACLs: their paths, and their bytes, encoded and decoded.

    /kafka-acl/Topic/T                      the ACLs of a literal pattern, {"acls":[{...}],"version":1}
    /kafka-acl-extended/prefixed/Topic/T    likewise, of a prefixed pattern
    /kafka-acl-changes/acl_changes_         (s) whose ACLs changed, TOPIC:T
    /kafka-acl-extended-changes/acl_changes_    (s) likewise, {"version":1,"resourceType":"TOPIC","name":"T",...}

(s) a number is added. A znode whose last ACL is removed is deleted.

source  kafka.zk.ZkData and AclEntry of Apache Kafka 3.9
"""

import json
from collections.abc import Iterable
from typing import Any

from pykafka_cli.acls import (
    RESOURCE_TYPES,
    AclEntry,
    AclOperation,
    AclPermission,
    NotAPrincipal,
    PatternType,
    ResourcePattern,
    ResourceType,
    parse_principal,
)
from pykafka_cli.zookeeper.znode_data import BadZnode, encoded

ACLS = {PatternType.LITERAL: "/kafka-acl", PatternType.PREFIXED: "/kafka-acl-extended/prefixed"}
CHANGES = {PatternType.LITERAL: "/kafka-acl-changes", PatternType.PREFIXED: "/kafka-acl-extended-changes"}
CHANGE_PREFIX = "acl_changes_"

PERSISTENT_PATHS = (
    *(f"{parent}/{type_.title}" for parent in ACLS.values() for type_ in RESOURCE_TYPES),
    *CHANGES.values(),
)
"""Paths that an authorizer creates at its start."""


def acls_path(pattern: ResourcePattern) -> str:
    return f"{ACLS[pattern.pattern_type]}/{pattern.type.title}/{pattern.name}"


def encode_acls(entries: Iterable[AclEntry]) -> bytes:
    acls = [
        {
            "principal": entry.principal,
            "permissionType": entry.permission.title,
            "host": entry.host,
            "operation": entry.operation.title,
        }
        for entry in entries
    ]
    return encoded({"acls": acls, "version": 1})


def decode_acls(path: str, data: bytes | None) -> tuple[AclEntry, ...]:
    """The entries, without repetitions; none if the znode has no data.

    raises    BadZnode
    """
    if not data:
        return ()
    try:
        value = json.loads(data)
        if value["version"] != 1:
            raise BadZnode(f"{path} has version {value['version']!r} of ACLs; only 1 is known")
        return tuple(dict.fromkeys(map(_entry, value["acls"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotAPrincipal) as error:
        raise BadZnode(f"{path} contains no ACLs but {data!r} ({error!r})") from None


def change_path(pattern: ResourcePattern) -> str:
    """The path of the sequential znode that announces a change."""
    return f"{CHANGES[pattern.pattern_type]}/{CHANGE_PREFIX}"


def encode_change(pattern: ResourcePattern) -> bytes:
    type_, name, pattern_type = pattern
    if pattern_type is PatternType.LITERAL:
        return f"{type_.name}:{name}".encode()
    return encoded({"version": 1, "resourceType": type_.name, "name": name, "patternType": pattern_type.name})


def decode_change(path: str, data: bytes | None) -> ResourcePattern:
    """raises    BadZnode"""
    try:
        text = (data or b"").decode()
        if path.startswith(f"{CHANGES[PatternType.LITERAL]}/"):
            kind, _, name = text.partition(":")
            return ResourcePattern(_resource_type(kind), name)
        value = json.loads(text)
        pattern_type = PatternType[value["patternType"].upper()]
        return ResourcePattern(_resource_type(value["resourceType"]), str(value["name"]), pattern_type)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadZnode(f"{path} names no resource: {data!r} ({error!r})") from None


def _resource_type(name: str) -> ResourceType:
    return ResourceType[name.upper()]


def _entry(value: Any) -> AclEntry:
    return AclEntry(
        str(parse_principal(value["principal"])),
        str(value["host"]),
        AclOperation.titled(value["operation"]),
        AclPermission.titled(value["permissionType"]),
    )
