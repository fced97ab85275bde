"""States of a partition as the controller sees it, and the moves between them.

    NON_EXISTENT --> NEW --> ONLINE <--> OFFLINE --> NON_EXISTENT
                      `--------------------^

source  kafka.controller.PartitionState
"""

from collections.abc import Mapping
from enum import Enum


class PartitionStatus(Enum):
    NON_EXISTENT = "non-existent"
    """Never created, or deleted."""
    NEW = "new"
    """It has replicas, but no leader yet."""
    ONLINE = "online"
    """It has a leader."""
    OFFLINE = "offline"
    """Its leader is not alive."""


REACHED_FROM: Mapping[PartitionStatus, frozenset[PartitionStatus]] = {
    PartitionStatus.NEW: frozenset({PartitionStatus.NON_EXISTENT}),
    PartitionStatus.ONLINE: frozenset({PartitionStatus.NEW, PartitionStatus.ONLINE, PartitionStatus.OFFLINE}),
    PartitionStatus.OFFLINE: frozenset({PartitionStatus.NEW, PartitionStatus.ONLINE, PartitionStatus.OFFLINE}),
    PartitionStatus.NON_EXISTENT: frozenset({PartitionStatus.OFFLINE}),
}
