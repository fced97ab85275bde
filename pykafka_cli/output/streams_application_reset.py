"""kafka-streams-application-reset.sh: what a run has done, or would do. The script itself prints its steps alone."""

from collections.abc import Mapping, Sequence

from pykafka_cli.model import TopicPartition
from pykafka_cli.output.render import OutputFormat, Table, show


def show_outcome(
    form: OutputFormat,
    application_id: str,
    new_offsets: Mapping[TopicPartition, int],
    deleted: Sequence[str],
    *,
    executed: bool,
) -> None:
    """deleted    the application's internal topics"""
    offsets = sorted(new_offsets.items())
    outcome = "deleted" if executed else "would be deleted"
    show(
        form,
        text=str,
        table=lambda: [
            Table(("TOPIC", "PARTITION", "NEW OFFSET"), [(*each, offset) for each, offset in offsets]),
            Table(("INTERNAL TOPIC", "OUTCOME"), [(topic, outcome) for topic in deleted]),
        ],
        document=lambda: {
            "application_id": application_id,
            "executed": executed,
            "offsets": [
                {"topic": topic, "partition": partition, "new_offset": offset} for (topic, partition), offset in offsets
            ],
            "internal_topics": list(deleted),
        },
    )
