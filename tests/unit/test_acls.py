"""What filters select, and the words for types and operations."""

import pytest

from pykafka_cli.acls import (
    EVERY_ACL,
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

ENTRY = AclEntry("User:a", "*", AclOperation.READ, AclPermission.ALLOW)
LITERAL = ResourcePattern(ResourceType.TOPIC, "orders")
PREFIXED = ResourcePattern(ResourceType.TOPIC, "ord", PatternType.PREFIXED)
EVERY_TOPIC = ResourcePattern(ResourceType.TOPIC, "*")


@pytest.mark.parametrize(
    ("pattern_type", "name", "selected"),
    [
        (PatternType.LITERAL, "orders", [LITERAL]),
        (PatternType.LITERAL, "*", [EVERY_TOPIC]),
        (PatternType.PREFIXED, "ord", [PREFIXED]),
        (PatternType.PREFIXED, "orders", []),
        (PatternType.ANY, "ord", [PREFIXED]),
        (PatternType.ANY, "orders", [LITERAL]),
        (PatternType.ANY, None, [LITERAL, PREFIXED, EVERY_TOPIC]),
        (PatternType.MATCH, "orders", [LITERAL, PREFIXED, EVERY_TOPIC]),
        (PatternType.MATCH, "or", [EVERY_TOPIC]),
    ],
)
def test_a_filter_selects_patterns_by_type_and_name(
    pattern_type: PatternType, name: str | None, selected: list[ResourcePattern]
) -> None:
    of_topics = PatternFilter(ResourceType.TOPIC, name, pattern_type)

    assert [each for each in (LITERAL, PREFIXED, EVERY_TOPIC) if of_topics.selects(each)] == selected


def test_a_filter_of_another_resource_type_selects_nothing() -> None:
    assert not PatternFilter(ResourceType.GROUP, "orders", PatternType.MATCH).selects(LITERAL)


@pytest.mark.parametrize(
    "other",
    [
        EntryFilter(principal="User:b"),
        EntryFilter(host="10.0.0.1"),
        EntryFilter(operation=AclOperation.ALL),
        EntryFilter(permission=AclPermission.DENY),
    ],
)
def test_an_entry_filter_compares_what_it_names(other: EntryFilter) -> None:
    assert EntryFilter(*ENTRY).selects(ENTRY)
    assert not other.selects(ENTRY)


def test_every_acl_is_selected_by_the_filter_that_names_nothing() -> None:
    assert EVERY_ACL.selects(AclBinding(PREFIXED, ENTRY))
    assert not AclFilter(PatternFilter(ResourceType.USER)).selects(AclBinding(PREFIXED, ENTRY))


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("DescribeConfigs", AclOperation.DESCRIBE_CONFIGS),
        ("describeconfigs", AclOperation.DESCRIBE_CONFIGS),
        ("ALL", AclOperation.ALL),
        ("DESCRIBE_CONFIGS", AclOperation.UNKNOWN),
        ("Sing", AclOperation.UNKNOWN),
    ],
)
def test_operations_are_known_by_their_titles(text: str, operation: AclOperation) -> None:
    assert AclOperation.titled(text) is operation


def test_a_number_of_a_later_version_is_unknown() -> None:
    assert (ResourceType.numbered(99), ResourceType.numbered(5)) == (
        ResourceType.UNKNOWN,
        ResourceType.TRANSACTIONAL_ID,
    )


def test_a_principal_is_cut_at_its_first_colon() -> None:
    assert parse_principal("User:CN=a:b") == ("User", "CN=a:b")
    with pytest.raises(NotAPrincipal, match=r"^expected a string in format principalType:principalName but got bob$"):
        parse_principal("bob")
