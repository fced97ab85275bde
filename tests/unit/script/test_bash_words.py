"""Words that bash broke are joined, and what it keeps of the last one is told apart."""

import pytest

from pykafka_cli.script.bash_words import join


@pytest.mark.parametrize(
    ("broken", "words", "kept"),
    [
        (["pk", "to"], ["pk", "to"], ""),
        (["pk", "topics", ""], ["pk", "topics", ""], ""),
        (["pk", "topics", "--topic", "=", "a"], ["pk", "topics", "--topic=a"], "--topic="),
        (["pk", "topics", "--topic", "="], ["pk", "topics", "--topic="], "--topic="),
        (["pk", "topics", "--topic", "=", ""], ["pk", "topics", "--topic=", ""], ""),
        (["pk", "groups", "--group", "a", ":", "b"], ["pk", "groups", "--group", "a:b"], "a:"),
        (["pk", "groups", "--group", "a", ":", "b", "::", "c"], ["pk", "groups", "--group", "a:b::c"], "a:b::"),
        (["pk", "topics", "host", ":", "9092", "--li"], ["pk", "topics", "host:9092", "--li"], ""),
    ],
)
def test_a_word_is_what_was_typed_without_a_space(broken: list[str], words: list[str], kept: str) -> None:
    assert join(broken, len(broken) - 1) == (words, len(words) - 1, kept)


def test_words_after_the_one_to_complete_do_not_count() -> None:
    assert join(["pk", "to", "--list"], 1) == (["pk", "to"], 1, "")
