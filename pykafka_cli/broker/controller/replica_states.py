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
    """Its broker was sent a request to follow; it cannot lead yet."""
    ONLINE = "online"
    OFFLINE = "offline"
    """Its broker is not alive, or was sent a request to stop it."""
    DELETION_STARTED = "deletion started"
    """Its broker was sent a request to delete its files."""
    DELETION_SUCCESSFUL = "deletion successful"
    """Its files are deleted."""
    DELETION_INELIGIBLE = "deletion ineligible"
    """Its broker is not alive, or could not delete its files."""


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
