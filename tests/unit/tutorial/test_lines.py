"""Where a line that is typed into the tutorial ends."""

import pytest

from pykafka_cli.tutorial.lines import is_unfinished


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ls", False),
        ("ls \\", True),
        ("ls \\\\", False),
        ("seq 3 |", True),
        ("true &&", True),
        ("sleep 1 &", False),
        ("", False),
    ],
)
def test_a_line_continues_after_a_backslash_and_a_pipe(text: str, expected: bool) -> None:
    assert is_unfinished(text) is expected
