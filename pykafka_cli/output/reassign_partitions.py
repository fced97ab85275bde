"""kafka-reassign-partitions.sh: the script's lines, a table of the moves, or documents."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import NamedTuple

from pykafka_cli.model import BrokerId, Reassignment, ReplicaPlace, TopicPartition
from pykafka_cli.output.render import OutputFormat, Table, notice, show
from pykafka_cli.rules.plan_files import reassignment_json
from pykafka_cli.rules.reassignment import PartitionState, Replica, move_lines, reassignment_lines, state_lines

VERIFY_LATER = (
    "Warning: You must run --verify periodically, until the reassignment completes, to ensure the throttle is removed."
)


class View(NamedTuple):
    """Prints the steps of one run when they are done, and the result at the end."""

    form: OutputFormat

    # ---- results

    def show_proposal(
        self,
        current: Mapping[TopicPartition, Iterable[BrokerId]],
        log_dirs: Mapping[tuple[BrokerId, TopicPartition], str],
        proposed: Mapping[TopicPartition, Iterable[BrokerId]],
    ) -> None:
        """log_dirs    by replica; empty for scripts that do not show them"""
        self._show(
            f"Current partition replica assignment\n{reassignment_json(current, log_dirs)}\n\n"
            f"Proposed partition reassignment configuration\n{reassignment_json(proposed)}\n",
            lambda: {"current": plan_document(current), "proposed": plan_document(proposed)},
        )

    def show_verification(
        self,
        states: Mapping[TopicPartition, PartitionState],
        targets: Mapping[Replica, str],
        places: Mapping[Replica, ReplicaPlace],
    ) -> None:
        lines = [*state_lines(states), "\n".join(move_lines(targets, places))]
        self._show("".join(f"{line}\n" for line in lines), lambda: verification_document(states, targets, places))

    def show_started(
        self, current: Mapping[TopicPartition, Iterable[BrokerId]], proposed: Iterable[TopicPartition]
    ) -> None:
        """Only in documents: the script reports the steps."""
        self._show("", lambda: {"rollback": plan_document(current), "started": names_document(proposed)})

    def show_cancelled(self, partitions: Iterable[TopicPartition]) -> None:
        """Only in documents: the script reports the steps."""
        self._show("", lambda: {"cancelled": names_document(partitions)})

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

    def _show(self, text: str, document: Callable[[], object]) -> None:
        """Print the script's text, also for people, or a document."""
        show(self.form, text=lambda: text, table=lambda: [text.rstrip("\n")] if text else [], document=document)

    # ---- steps

    def report_current(
        self,
        current: Mapping[TopicPartition, Iterable[BrokerId]],
        log_dirs: Mapping[tuple[BrokerId, TopicPartition], str],
    ) -> None:
        """The assignment to return to; a document has it in the result."""
        self._report(
            f"Current partition replica assignment\n\n{reassignment_json(current, log_dirs)}\n\n"
            "Save this to use as the --reassignment-json-file option during rollback"
        )

    def report_throttled(self) -> None:
        self._report(VERIFY_LATER)

    def report_broker_throttle(self, bytes_per_second: int) -> None:
        self._report(f"The inter-broker throttle limit was set to {bytes_per_second} B/s")

    def report_log_dir_throttle(self, bytes_per_second: int) -> None:
        self._report(f"The replica-alter-dir throttle limit was set to {bytes_per_second} B/s")

    def report_started(self, partitions: Sequence[TopicPartition]) -> None:
        self._report(f"Successfully started partition reassignment{plural(partitions)} for {names(partitions)}")

    def report_log_dir_move(self, replica: Replica, log_dir: str) -> None:
        where = f"{replica.partition} with broker {replica.broker}"
        self._report(f"Successfully started moving log directory to {log_dir} for replica {where} ")

    def report_cancelled(self, partitions: Sequence[TopicPartition]) -> None:
        if partitions:
            which = f"{plural(partitions)} for: {names(partitions)}"
            self._report(f"Successfully cancelled partition reassignment{which}")
        else:
            self._report("None of the specified partition reassignments are active.")

    def report_no_moves(self) -> None:
        self._report("None of the specified partition moves are active.")

    def report_clearing_brokers(self, brokers: Sequence[BrokerId]) -> None:
        self._report(f"Clearing broker-level throttles on broker{plural(brokers)} {_ids(brokers)}")

    def report_clearing_topics(self, topics: Sequence[str]) -> None:
        self._report(f"Clearing topic-level throttles on topic{plural(topics)} {','.join(topics)}")

    def _report(self, line: str) -> None:
        notice(self.form, line)


def names(things: Iterable[TopicPartition | Replica]) -> str:
    return ",".join(map(str, sorted(things)))


def plural(things: Sized) -> str:
    return "" if len(things) == 1 else "s"


def plan_document(replicas: Mapping[TopicPartition, Iterable[BrokerId]]) -> object:
    """An assignment in the form of --reassignment-json-file."""
    return json.loads(reassignment_json(replicas))


def names_document(partitions: Iterable[TopicPartition]) -> list[dict[str, object]]:
    return [_named(partition) for partition in sorted(partitions)]


def verification_document(
    states: Mapping[TopicPartition, PartitionState],
    targets: Mapping[Replica, str],
    places: Mapping[Replica, ReplicaPlace],
) -> object:
    """The progress of each partition, and of each replica that changes its log directory."""
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
