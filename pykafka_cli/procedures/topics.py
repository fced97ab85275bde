"""What both generations of kafka-topics have in common: the request, its checks for both, words of failures."""

import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import TopicDescription, TopicListing, base64_id
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.rules.topic_filter import InvalidRegex, TopicFilter
from pykafka_cli.rules.topic_views import DescribeFilter, TopicView
from pykafka_cli.script.errors import UnreadableValue, Words
from pykafka_cli.topic_names import is_internal

COLLISION_WARNING = (
    "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. "
    "To avoid issues it is best to use either, but not both."
)


class TopicsFailed(Exception):
    """A request that cannot be met, in the script's words."""


WORDS: Words = {UnreadableValue: str, TopicsFailed: str, ApiError: str, InvalidRegex: str}


class TopicsRequest(NamedTuple):
    """The values of the command line."""

    action: str
    topic: str | None
    topic_id: str | None
    partitions: int | None
    replication_factor: int | None
    replica_assignment: str | None
    configs: list[str]
    deleted_configs: list[str]
    filter: DescribeFilter
    if_exists: bool
    if_not_exists: bool
    exclude_internal: bool
    rack_aware: bool
    partitions_per_answer: int
    output: OutputFormat

    def matching(self, topics: Iterable[str]) -> list[str]:
        """Those that --topic and --exclude-internal leave.

        raises    InvalidRegex
        """
        if self.topic is None:
            return [topic for topic in topics if not (self.exclude_internal and is_internal(topic))]
        wanted = TopicFilter(self.topic)
        return [topic for topic in topics if wanted.allows(topic, exclude_internal=self.exclude_internal)]

    def note(self, line: str) -> None:
        """A line beside the result: where the script prints it, but never into a document."""
        document = self.output in (OutputFormat.JSON, OutputFormat.YAML)
        print(line, file=sys.stderr if document else sys.stdout)

    def report(self, topics: Iterable[str], outcome: str, line: Callable[[str], str], *, silent: bool = False) -> None:
        """Tell what was done to each topic; `silent` where the script says nothing."""
        names = list(topics)
        show(
            self.output,
            text=lambda: "" if silent else "".join(f"{line(name)}\n" for name in names),
            table=lambda: [line(name) for name in names],
            document=lambda: [{"topic": name, "outcome": outcome} for name in names],
        )


def show_listing(request: TopicsRequest, listings: Iterable[TopicListing], text: Callable[[], str]) -> None:
    found = list(listings)
    show(
        request.output,
        text=text,
        table=lambda: [
            Table(
                ("TOPIC", "PARTITIONS", "REPLICAS", "INTERNAL"),
                [(each.topic, each.partition_count, each.replication_factor, _yes(each.is_internal)) for each in found],
            )
        ],
        document=lambda: [
            {
                "topic": each.topic,
                "topic_id": base64_id(each.topic_id) if each.topic_id else None,
                "internal": each.is_internal,
                "partition_count": each.partition_count,
                "replication_factor": each.replication_factor,
            }
            for each in found
        ],
    )


def show_descriptions(request: TopicsRequest, views: list[TopicView], text: Callable[[], str]) -> None:
    show(
        request.output,
        text=text,
        table=lambda: [_table(view) for view in views],
        document=lambda: [_document(view) for view in views],
    )


def _table(view: TopicView) -> Table | str:
    configs = ", ".join(f"{entry.name}={entry.value}" for entry in view.topic.configs)
    title = f"{view.topic.topic}  {configs}".rstrip() if view.shows_header else view.topic.topic
    if not view.partitions:
        return title
    return Table(
        ("PARTITION", "LEADER", "REPLICAS", "ISR", "MOVING"),
        [
            (each.partition, _leader(each.leader), _ids(each.replicas), _ids(each.isr), _moving(each.adding_replicas))
            for each in view.partitions
        ],
        title,
    )


def _document(view: TopicView) -> dict[str, object]:
    topic: TopicDescription = view.topic
    return {
        "topic": topic.topic,
        "topic_id": base64_id(topic.topic_id) if topic.topic_id else None,
        "internal": topic.is_internal,
        "marked_for_deletion": topic.is_marked_for_deletion,
        "partition_count": len(topic.partitions),
        "replication_factor": topic.partitions[0].replication_factor if topic.partitions else 0,
        "configs": {entry.name: entry.value for entry in topic.configs},
        "partitions": [
            {
                "partition": each.partition,
                "leader": _leader(each.leader),
                "replicas": list(each.replicas),
                "isr": list(each.isr),
                "adding_replicas": list(each.adding_replicas or ()),
                "removing_replicas": list(each.removing_replicas or ()),
                "elr": None if each.elr is None else list(each.elr),
                "last_known_elr": None if each.last_known_elr is None else list(each.last_known_elr),
            }
            for each in view.partitions
        ],
    }


def _leader(broker: int | None) -> int | None:
    """In znodes, a partition without a leader has the leader -1."""
    return None if broker is None or broker < 0 else broker


def _ids(brokers: Iterable[int]) -> str:
    return ",".join(map(str, brokers))


def _moving(adding: tuple[int, ...] | None) -> str:
    return "" if adding is None else f"to {_ids(adding)}"


def _yes(value: bool) -> str:
    return "yes" if value else ""
