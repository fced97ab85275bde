"""Names of the folders in a log directory, and their meaning.

    orders-0/                           one partition
    orders-0.<32 hex digits>-delete/    deleted, to be removed
    orders-0.<32 hex digits>-future/    on its way here from another directory
    __cluster_metadata-0/               a KRaft node's metadata, no partition of a client

Source: LocalLog.
"""

import re
import uuid

from pykafka_cli.model import TopicPartition
from pykafka_cli.topic_names import CLUSTER_METADATA

DELETE_SUFFIX = "-delete"
FUTURE_SUFFIX = "-future"

_PARTITION_FOLDER = re.compile(r"(\S+)-(\d+)")
MOVED_FOLDER = re.compile(r"(\S+)-(\d+)\.([0-9a-f]{32})(-delete|-future|-stray)")
_LONGEST_NAME = 255


def parse_folder(name: str) -> TopicPartition | None:
    """The partition of a folder name such as `orders-0`; None for any other name and for __cluster_metadata.

    source    LogManager.loadLogs
    """
    match = _PARTITION_FOLDER.fullmatch(name)
    return TopicPartition(match[1], int(match[2])) if match and match[1] != CLUSTER_METADATA else None


def moved_name(topic_partition: TopicPartition, suffix: str, unique: uuid.UUID) -> str:
    """`orders-0.<unique>-delete` and the like; a topic's name is cut where the whole would be too long for a file."""
    tail = f"-{topic_partition.partition}.{unique.hex}{suffix}"
    return topic_partition.topic[: _LONGEST_NAME - len(tail)] + tail
