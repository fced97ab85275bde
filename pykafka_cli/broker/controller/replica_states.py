"""States of one replica of a partition as the controller sees it, and the moves between them.

    NON_EXISTENT --> NEW --> ONLINE <--> OFFLINE --> DELETION_STARTED --> DELETION_SUCCESSFUL --> NON_EXISTENT
                      `---------------------^ |               |
                                              v               v
                                            DELETION_INELIGIBLE --> ONLINE or OFFLINE

A replica may not be deleted while its broker is down or has failed to delete it.
source  kafka.controller.ReplicaState
"""

from collections.abc import Mapping
from enum import Enum


class ReplicaStatus(Enum):
    NON_EXISTENT = "non-existent"
    NEW = "new"
    """It was told to follow, and cannot lead yet."""
    ONLINE = "online"
    OFFLINE = "offline"
    """Its broker is gone, or it was told to stop."""
    DELETION_STARTED = "deletion started"
    """It was told to delete its files."""
    DELETION_SUCCESSFUL = "deletion successful"
    """It has deleted them."""
    DELETION_INELIGIBLE = "deletion ineligible"
    """It cannot be asked to, or could not."""


REACHED_FROM: Mapping[ReplicaStatus, frozenset[ReplicaStatus]] = {
    ReplicaStatus.NEW: frozenset({ReplicaStatus.NON_EXISTENT}),
    ReplicaStatus.ONLINE: frozenset(
        {ReplicaStatus.NEW, ReplicaStatus.ONLINE, ReplicaStatus.OFFLINE, ReplicaStatus.DELETION_INELIGIBLE}
    ),
    ReplicaStatus.OFFLINE: frozenset(
        {ReplicaStatus.NEW, ReplicaStatus.ONLINE, ReplicaStatus.OFFLINE, ReplicaStatus.DELETION_INELIGIBLE}
    ),
    ReplicaStatus.DELETION_STARTED: frozenset({ReplicaStatus.OFFLINE}),
    ReplicaStatus.DELETION_SUCCESSFUL: frozenset({ReplicaStatus.DELETION_STARTED}),
    ReplicaStatus.DELETION_INELIGIBLE: frozenset({ReplicaStatus.OFFLINE, ReplicaStatus.DELETION_STARTED}),
    ReplicaStatus.NON_EXISTENT: frozenset({ReplicaStatus.DELETION_SUCCESSFUL}),
}
