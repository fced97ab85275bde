"""`pk scripts`: what has been written."""

from collections.abc import Sequence
from pathlib import Path


def print_installed(directory: Path, scripts: int, waiting: str, absent: Sequence[str]) -> None:
    """scripts    how many files were written, with and without .sh; `absent` has the names without .sh"""
    print(f"{scripts} scripts in {directory}")
    print(f"1 more waits as Confluent's utility does: {waiting} kafka-ready")
    if absent:
        print(f"{2 * len(absent)} more say what to use instead: {', '.join(absent)}")


def print_pages(directory: Path, pages: int, links: int) -> None:
    print(f"{pages} pages in {directory}, and {links} by the names of Kafka's scripts")


def print_completion(functions: str) -> None:
    """functions    those of bash"""
    print(functions, end="")
