"""Names of topics, in Kafka's words."""

import pytest

from pykafka_cli import topic_names


@pytest.mark.parametrize("name", ["a", "firstTopic", "a.b_c-9", "x" * 249, "..."])
def test_letters_digits_and_three_marks_make_a_name(name: str) -> None:
    assert topic_names.why_invalid(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the empty string is not allowed"),
        (".", "'.' is not allowed"),
        ("..", "'..' is not allowed"),
        ("n" * 250, f"the length of '{'n' * 250}' is longer than the max allowed length 249"),
        ("bad/name", "'bad/name' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"),
        ("é", "'é' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"),
        ("a\n", "'a\n' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"),
    ],
)
def test_other_names_are_rejected_with_the_reason(name: str, reason: str) -> None:
    assert topic_names.why_invalid(name) == reason


def test_names_that_differ_in_dots_and_underscores_only_collide() -> None:
    assert topic_names.collisions("a_b", ["a.b", "a_b", "a-b", "ab"]) == ["a.b"]
    assert topic_names.may_collide("a.b")
    assert not topic_names.may_collide("a-b")


def test_kafkas_own_topics_are_known() -> None:
    assert topic_names.is_internal("__consumer_offsets")
    assert not topic_names.is_internal("__mine")
