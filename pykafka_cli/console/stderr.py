"""Lines to stderr that are no results: what has happened, and what would help."""

import sys


def print_remark(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def ask(question: str) -> str:
    """The line that is typed after the question, without its end; empty at the end of the input."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().rstrip("\n")
