"""kafka-console-consumer.sh and kafka-console-share-consumer.sh: what they print besides records."""

import sys


def print_count(messages: int) -> None:
    print(f"Processed a total of {messages} messages", file=sys.stderr)


def print_closed_output() -> None:
    """Report that stdout has been closed by its reader."""
    print("Unable to write to standard out, closing consumer.", file=sys.stderr)


def print_shutdown() -> None:
    """The event that --enable-systest-events adds."""
    print("shutdown_complete", flush=True)
