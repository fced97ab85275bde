"""JSON files with partitions, for the scripts about records, elections and reassignments.

    records        {"partitions": [{"topic": "t", "partition": 0, "offset": 3}], "version": 1}
    elections      {"partitions": [{"topic": "t", "partition": 0}]}
    reassignment   {"partitions": [{"topic": "t", "partition": 0, "replicas": [1, 2], "log_dirs": ["any", "/d"]}],
                    "version": 1}
    topics to move {"topics": [{"topic": "t"}], "version": 1}

Messages are those of the scripts, or of Java's library without class names.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from pykafka_cli.model import BrokerId, Offset, TopicPartition

T = TypeVar("T")

VERSION = 1
ANY_LOG_DIR = "any"


class BadPlan(Exception):
    """A file with the wrong content."""


class PlannedReplicas(NamedTuple):
    """The target brokers of a partition, with a log directory for each; ANY_LOG_DIR lets the broker choose."""

    partition: TopicPartition
    replicas: tuple[BrokerId, ...]
    log_dirs: tuple[str, ...]


def parse_records_plan(text: str) -> dict[TopicPartition, Offset]:
    """Offsets to delete up to, by partition.

    raises    BadPlan
    """
    plan = _object(_document(text, "The input string is not a valid JSON"))
    _ensure_version(plan)
    if "partitions" not in plan:
        raise BadPlan("Missing partitions field")
    entries = [(_partition(entry), Offset(_as_long(_field(entry, "offset")))) for entry in _objects(plan["partitions"])]
    if twice := _repeated(partition for partition, _ in entries):
        raise BadPlan(f"Offset json file contains duplicate topic partitions: {','.join(map(str, twice))}")
    return dict(entries)


def parse_election_plan(text: str) -> list[TopicPartition]:
    """Partitions to elect leaders for.

    raises    BadPlan
    """
    plan = _object(_document(text, "Replica election data is empty"))
    if "partitions" not in plan:
        raise BadPlan('Replica election data is missing "partitions" field')
    partitions = [_partition(entry) for entry in _objects(plan["partitions"])]
    if twice := _repeated(partitions):
        raise BadPlan(f"Replica election data contains duplicate partitions: [{', '.join(map(str, twice))}]")
    return partitions


def parse_topics_to_move(text: str) -> list[str]:
    """Names of topics.

    raises    BadPlan
    """
    plan = _object(_document(text, "The input string is not a valid JSON"))
    _ensure_version(plan)
    topics = [_string(entry, "topic") for entry in _objects(plan.get("topics", []))]
    if twice := _repeated(topics):
        raise BadPlan(f"List of topics to reassign contains duplicate entries: [{', '.join(twice)}]")
    return topics


def parse_reassignment_plan(text: str) -> list[PlannedReplicas]:
    """The target replicas of a reassignment, as in the file, including duplicate partitions.

    raises    BadPlan
    """
    plan = _object(_document(text, "The input string is not a valid JSON"))
    _ensure_version(plan)
    planned = []
    for entry in _objects(plan.get("partitions", [])):
        partition = _partition(entry)
        replicas = tuple(_each_integer(entry, "replicas"))
        log_dirs = (ANY_LOG_DIR,) * len(replicas)
        if "log_dirs" in entry:
            log_dirs = tuple(map(_as_string, _list(entry["log_dirs"])))
        if len(replicas) != len(log_dirs):
            raise BadPlan(
                f"Size of replicas list {list(replicas)} is different from size of log dirs list "
                f"[{', '.join(log_dirs)}] for partition {partition}"
            )
        planned.append(PlannedReplicas(partition, replicas, log_dirs))
    return planned


def reassignment_json(
    replicas: Mapping[TopicPartition, Iterable[BrokerId]],
    log_dirs: Mapping[tuple[BrokerId, TopicPartition], str] = MappingProxyType({}),
) -> str:
    """An assignment in the script's input form, with Kafka's spacing and order.

    log_dirs    by broker and partition; ANY_LOG_DIR for the others
    """
    partitions = [
        {
            "topic": partition.topic,
            "partition": partition.partition,
            "replicas": list(replicas[partition]),
            "log_dirs": [log_dirs.get((broker, partition), ANY_LOG_DIR) for broker in replicas[partition]],
        }
        for partition in sorted(replicas)
    ]
    return _json({"version": VERSION, "partitions": partitions})


def _document(text: str, complaint: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadPlan(complaint) from None


def _ensure_version(plan: Mapping[str, object]) -> None:
    version = _as_integer(plan.get("version", VERSION))
    if version != VERSION:
        raise BadPlan(f"Not supported version field value {version}")


def _partition(entry: Mapping[str, object]) -> TopicPartition:
    return TopicPartition(_string(entry, "topic"), _integer(entry, "partition"))


def _field(entry: Mapping[str, object], name: str) -> object:
    if name not in entry:
        raise BadPlan(f"No such field exists: `{name}`")
    return entry[name]


def _string(entry: Mapping[str, object], name: str) -> str:
    return _as_string(_field(entry, name))


def _integer(entry: Mapping[str, object], name: str) -> int:
    return _as_integer(_field(entry, name))


def _each_integer(entry: Mapping[str, object], name: str) -> list[BrokerId]:
    return [BrokerId(_as_integer(value)) for value in _list(_field(entry, name))]


def _as_string(value: object) -> str:
    if not isinstance(value, str):
        raise BadPlan(f"Expected `String` value, received {_json(value)}")
    return value


def _as_integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 31) <= value < 1 << 31:
        raise BadPlan(f"Expected `Integer` value, received {_json(value)}")
    return value


def _as_long(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise BadPlan(f"Expected `Long` value, received {_json(value)}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise BadPlan(f"Expected JSON array, received {_json(value)}")
    return value


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BadPlan(f"Expected JSON object, received {_json(value)}")
    return value


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _objects(value: object) -> list[dict[str, object]]:
    return [_object(entry) for entry in _list(value)]


def _repeated(values: Iterable[T]) -> list[T]:
    return [value for value, count in Counter(values).items() if count > 1]
