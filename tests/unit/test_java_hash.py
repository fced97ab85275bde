"""Numbers that String.hashCode gives, and the orders that were seen in what Kafka wrote."""

import pytest

from pykafka_cli.java_hash import java_hash, java_hash_order


@pytest.mark.parametrize(
    ("text", "signed"),
    [("", 0), ("a", 97), ("group", 98629247), ("ä", 228), ("\U0001f600", 1772899), ("polygenelubricants", -(2**31))],
)
def test_a_string_has_javas_hash_code(text: str, signed: int) -> None:
    assert java_hash(text) == signed % 2**32


def test_keys_come_as_from_a_hash_table() -> None:
    assert java_hash_order(["a", "b", "q"]) == ["a", "q", "b"]  # 'q' shares the sixteenth of 'a'
