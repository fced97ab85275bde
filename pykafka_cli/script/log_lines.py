"""Messages as the scripts' log4j prints them on stderr, with a class name only where Kafka's own is known."""

import sys
from datetime import datetime


def log(level: str, message: str, *, source: str = "", cause: str = "") -> None:
    """`[2026-01-01 12:00:00,000] ERROR message (source)`, and its cause on a separate line."""
    now = datetime.now()  # local, as log4j prints it
    print(f"[{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}] {level} {message}", end="", file=sys.stderr)
    print(f" ({source})" if source else "", file=sys.stderr)
    if cause:
        print(cause, file=sys.stderr)


def warn(message: str) -> None:
    log("WARN", message)


def error(message: str, *, source: str = "", cause: str = "") -> None:
    log("ERROR", message, source=source, cause=cause)
