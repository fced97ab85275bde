"""kafka-server-start.sh: what it prints apart from the log."""

from pykafka_cli import KAFKA_VERSION


def print_version() -> None:
    print(KAFKA_VERSION)
