"""kafka-topics.sh: lists and descriptions of Kafka 3.9, and those of the --zookeeper generation."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from pykafka_cli.model import BrokerId, PartitionDescription, TopicDescription, TopicListing, base64_id
from pykafka_cli.output.render import OutputFormat, Table, notice, show
from pykafka_cli.rules.topic_views import TopicView


def show_listing(form: OutputFormat, found: Sequence[TopicListing]) -> None:
    _show_listings(form, lambda: listing(each.topic for each in found), found)


def show_zookeeper_listing(
    form: OutputFormat, names: Iterable[str], marked: Collection[str], found: Sequence[TopicListing]
) -> None:
    """names    of topics; the script shows which are `marked` for deletion"""

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


# ---- what was done to topics


def show_created(form: OutputFormat, topic: str) -> None:
    _show_outcome(form, [topic], "created", f"Created topic {topic}.")


def show_altered(form: OutputFormat, topics: Sequence[str], partition_count: int) -> None:
    """The script prints nothing."""
    lines = [f"{topic} has {partition_count} partitions." for topic in topics]
    _show_outcome(form, topics, "altered", *lines, is_silent=True)


def show_deleted(form: OutputFormat, topics: Sequence[str]) -> None:
    """The script prints nothing."""
    _show_outcome(form, topics, "deleted", *(f"Deleted topic {topic}." for topic in topics), is_silent=True)


def show_configured(form: OutputFormat, topic: str) -> None:
    _show_outcome(form, [topic], "configured", f"Updated config for topic {topic}.")


def show_partitions_added(form: OutputFormat, topic: str) -> None:
    _show_outcome(form, [topic], "altered", "Adding partitions succeeded!")


def show_marked_for_deletion(form: OutputFormat, topic: str, *, is_new: bool) -> None:
    line = f"Topic {topic} is {'' if is_new else 'already '}marked for deletion."
    _show_outcome(form, [topic], "marked for deletion", f"{line}\n{DELETION_NOTE}" if is_new else line)


def _show_outcome(
    form: OutputFormat, topics: Sequence[str], outcome: str, *lines: str, is_silent: bool = False
) -> None:
    """lines    what the script prints, unless it is silent"""
    show(
        form,
        text=lambda: "" if is_silent else "".join(f"{line}\n" for line in lines),
        table=lambda: lines,
        document=lambda: [{"topic": topic, "outcome": outcome} for topic in topics],
    )


# ---- warnings, which are printed before a result


def show_collision_warning(form: OutputFormat) -> None:
    notice(form, COLLISION_WARNING)


def print_topic_id_warning() -> None:
    print("Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID")


def show_config_warning(form: OutputFormat) -> None:
    notice(form, CONFIG_WARNING)


def show_partitions_warning(form: OutputFormat) -> None:
    notice(form, PARTITIONS_WARNING)


def show_missing(form: OutputFormat, topic: str) -> None:
    notice(form, f"Topic {topic} doesn't exist!")


COLLISION_WARNING = (
    "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. "
    "To avoid issues it is best to use either, but not both."
)
CONFIG_WARNING = (
    "WARNING: Altering topic configuration from this script has been deprecated and may be removed in future releases."
    "\n         Going forward, please use kafka-configs.sh for this functionality"
)
PARTITIONS_WARNING = (
    "WARNING: If partitions are increased for a topic that has a key, the partition logic or ordering of the messages "
    "will be affected"
)
DELETION_NOTE = "Note: This will have no impact if delete.topic.enable is not set to true."


# ---- the script's lines


def listing(names: Iterable[str]) -> str:
    """One name per line; without names, one empty line, since the script prints them joined."""
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
    """The header of the scripts up to 2.3: no spaces after its colons."""
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
    title = "  ".join((view.topic.topic, *(_facts(view.topic) if view.shows_header else ())))
    if not view.partitions:
        return title
    has_elr = any(each.elr is not None for each in view.partitions)
    return Table(
        ("PARTITION", "LEADER", "REPLICAS", "ISR", *(("ELR", "LAST ELR") if has_elr else ()), "MOVING"),
        [
            (
                each.partition,
                _leader(each.leader),
                _joined(each.replicas),
                _joined(each.isr),
                *((_joined(each.elr or ()), _joined(each.last_known_elr or ())) if has_elr else ()),
                _moving(each.adding_replicas, each.removing_replicas),
            )
            for each in view.partitions
        ],
        title,
    )


def _facts(topic: TopicDescription) -> Iterator[str]:
    """The fields of a topic in the script's header."""
    if topic.partitions:
        yield f"replication factor {topic.partitions[0].replication_factor}"
    if topic.topic_id:
        yield f"id {base64_id(topic.topic_id)}"
    if topic.configs:
        yield ", ".join(f"{entry.name}={_or_null(entry.value)}" for entry in topic.configs)
    if topic.is_marked_for_deletion:
        yield "marked for deletion"


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


def _leader(broker: BrokerId | None) -> BrokerId | None:
    """In znodes, a partition without a leader has the leader -1."""
    return None if broker is None or broker < 0 else broker


def _moving(adding: tuple[BrokerId, ...] | None, removing: tuple[BrokerId, ...] | None) -> str:
    places = (("to", adding), ("from", removing))
    return " ".join(f"{word} {_joined(brokers)}" for word, brokers in places if brokers)


def _yes(value: bool) -> str:
    return "yes" if value else ""
