"""kafka-delete-records.sh: the new start of each partition, or why its records are still there."""

from collections.abc import Mapping

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import TopicPartition
from pykafka_cli.output.render import OutputFormat, Table, show


def show_outcome(form: OutputFormat, results: Mapping[TopicPartition, int | ApiError]) -> None:
    by_partition = sorted(results.items())
    show(
        form,
        text=lambda: (
            "Executing records delete operation\nRecords delete operation completed:\n"
            + "".join(f"partition: {partition}\t{_outcome(result)}\n" for partition, result in by_partition)
        ),
        table=lambda: [
            Table(
                ("TOPIC", "PARTITION", "STARTS AT"),
                [
                    (*partition, str(result) if isinstance(result, ApiError) else result)
                    for partition, result in by_partition
                ],
            )
        ],
        document=lambda: [
            {
                "topic": partition.topic,
                "partition": partition.partition,
                "low_watermark": None if isinstance(result, ApiError) else result,
                "error": str(result) if isinstance(result, ApiError) else None,
            }
            for partition, result in by_partition
        ],
    )


def _outcome(result: int | ApiError) -> str:
    return f"error: {result.java}" if isinstance(result, ApiError) else f"low_watermark: {result}"
