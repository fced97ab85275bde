"""Lines on stderr that are not results: what has happened, and what would help."""

import sys


def print_remark(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def ask(question: str) -> str:
    """Ask a question, and return the line that is typed; empty at the end of the input."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().rstrip("\n")
