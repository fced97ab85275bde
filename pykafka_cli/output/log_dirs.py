"""kafka-log-dirs.sh: log directories by broker, with the replicas in them."""

import json
from collections.abc import Iterator, Mapping, Sequence

from pykafka_cli.clients.admin.cluster import LogDir
from pykafka_cli.model import BrokerId
from pykafka_cli.output.render import OutputFormat, Table, show


def show_query(form: OutputFormat) -> None:
    """The line that the script prints before it sends requests."""
    if form is OutputFormat.KAFKA:
        print("Querying brokers for log directories information", flush=True)


def show_log_dirs(form: OutputFormat, found: Mapping[BrokerId, Sequence[LogDir]]) -> None:
    show(
        form,
        text=lambda: (
            f"Received log directory information from brokers {','.join(map(str, found))}\n{_kafka_json(found)}\n"
        ),
        table=lambda: [
            Table(
                ("BROKER", "LOG DIR", "PARTITION", "BYTES", "LAG", "MOVING IN"),
                [
                    (broker, directory.path, *cells)
                    for broker, directories in found.items()
                    for directory in directories
                    for cells in _replica_cells(directory)
                ],
            ),
            *_errors(found),
        ],
        document=lambda: [
            {
                "broker": broker,
                "log_dir": directory.path,
                "error": str(directory.error) if directory.error else None,
                "partitions": [
                    {
                        "topic": each.partition.topic,
                        "partition": each.partition.partition,
                        "size": each.size,
                        "offset_lag": each.offset_lag,
                        "is_future": each.is_future,
                    }
                    for each in directory.replicas
                ],
            }
            for broker, directories in found.items()
            for directory in directories
        ],
    )


def _replica_cells(directory: LogDir) -> Iterator[tuple[object, ...]]:
    """A row for each replica; a directory without any has one as well."""
    if not directory.replicas:
        yield "", None, None, ""
    for each in directory.replicas:
        yield str(each.partition), each.size, each.offset_lag, "yes" if each.is_future else ""


def _errors(found: Mapping[BrokerId, Sequence[LogDir]]) -> Iterator[str]:
    for broker, directories in found.items():
        for each in directories:
            if each.error:
                yield f"Broker {broker}, {each.path}: {each.error.exception}: {each.error}"


def _kafka_json(found: Mapping[BrokerId, Sequence[LogDir]]) -> str:
    """The script's document, its keys in the order of Java's map."""
    brokers = [
        {
            "broker": broker,
            "logDirs": [
                {
                    "partitions": [
                        {
                            "partition": str(each.partition),
                            "size": each.size,
                            "offsetLag": each.offset_lag,
                            "isFuture": each.is_future,
                        }
                        for each in directory.replicas
                    ],
                    "error": directory.error.exception if directory.error else None,
                    "logDir": directory.path,
                }
                for directory in directories
            ],
        }
        for broker, directories in found.items()
    ]
    return json.dumps({"brokers": brokers, "version": 1}, separators=(",", ":"), ensure_ascii=False)
