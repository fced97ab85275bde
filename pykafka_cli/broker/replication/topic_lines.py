"""Log lines about many partitions at once, of which a topic may have thousands."""

import logging
from collections.abc import Iterable

from pykafka_cli.model import TopicPartition

PARTITIONS_SHOWN = 10


def log_by_topic(logger: logging.Logger, what: str, of_partitions: Iterable[tuple[TopicPartition, str]]) -> None:
    """Log one line for each topic; one for each partition where the logger is at DEBUG.

    what             about several partitions of a topic
    of_partitions    what there is to say about each
    """
    by_topic: dict[str, list[tuple[TopicPartition, str]]] = {}
    for partition, text in of_partitions:
        by_topic.setdefault(partition.topic, []).append((partition, text))
    for topic, each in by_topic.items():
        if len(each) > 1:
            shown = ", ".join(str(partition.partition) for partition, _ in each[:PARTITIONS_SHOWN])
            more = ", ..." if len(each) > PARTITIONS_SHOWN else ""
            logger.info("%s: %s in %d partitions: %s%s", topic, what, len(each), shown, more)
        for partition, text in each:
            logger.log(logging.INFO if len(each) == 1 else logging.DEBUG, "%s: %s", partition, text)
