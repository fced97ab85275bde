"""kafka-streams-application-reset.sh: its steps, and what a run has done, or would do.

A table or a document shows the result at the end; then warnings go to stderr.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pykafka_cli.model import Offset, TopicPartition
from pykafka_cli.output.render import OutputFormat, Table, show

DRY_RUN = "----Dry run displays the actions which will be performed when running Streams Reset Tool----"


class Steps(NamedTuple):
    """The script's lines about each step."""

    form: OutputFormat

    def dry_run(self) -> None:
        self._print(DRY_RUN)

    def removing_members(self, group: str) -> None:
        self._warn(f"Force deleting all active members in the group: {group}")

    def nothing_to_seek(self) -> None:
        self._print("No input or intermediate topics specified. Skipping seek.")

    def chosen(self, inputs: Sequence[str], intermediates: Sequence[str]) -> None:
        if inputs:
            self._print(f"Reset-offsets for input topics [{', '.join(inputs)}]")
        if intermediates:
            self._print(f"Seek-to-end for intermediate topics [{', '.join(intermediates)}]")

    def missing_inputs(self, topics: Sequence[str]) -> None:
        if topics:
            self._warn("Following input topics are not found, skipping them")
        for topic in topics:
            self._warn(f"Topic: {topic}")

    def missing_intermediates(self, topics: Sequence[str]) -> None:
        """Without a space after the colon, as in the script."""
        if topics:
            self._warn("Following intermediate topics are not found, skipping them")
        for topic in topics:
            self._warn(f"Topic:{topic}")

    def resetting_inputs(self, group: str) -> None:
        self._print(f"Following input topics offsets will be reset to (for consumer group {group})")

    def new_offset(self, partition: TopicPartition, offset: Offset) -> None:
        self._print(f"Topic: {partition.topic} Partition: {partition.partition} Offset: {offset}")

    def outside_log(self, remarks: Iterable[str]) -> None:
        for remark in remarks:
            self._warn(remark)

    def nothing_since(self, partition: TopicPartition) -> None:
        self._warn(
            f"Partition {partition.partition} from topic {partition.topic} is empty, without a committed record. "
            "Falling back to latest known offset."
        )

    def seeking_to_end(self, group: str, partitions: Iterable[TopicPartition]) -> None:
        self._print(f"Following intermediate topics offsets will be reset to end (for consumer group {group})")
        for partition in partitions:
            self._print(f"Topic: {partition.topic}")

    def deleting(self, kind: str, topics: Sequence[str]) -> None:
        """kind    whether the user specified the internal topics, or they were inferred"""
        self._print(f"Deleting {kind} internal topics [{', '.join(topics)}]")

    def done(self) -> None:
        self._print("Done.")

    def _print(self, line: str) -> None:
        if self.form is OutputFormat.KAFKA:
            print(line, flush=True)

    def _warn(self, line: str) -> None:
        print(line, file=sys.stdout if self.form is OutputFormat.KAFKA else sys.stderr, flush=True)


def print_resetting_failed() -> None:
    print("ERROR: Resetting offsets failed.", file=sys.stderr)


def print_deletion_failed(topic: str, java: str) -> None:
    """java    the exception as Java prints it"""
    print(f"ERROR: deleting topic {topic}\n{java}", file=sys.stderr)


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
