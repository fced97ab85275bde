"""--topic as a Java regular expression."""

import pytest

from pykafka_cli.rules.topic_filter import InvalidRegex, TopicFilter

TOPICS = ["alpha", "alphabet", "beta", "a.b", "axb", "__consumer_offsets"]


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("alpha", ["alpha"]),
        ("alpha,beta", ["alpha", "beta"]),
        ("alpha, beta", ["alpha", "beta"]),
        ("'alpha'", ["alpha"]),
        ("alpha.*", ["alpha", "alphabet"]),
        ("lpha", []),
        ("a.b", ["a.b", "axb"]),
        (r"\Qa.b\E", ["a.b"]),
        ("(?<first>a).b", ["a.b", "axb"]),
        ("__consumer_offsets", ["__consumer_offsets"]),
    ],
)
def test_a_whole_name_must_match(text: str, allowed: list[str]) -> None:
    wanted = TopicFilter(text)

    assert [topic for topic in TOPICS if wanted.allows(topic)] == allowed


def test_internal_topics_can_be_left_out() -> None:
    wanted = TopicFilter(".*")

    assert not wanted.allows("__consumer_offsets", exclude_internal=True)
    assert wanted.allows("alpha", exclude_internal=True)


@pytest.mark.parametrize("text", ["[", "*", "(a"])
def test_what_is_no_expression_is_rejected(text: str) -> None:
    with pytest.raises(InvalidRegex) as refusal:
        TopicFilter(text)

    assert str(refusal.value) == f"{text} is an invalid regex."
