"""kafka-leader-election.sh: the result of each partition."""

from collections.abc import Mapping

from pykafka_cli.clients.admin.cluster import ElectionType
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import TopicPartition
from pykafka_cli.output.render import OutputFormat, Table, show

ELECTION_NOT_NEEDED = 84


def show_outcome(form: OutputFormat, results: Mapping[TopicPartition, ApiError | None], election: ElectionType) -> None:
    elected = sorted(partition for partition, error in results.items() if error is None)
    unneeded = sorted(partition for partition, error in results.items() if error and error.code == ELECTION_NOT_NEEDED)
    failed = failures(results)

    def outcome(partition: TopicPartition) -> str:
        return "failed" if partition in failed else "elected" if results[partition] is None else "not needed"

    def text() -> str:
        lines = []
        if elected:
            names = ", ".join(map(str, elected))
            lines.append(f"Successfully completed leader election ({election.name}) for partitions {names}\n")
        if unneeded:
            lines.append(f"Valid replica already elected for partitions {', '.join(map(str, unneeded))}\n")
        lines.extend(
            f"Error completing leader election ({election.name}) for partition: {partition}: {error.java}\n"
            for partition, error in failed.items()
        )
        return "".join(lines)

    show(
        form,
        text=text,
        table=lambda: [
            Table(
                ("TOPIC", "PARTITION", "OUTCOME", "WHY"),
                [(*each, outcome(each), str(failed.get(each, ""))) for each in sorted(results)],
            )
        ],
        document=lambda: [
            {
                "topic": each.topic,
                "partition": each.partition,
                "outcome": outcome(each),
                "error": str(failed[each]) if each in failed else None,
            }
            for each in sorted(results)
        ],
    )


def failures(results: Mapping[TopicPartition, ApiError | None]) -> dict[TopicPartition, ApiError]:
    """Partitions whose leader should have changed and did not."""
    return {
        partition: error
        for partition, error in sorted(results.items())
        if error is not None and error.code != ELECTION_NOT_NEEDED
    }
