"""What ACLs allow."""

import pytest

from pykafka_cli.acls import (
    EVERY_ACL,
    AclBinding,
    AclEntry,
    AclFilter,
    AclOperation,
    AclPermission,
    PatternFilter,
    PatternType,
    ResourcePattern,
    ResourceType,
)
from pykafka_cli.broker.security.rules import AclRules, Client

TOPIC = ResourceType.TOPIC
ALICE = Client("User:alice", "10.0.0.1")
READ, WRITE, DESCRIBE = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE


def literal(name: str) -> ResourcePattern:
    return ResourcePattern(TOPIC, name)


def prefixed(name: str) -> ResourcePattern:
    return ResourcePattern(TOPIC, name, PatternType.PREFIXED)


def allow(operation: AclOperation, principal: str = "User:alice", host: str = "*") -> AclEntry:
    return AclEntry(principal, host, operation, AclPermission.ALLOW)


def deny(operation: AclOperation, principal: str = "User:alice", host: str = "*") -> AclEntry:
    return AclEntry(principal, host, operation, AclPermission.DENY)


def rules(*acls: tuple[ResourcePattern, AclEntry], allows_everyone: bool = False) -> AclRules:
    by_pattern: dict[ResourcePattern, list[AclEntry]] = {}
    for pattern, entry in acls:
        by_pattern.setdefault(pattern, []).append(entry)
    made = AclRules(allows_everyone=allows_everyone)
    for pattern, entries in by_pattern.items():
        made.replace(pattern, entries)
    return made


@pytest.mark.parametrize("pattern", [literal("orders"), literal("*"), prefixed("ord"), prefixed("orders")])
def test_an_acl_holds_for_the_names_that_fit_its_pattern(pattern: ResourcePattern) -> None:
    its = rules((pattern, allow(READ)))

    assert its.allow(ALICE, READ, TOPIC, "orders")
    assert not its.allow(ALICE, WRITE, TOPIC, "orders")
    assert not its.allow(ALICE, READ, ResourceType.GROUP, "orders")


@pytest.mark.parametrize("pattern", [literal("order"), prefixed("orders-"), prefixed("rders"), literal("ord*")])
def test_an_acl_does_not_hold_for_other_names(pattern: ResourcePattern) -> None:
    assert not rules((pattern, allow(READ))).allow(ALICE, READ, TOPIC, "orders")


def test_an_acl_may_be_for_everybody_and_for_one_host() -> None:
    its = rules((literal("t"), allow(READ, "User:*", "10.0.0.1")))

    assert its.allow(Client("User:bob", "10.0.0.1"), READ, TOPIC, "t")
    assert not its.allow(Client("User:bob", "10.0.0.2"), READ, TOPIC, "t")


def test_an_address_of_ipv6_is_the_same_in_javas_spelling() -> None:
    """Kafka compares with what Java calls the client's address; no other spelling holds there."""
    its = rules(
        (literal("*"), allow(READ)),
        (literal("*"), deny(READ, host="0:0:0:0:0:0:0:1")),
        (literal("*"), deny(READ, host="2001:db8:0:0:0:0:0:a")),
        (literal("*"), deny(READ, host="fe80:0:0:0:0:0:0:1%eth0")),
        (literal("*"), deny(READ, host="2001:db8::b")),
    )

    for host in ("::1", "2001:db8::a", "fe80::1%eth0", "2001:db8::b"):
        assert not its.allow(Client("User:alice", host), READ, TOPIC, "orders"), host
    for host in ("::2", "2001:db8::", "fe80::1%eth1", "10.0.0.1", "unknown"):
        assert its.allow(Client("User:alice", host), READ, TOPIC, "orders"), host


def test_a_principal_of_another_type_is_another_one() -> None:
    assert not rules((literal("t"), allow(READ, "Group:alice"))).allow(ALICE, READ, TOPIC, "t")


