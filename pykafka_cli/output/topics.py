"""kafka-topics.sh: lists and descriptions of Kafka 3.9, and those of the --zookeeper generation."""

from collections.abc import Callable, Collection, Iterable, Sequence

from pykafka_cli.model import BrokerId, PartitionDescription, TopicDescription, TopicListing, base64_id
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.rules.topic_views import TopicView


def show_listing(form: OutputFormat, found: Sequence[TopicListing]) -> None:
    _show_listings(form, lambda: listing(each.topic for each in found), found)


def show_zookeeper_listing(
    form: OutputFormat, names: Iterable[str], marked: Collection[str], found: Sequence[TopicListing]
) -> None:
    """names    of which the script prints those that are `marked` for deletion as such"""

    def text() -> str:
        return "".join(f"{name}{' - marked for deletion' if name in marked else ''}\n" for name in names)

    _show_listings(form, text, found)


def show_descriptions(form: OutputFormat, views: Sequence[TopicView]) -> None:
    def text() -> str:
        return "".join(
            (header(view.topic) if view.shows_header else "")
            + "".join(partition(view.topic.topic, each) for each in view.partitions)
            for view in views
        )

    _show_descriptions(form, text, views)


def show_zookeeper_descriptions(form: OutputFormat, views: Sequence[TopicView]) -> None:
    def text() -> str:
        return "".join(
            (zookeeper_header(view.topic) if view.shows_header else "")
            + "".join(zookeeper_partition(view.topic, each, below_header=view.shows_header) for each in view.partitions)
            for view in views
        )

    _show_descriptions(form, text, views)


def show_outcome(
    form: OutputFormat, topics: Sequence[str], outcome: str, line: Callable[[str], str], *, silent: bool
) -> None:
    """What was done to each topic; `silent` where the script prints nothing of it."""
    show(
        form,
        text=lambda: "" if silent else "".join(f"{line(topic)}\n" for topic in topics),
        table=lambda: [line(topic) for topic in topics],
        document=lambda: [{"topic": topic, "outcome": outcome} for topic in topics],
    )


# ---- the script's lines


def listing(names: Iterable[str]) -> str:
    """One name a line; without names one empty line, as the script joins and prints them at once."""
    return "\n".join(names) + "\n"


def header(topic: TopicDescription) -> str:
    """The line above a topic's partitions. Its replication factor is that of its first partition."""
    topic_id = f"\tTopicId: {base64_id(topic.topic_id)}" if topic.topic_id else ""
    configs = ",".join(f"{entry.name}={_or_null(entry.value)}" for entry in topic.configs)
    return (
        f"Topic: {topic.topic}{topic_id}\tPartitionCount: {len(topic.partitions)}"
        f"\tReplicationFactor: {topic.partitions[0].replication_factor}\tConfigs: {configs}\n"
    )


def partition(topic: str, described: PartitionDescription) -> str:
    """One partition's line."""
    reassignment = ""
    if described.adding_replicas is not None and described.removing_replicas is not None:
        reassignment = (
            f"\tAdding Replicas: {_joined(described.adding_replicas)}"
            f"\tRemoving Replicas: {_joined(described.removing_replicas)}"
        )
    return (
        f"{_partition(topic, described)}{reassignment}"
        f"\tElr: {_or_unknown(described.elr)}\tLastKnownElr: {_or_unknown(described.last_known_elr)}\n"
    )


def zookeeper_header(topic: TopicDescription) -> str:
    """The header of the scripts up to 2.3: no blanks behind its colons."""
    configs = ",".join(f"{entry.name}={_or_null(entry.value)}" for entry in topic.configs)
    deletion = "\tMarkedForDeletion:true" if topic.is_marked_for_deletion else ""
    return (
        f"Topic:{topic.topic}\tPartitionCount:{len(topic.partitions)}"
        f"\tReplicationFactor:{topic.partitions[0].replication_factor}\tConfigs:{configs}{deletion}\n"
    )


def zookeeper_partition(topic: TopicDescription, described: PartitionDescription, *, below_header: bool) -> str:
    deletion = "\tMarkedForDeletion: true" if topic.is_marked_for_deletion and not below_header else ""
    return f"{_partition(topic.topic, described)}{deletion}\n"


def _partition(topic: str, described: PartitionDescription) -> str:
    leader = "none" if described.leader is None else described.leader
    return (
        f"\tTopic: {topic}\tPartition: {described.partition}\tLeader: {leader}"
        f"\tReplicas: {_joined(described.replicas)}\tIsr: {_joined(described.isr)}"
    )


def _joined(brokers: Iterable[BrokerId]) -> str:
    return ",".join(map(str, brokers))


def _or_unknown(brokers: Iterable[BrokerId] | None) -> str:
    return "N/A" if brokers is None else _joined(brokers)


def _or_null(value: str | None) -> str:
    return "null" if value is None else value


# ---- tables and documents


def _show_listings(form: OutputFormat, text: Callable[[], str], found: Sequence[TopicListing]) -> None:
    show(
        form,
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


def _show_descriptions(form: OutputFormat, text: Callable[[], str], views: Sequence[TopicView]) -> None:
    show(
        form,
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
            (
                each.partition,
                _leader(each.leader),
                _joined(each.replicas),
                _joined(each.isr),
                _moving(each.adding_replicas),
            )
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


def _leader(broker: BrokerId | None) -> int | None:
    """In znodes, a partition without a leader has the leader -1."""
    return None if broker is None or broker < 0 else broker


def _moving(adding: tuple[BrokerId, ...] | None) -> str:
    return "" if adding is None else f"to {_joined(adding)}"


def _yes(value: bool) -> str:
    return "yes" if value else ""
