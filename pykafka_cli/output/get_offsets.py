"""kafka-get-offsets.sh: one offset per partition."""

from collections.abc import Mapping

from pykafka_cli.model import TopicPartition
from pykafka_cli.output.render import OutputFormat, Table, show


def show_offsets(form: OutputFormat, offsets: Mapping[TopicPartition, int]) -> None:
    show(
        form,
        text=lambda: "".join(f"{topic}:{partition}:{offset}\n" for (topic, partition), offset in offsets.items()),
        table=lambda: [Table(("TOPIC", "PARTITION", "OFFSET"), [(*each, offsets[each]) for each in sorted(offsets)])],
        document=lambda: [
            {"topic": each.topic, "partition": each.partition, "offset": offsets[each]} for each in sorted(offsets)
        ],
    )
