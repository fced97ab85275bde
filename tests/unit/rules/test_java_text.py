import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.rules.java_text import (
    BadPattern,
    bytes_text,
    compile_pattern,
    double_text,
    float_text,
    is_true,
    split_by_pattern,
)


@pytest.mark.parametrize(
    ("expression", "matching", "other"),
    [
        ("in-.", "in-a", "in-ab"),
        ("a|b", "b", "ab"),
        (r"\Qa.b\E.*", "a.b-1", "axb-1"),
        (r"\Qa.b", "a.b", "axb"),
        (r"\p{Alpha}+\p{Digit}", "topic7", "topic"),
        (r"[\p{Lower}_]+", "my_topic", "My_topic"),
        (r"\P{Upper}+", "lower", "Upper"),
        (r"(?<first>a+)b\k<first>", "aabaa", "aaba"),
        (r"\x{61}b", "ab", "bb"),
        (r"a\h+b", "a \tb", "a\nb"),
        (r"a\z", "a", "a\n"),
        (r"\d+", "12", "١٢"),
        (r"a*+b", "aab", "aa"),
        (r"[\[\]]+", "[]", "a"),
    ],
)
def test_java_expressions_match_whole_names_as_java_does(expression: str, matching: str, other: str) -> None:
    pattern = compile_pattern(expression)

    assert pattern.fullmatch(matching)
    assert not pattern.fullmatch(other)


@pytest.mark.parametrize("expression", ["[", "(", "*", r"\p{Nope}", "[a-z&&[^b]]", "[a[bc]]", r"[\P{Alpha}]"])
def test_an_expression_that_cannot_be_used_is_shown_with_a_mark_below_the_fault(expression: str) -> None:
    with pytest.raises(BadPattern) as raised:
        compile_pattern(expression)

    message, shown, mark = str(raised.value).split("\n")
    assert " near index " in message
    assert shown == expression
    assert mark.strip() == "^"


@pytest.mark.parametrize(
    ("expression", "text", "parts"),
    [
        (",", "a,b", ["a", "b"]),
        (",", "a,b,,", ["a", "b"]),
        (",", ",a", ["", "a"]),
        (",", "", [""]),
        (",", ",,", []),
        ("[,;]+", "a,;b", ["a", "b"]),
        ("", "abc", ["a", "b", "c"]),
        ("(,)", "a,b", ["a", "b"]),
    ],
)
def test_split_drops_empty_ends_as_java_does(expression: str, text: str, parts: list[str]) -> None:
    assert split_by_pattern(compile_pattern(expression), text) == parts


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), (" TRUE ", True), ("yes", False), ("1", False), ("", False), (None, False)]
)
def test_only_true_is_true(text: str | None, value: bool) -> None:
    assert is_true(text) is value


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3.0, "3.0"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (100.0, "100.0"),
        (1234567.0, "1234567.0"),
        (9999999.999, "9999999.999"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (-2.5e-10, "-2.5E-10"),
        (1e21, "1.0E21"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_doubles_are_written_as_java_writes_them(number: float, text: str) -> None:
    assert double_text(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.100000023841858, "1.1"), (16777216.0, "1.6777216E7"), (0.0, "0.0"), (-3.5, "-3.5"), (float("nan"), "NaN")],
)
def test_floats_are_written_with_the_digits_that_four_bytes_carry(number: float, text: str) -> None:
    assert float_text(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_reads_back_as_the_same_number(number: float) -> None:
    assert float(double_text(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float_reads_back_within_four_bytes(number: float) -> None:
    assert struct.pack(">f", float(float_text(number))) == struct.pack(">f", number)


def test_bytes_show_what_cannot_be_printed_in_hex() -> None:
    assert bytes_text(b"abc\\\x00\xff~ ") == r"abc\x5C\x00\xFF~ "


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("[", "Unclosed character class near index 0\n[\n^"),
        ("a[b", "Unclosed character class near index 2\na[b\n  ^"),
        ("(a", "Unclosed group near index 2\n(a\n  ^"),
        ("*", "Dangling meta character '*' near index 0\n*\n^"),
    ],
)
def test_a_bad_expression_is_reported_as_java_reports_it(expression: str, message: str) -> None:
    with pytest.raises(BadPattern) as refusal:
        compile_pattern(expression)

    assert str(refusal.value) == message
