"""What `pk reassign-partitions` shows: the script's lines, a table of what moves, or documents."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pykafka_cli.model import BrokerId, Reassignment, ReplicaPlace, TopicPartition
from pykafka_cli.output.render import OutputFormat, Table, notice, show
from pykafka_cli.rules.plan_files import reassignment_json
from pykafka_cli.rules.reassignment import PartitionState, Replica, reassignment_lines


class View(NamedTuple):
    """How one run of the command reports what it does."""

    form: OutputFormat

    def notice(self, line: str) -> None:
        """Something that is done, when it is done."""
        notice(self.form, line)

    def give(self, text: str, document: Callable[[], object]) -> None:
        """A result: the script's text, also for people, or a document."""
        show(self.form, text=lambda: text, table=lambda: [text.rstrip("\n")] if text else [], document=document)

    def show_ongoing(self, ongoing: Mapping[TopicPartition, Reassignment]) -> None:
        lines = reassignment_lines(ongoing)
        rows = [
            (*partition, *map(_ids, (each.replicas, each.adding, each.removing)))
            for partition, each in sorted(ongoing.items())
        ]
        show(
            self.form,
            text=lambda: "".join(f"{line}\n" for line in lines),
            table=lambda: [Table(("TOPIC", "PARTITION", "REPLICAS", "ADDING", "REMOVING"), rows) if rows else lines[0]],
            document=lambda: [
                _named(partition)
                | {
                    "replicas": list(each.replicas),
                    "adding_replicas": list(each.adding),
                    "removing_replicas": list(each.removing),
                }
                for partition, each in sorted(ongoing.items())
            ],
        )


def plan_document(replicas: Mapping[TopicPartition, Iterable[BrokerId]]) -> object:
    """An assignment as --reassignment-json-file takes it."""
    return json.loads(reassignment_json(replicas))


def names_document(partitions: Iterable[TopicPartition]) -> list[dict[str, object]]:
    return [_named(partition) for partition in sorted(partitions)]


def verification_document(
    states: Mapping[TopicPartition, PartitionState],
    targets: Mapping[Replica, str],
    places: Mapping[Replica, ReplicaPlace],
) -> object:
    """How far each partition is, and each replica that is to change its log directory."""
    nowhere = ReplicaPlace(None, None)
    return {
        "partitions": [
            _named(partition)
            | {"in_progress": not state.is_done, "replicas": list(state.current), "target": list(state.target)}
            for partition, state in sorted(states.items())
        ],
        "log_dirs": [
            _named(replica.partition)
            | {
                "broker": replica.broker,
                "log_dir": places.get(replica, nowhere).current,
                "moving_to": places.get(replica, nowhere).future,
                "target": targets[replica],
            }
            for replica in sorted(targets)
        ],
    }


def _named(partition: TopicPartition) -> dict[str, object]:
    return {"topic": partition.topic, "partition": partition.partition}


def _ids(brokers: Iterable[BrokerId]) -> str:
    return ",".join(map(str, brokers))
