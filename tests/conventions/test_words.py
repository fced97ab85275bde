"""Texts keep to the words of CONTRIBUTING.md: no phrase that a pass over all of them has removed comes back."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PHRASES = {
    r"anew": "again",
    r"for ever": "forever",
    r"go(?:es)? on\b(?! (?:the|a|its|top|behind)\b)": "continue",
    r"come(?:s)? about": "happen",
    r"by way of": "by, through",
    r"one after the other": "in order, one by one",
    r"(?:is|are|was|were) told": "gets, learns; the sender sends",
    r"(?<!shake )hand(?:s|ed) over": "pass, transfer",
    r"put(?:s)? together": "build, combine",
    r"take(?:s|n)? away": "remove",
    r", too(?=[.;:])": "also, as well",
    r"of (?:its|their|his|her) own(?! \w)": "its own, separate",
    r"time-out": "timeout",
}
BRITISH = {
    r"(?:behavi|col|fav|hon|lab|neighb)our\w*": "-or",
    r"(?:author|initial|normal|optim|organ|recogn|serial|synchron)is(?:e|ed|es|ing|ation)": "-ize",
    r"licence\w*": "license",
    r"(?<!successfully )(?<![\"`])cancelled\b(?!\()": "canceled; Kafka's texts have both",
    r"(?:label|travel)led": "-led with one l",
    r"centre\w*": "center",
}
"""What to write instead, by what should not be written, in lower case."""


def pages() -> list[Path]:
    package = ROOT / "pykafka_cli"
    code = [path for ending in ("py", "yaml", "html") for path in package.rglob(f"*.{ending}")]
    return [*code, *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]


def found_in(text: str, phrases: dict[str, str]) -> list[str]:
    """What is found, with the text around it; a comment's line ends do not part a phrase, nor do a string's."""
    joined = re.sub(r'\s*"?\s*\n\s*(?:# |f?")?', " ", text).lower()
    pattern = re.compile(rf"(?:(?<![\w-])|(?=\W))(?:{'|'.join(phrases)})(?!\w)")
    return [joined[max(match.start() - 40, 0) : match.end() + 20] for match in pattern.finditer(joined)]


@pytest.mark.parametrize("phrases", [PHRASES, BRITISH], ids=["phrases", "spelling"])
def test_no_text_has_a_phrase_that_the_list_replaces(phrases: dict[str, str]) -> None:
    glossary = ROOT / "CONTRIBUTING.md"
    found = {
        str(path.relative_to(ROOT)): hits
        for path in pages()
        if path != glossary and (hits := found_in(path.read_text(), phrases))
    }

    assert found == {}


def test_a_phrase_is_found_across_the_lines_of_a_comment_or_a_string() -> None:
    assert found_in("x = 1  # it goes\n    # on", PHRASES)
    assert found_in('"it goes "\n    "on for long"', PHRASES)
    assert found_in("Groups have them, too.", PHRASES)
    assert found_in("Behaviour", BRITISH)
    assert not found_in("for every one; task.cancelled()", PHRASES | BRITISH)