@pytest.mark.parametrize(
    "pattern", [literal("t-1"), literal("*"), prefixed("t")], ids=["the name", "all names", "a prefix"]
)
def test_a_denial_wins_over_every_permission(pattern: ResourcePattern) -> None:
    its = rules((literal("t-1"), allow(AclOperation.ALL)), (pattern, deny(READ)))

    assert not its.allow(ALICE, READ, TOPIC, "t-1")
    assert its.allow(ALICE, WRITE, TOPIC, "t-1")


@pytest.mark.parametrize("operation", [READ, WRITE, AclOperation.DELETE, AclOperation.ALTER, AclOperation.ALL])
def test_these_operations_imply_that_one_may_describe(operation: AclOperation) -> None:
    assert rules((literal("t"), allow(operation))).allow(ALICE, DESCRIBE, TOPIC, "t")


def test_altering_configs_implies_describing_them_and_nothing_else() -> None:
    its = rules((literal("t"), allow(AclOperation.ALTER_CONFIGS)))

    assert its.allow(ALICE, AclOperation.DESCRIBE_CONFIGS, TOPIC, "t")
    assert not its.allow(ALICE, DESCRIBE, TOPIC, "t")


def test_a_denial_implies_nothing() -> None:
    its = rules((literal("t"), deny(READ)), (literal("t"), allow(DESCRIBE)))

    assert its.allow(ALICE, DESCRIBE, TOPIC, "t")


def test_everyone_is_allowed_only_what_no_acl_is_about() -> None:
    its = rules((literal("t"), allow(READ, "User:bob")), allows_everyone=True)

    assert its.allow(ALICE, READ, TOPIC, "other")
    assert not its.allow(ALICE, READ, TOPIC, "t")


def test_what_is_removed_no_longer_counts() -> None:
    its = rules((prefixed("t"), allow(READ)), (prefixed("tt"), allow(READ)))
    version = its.version

    its.replace(prefixed("t"), ())

    assert its.version > version
    assert not its.allow(ALICE, READ, TOPIC, "t-1")
    assert its.allow(ALICE, READ, TOPIC, "tt-1")


def test_the_version_grows_only_with_changes() -> None:
    its = rules((literal("t"), allow(READ)))
    version = its.version

    its.replace(literal("t"), [allow(READ)])

    assert its.version == version


@pytest.mark.parametrize(
    ("acls", "allowed"),
    [
        ([], False),
        ([(literal("t"), allow(WRITE))], True),
        ([(literal("t"), allow(AclOperation.ALL))], True),
        ([(literal("t"), allow(READ))], False),
        ([(literal("*"), allow(WRITE)), (literal("*"), deny(WRITE))], False),
        ([(literal("t"), allow(WRITE)), (literal("t"), deny(WRITE))], False),
        ([(literal("tt"), allow(WRITE)), (prefixed("t"), deny(WRITE))], False),
        ([(prefixed("tt"), allow(WRITE)), (prefixed("t"), deny(WRITE))], False),
        ([(prefixed("t"), allow(WRITE)), (prefixed("tt"), deny(WRITE))], True),
        ([(literal("*"), allow(WRITE)), (prefixed("t"), deny(WRITE))], True),
        ([(literal("t"), allow(WRITE, host="10.0.0.2"))], False),
    ],
)
def test_some_resource_may_be_written_to(acls: list[tuple[ResourcePattern, AclEntry]], allowed: bool) -> None:
    assert rules(*acls).allow_some(ALICE, WRITE, TOPIC) is allowed


def test_where_everyone_is_allowed_only_a_denial_for_all_names_counts() -> None:
    assert rules((literal("t"), deny(WRITE)), allows_everyone=True).allow_some(ALICE, WRITE, TOPIC)
    assert not rules((literal("*"), deny(WRITE)), allows_everyone=True).allow_some(ALICE, WRITE, TOPIC)


def test_acls_are_selected_by_filters() -> None:
    its = rules((literal("t"), allow(READ)), (prefixed("t"), allow(WRITE)))

    assert len(list(its.selected(EVERY_ACL))) == 2
    only_prefixed = AclFilter(PatternFilter(TOPIC, "t", PatternType.PREFIXED))
    assert list(its.selected(only_prefixed)) == [AclBinding(prefixed("t"), allow(WRITE))]
