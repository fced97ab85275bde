"""Options of kafka-acls.sh as resources and entries."""

import pytest

from pykafka_cli.acls import (
    CLUSTER_NAME,
    AclEntry,
    AclOperation,
    AclPermission,
    PatternFilter,
    PatternType,
    ResourceType,
)
from pykafka_cli.rules.acl_arguments import (
    BadAclArgument,
    BadAclUsage,
    Presets,
    WhoAndHow,
    ensure_supported,
    parse_properties,
    selected_resources,
    wanted_acls,
)

TOPIC, GROUP, CLUSTER = (
    PatternFilter(type_, name, PatternType.LITERAL)
    for type_, name in (
        (ResourceType.TOPIC, "t"),
        (ResourceType.GROUP, "g"),
        (ResourceType.CLUSTER, CLUSTER_NAME),
    )
)
ANN = WhoAndHow(allowed=["User:ann"])


def operations(entries: tuple[AclEntry, ...]) -> list[str]:
    return [entry.operation.title for entry in entries]


def test_resources_come_in_the_order_of_the_script() -> None:
    named = {ResourceType.GROUP: ["g"], ResourceType.TOPIC: [" t ", "t"]}

    assert selected_resources(named, PatternType.LITERAL, is_cluster=True) == [TOPIC, CLUSTER, GROUP]


def test_the_cluster_has_a_literal_pattern_only() -> None:
    assert selected_resources({}, PatternType.PREFIXED, is_cluster=True) == []


def test_without_an_operation_all_are_meant() -> None:
    assert wanted_acls([TOPIC], ANN, Presets()) == {
        TOPIC: (AclEntry("User:ann", "*", AclOperation.ALL, AclPermission.ALLOW),)
    }


def test_each_principal_is_combined_with_each_host_and_operation() -> None:
    who = WhoAndHow(["User:a", "User:b"], ["User:*"], ["10.0.0.1", "10.0.0.2"], operations=["Read", "write", "READ"])

    entries = wanted_acls([TOPIC], who, Presets())[TOPIC]

    assert len(entries) == 2 * 2 * 2 + 2
    assert entries[-1] == AclEntry("User:*", "*", AclOperation.WRITE, AclPermission.DENY)


def test_a_producer_and_consumer_gets_the_operations_of_both_once() -> None:
    wanted = wanted_acls([TOPIC, CLUSTER, GROUP], ANN, Presets(producer=True, consumer=True, idempotent=True))

    assert operations(wanted[TOPIC]) == ["Write", "Describe", "Create", "Read"]
    assert operations(wanted[CLUSTER]) == ["IdempotentWrite"]
    assert operations(wanted[GROUP]) == ["Read"]


def test_operations_depend_on_the_resource_and_the_generation() -> None:
    alter_configs = WhoAndHow(["User:a"], operations=["AlterConfigs"])
    wanted = wanted_acls([GROUP], alter_configs, Presets())

    ensure_supported(wanted, is_kafka_4=True)
    with pytest.raises(BadAclUsage, match=r"^ResourceType GROUP only supports operations Read, Describe, Delete, All$"):
        ensure_supported(wanted, is_kafka_4=False)


def test_some_resource_must_be_named() -> None:
    with pytest.raises(BadAclUsage, match=r"at least one resource"):
        wanted_acls([], ANN, Presets())


def test_properties_need_a_value() -> None:
    assert parse_properties(["zookeeper.connect=a:1/b=c"]) == {"zookeeper.connect": "a:1/b=c"}
    with pytest.raises(BadAclArgument, match=r"Missing value for key zookeeper.connect"):
        parse_properties(["zookeeper.connect"])
