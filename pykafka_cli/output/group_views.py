"""What the scripts for consumer, share and streams groups print in common.

source  org.apache.kafka.tools.consumer.group and org.apache.kafka.tools.streams, 4.3
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import Broker, GroupListing, TopicPartition, partitions_by_topic
from pykafka_cli.output.columns import MISSING, columns
from pykafka_cli.output.render import OutputFormat, Table, show

Plan = Mapping[str, Mapping[TopicPartition, int]]
"""New offsets by group."""

Error = TypeVar("Error", str, ApiError)

_CELL = 15
_NONE = "''"


# ---- lists of share and streams groups


def show_listing(form: OutputFormat, groups: Sequence[GroupListing], *, states: bool) -> None:
    show(
        form,
        text=lambda: listing(groups, states=states),
        table=lambda: [Table(("GROUP", "STATE"), [(each.group, each.state) for each in groups])],
        document=lambda: [{"group": each.group, "state": each.state} for each in groups],
    )


def listing(groups: Sequence[GroupListing], *, states: bool) -> str:
    """One name per line; with states, a table."""
    if not states:
        return "".join(f"{group.group}\n" for group in groups)
    return columns([("GROUP", "STATE"), *((group.group, group.state) for group in groups)], (_CELL, 0))


# ---- coordinators and assignments


def coordinator_name(broker: Broker | None, gap: str = " ") -> str:
    """gap    before the id: one space, since Kafka 4 two"""
    return MISSING if broker is None else f"{broker.host}:{broker.port}{gap}({broker.id})"


def coordinator_document(broker: Broker | None) -> dict[str, object] | None:
    return None if broker is None else {"id": broker.id, "host": broker.host, "port": broker.port}


def assignment(partitions: Iterable[TopicPartition]) -> str:
    """`topic:0,1,2;other:0`, as since Kafka 4; `-` for none."""
    return ";".join(f"{topic}:{indexes}" for topic, indexes in indexes_by_topic(partitions)) or MISSING


def indexes_by_topic(partitions: Iterable[TopicPartition]) -> Iterable[tuple[str, str]]:
    """Topics in order, each with its partitions: `0,1,2`."""
    by_topic = partitions_by_topic(sorted(partitions))
    return [(topic, ",".join(map(str, indexes))) for topic, indexes in by_topic.items()]


# ---- new offsets


def show_plan(form: OutputFormat, plan: Plan, text: str, *, executed: bool) -> None:
    """text    what the script prints: a table, or lines of CSV"""
    rows = [(group, *partition, offset) for group, offsets in plan.items() for partition, offset in offsets.items()]
    show(
        form,
        text=lambda: text,
        table=lambda: [Table(("GROUP", "TOPIC", "PARTITION", "NEW OFFSET"), rows)],
        document=lambda: [
            {"group": group, "topic": topic, "partition": partition, "new_offset": offset, "executed": executed}
            for group, topic, partition, offset in rows
        ],
    )


def reset_plan(plan: Plan) -> str:
    """A table of new offsets, as since Kafka 4; empty without groups."""
    if not plan:
        return ""
    rows = [
        [group, topic, str(partition), str(offset)]
        for group, offsets in plan.items()
        for (topic, partition), offset in offsets.items()
    ]
    header = ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"]
    return "\n" + columns([header, *rows], [_CELL, _CELL, 10, 0])


# ---- deleted groups


def show_deleted_groups(
    form: OutputFormat,
    kind: str,
    results: Mapping[str, Error | None],
    words: Callable[[Error], str] = str,
) -> None:
    """The result of each group, by name.

    kind       consumer, share or streams
    results    None for a group that was deleted
    words      how the script words an error
    """
    by_group = sorted(results.items())
    show(
        form,
        text=lambda: deleted_groups({group: words(error) if error else None for group, error in by_group}, kind),
        table=lambda: [Table(("GROUP", "OUTCOME"), [(group, error or "deleted") for group, error in by_group])],
        document=lambda: [
            {"group": group, "outcome": "failed" if error else "deleted", "error": str(error) if error else None}
            for group, error in by_group
        ],
    )


def deleted_groups(results: Mapping[str, str | None], kind: str) -> str:
    """results    None for a deleted group, otherwise the error"""
    deleted = ", ".join(f"'{group}'" for group, problem in results.items() if problem is None)
    failures = [
        f"* Group '{group}' could not be deleted due to: {problem}\n"
        for group, problem in results.items()
        if problem is not None
    ]
    if not failures:
        return f"Deletion of requested {kind} groups ({deleted or _NONE}) was successful.\n"
    text = f"\nError: Deletion of some {kind} groups failed:\n" + "".join(failures)
    end = "." if kind == "streams" else ""
    return text + (f"\nThese {kind} groups were deleted successfully: {deleted}{end}\n" if deleted else "")
