"""`pk wait`: unmet conditions for people, on stderr, or all conditions as a document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pykafka_cli.output.render import OutputFormat, show

Reasons = Mapping[int, tuple[str, str]]
"""Why conditions are not met, and what would help or an empty text, by position in the list."""


def missing_lines(words: Sequence[str], reasons: Reasons) -> Iterator[str]:
    for number, (reason, hint) in reasons.items():
        yield f"  {words[number]}: {reason}"
        if hint:
            yield f"    {hint}"


def show_result(form: OutputFormat, words: Sequence[str], reasons: Reasons, elapsed: float) -> None:
    """Print a document to stdout, or nothing, where the exit status suffices.

    elapsed    seconds
    """
    show(form, text=str, table=list, document=lambda: _document(words, reasons, elapsed))


def _document(words: Sequence[str], reasons: Reasons, elapsed: float) -> dict[str, Any]:
    return {
        "met": not reasons,
        "elapsed_ms": round(elapsed * 1000),
        "conditions": [
            {
                "condition": word,
                "met": number not in reasons,
                "reason": reasons[number][0] if number in reasons else None,
                "hint": (reasons[number][1] or None) if number in reasons else None,
            }
            for number, word in enumerate(words)
        ],
    }
