"""Which regular expressions RE2 takes; the verdicts and words were recorded from re2j 1.8."""

import pytest

from pykafka_cli.rules.re2_syntax import BadExpression, check_expression


@pytest.mark.parametrize(
    "expression",
    [
        "a.*b", "(?P<n>a)", "(?i)a", "(?i-s:a)", "[]a]", "[^]]", "[--a]", "[a-]", "[[:alpha:]]", "(a|b)*c{1,}", "a*?",
        "a{2}?", "a{,2}", "a{2", r"\pL", r"\p{Greek}", r"\x{41}", r"\x41", r"\01", r"\_", r"\.", "^*", "",
    ],
)  # fmt: skip
def test_an_expression_is_valid(expression: str) -> None:
    check_expression(expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("(?<!a)b", "invalid named capture"),
        ("(?P<n", "invalid named capture"),
        ("(?<n>a)(?<n>b)", "duplicate capture group name"),
        ("(?=a)b", "invalid or unsupported Perl syntax"),
        ("(?x)a", "invalid or unsupported Perl syntax"),
        ("a(b", "missing closing )"),
        ("[a", "missing closing ]"),
        ("[z-a]", "invalid character class range"),
        ("[[:foo:]]", "invalid character class range"),
        (r"[a-\d]", "invalid escape sequence"),
        (r"a\1", "invalid escape sequence"),
        (r"\q", "invalid escape sequence"),
        ("a++", "invalid nested repetition operator"),
        ("a{2}{3}", "invalid nested repetition operator"),
        ("a{1001}", "invalid repeat count"),
        ("a{3,2}", "invalid repeat count"),
        ("*a", "missing argument to repetition operator"),
        ("(*a)", "missing argument to repetition operator"),
        ("a\\", "trailing backslash at end of expression"),
        ("a)b", "unexpected )"),
    ],
)
def test_an_expression_is_invalid(expression: str, problem: str) -> None:
    with pytest.raises(BadExpression) as refusal:
        check_expression(expression)

    assert str(refusal.value) == problem
