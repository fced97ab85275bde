"""What a leader knows of a follower or an observer that is connected to it."""

from enum import Enum, auto


class LearnerStage(Enum):
    """Which packet a learner must send next; in ACTIVE, any."""

    INFO = auto()
    EPOCH = auto()
    """It has identified itself; the epoch is not known yet."""
    ACK_EPOCH = auto()
    QUORUM = auto()
    """It has accepted the epoch; the quorum has not yet."""
    ACK_NEW_LEADER = auto()
    UP_TO_DATE = auto()
    """It has everything that it lacked; the quorum does not yet."""
    ACTIVE = auto()


FORWARDED = frozenset((LearnerStage.ACK_NEW_LEADER, LearnerStage.UP_TO_DATE, LearnerStage.ACTIVE))
"""The stages in which a learner gets what is proposed."""


class Learner:
    """A connection of a follower or an observer."""

    def __init__(self, number: int, now: int) -> None:
        self.number = number
        self.connected_at = now
        self.server_id = 0
        self.is_observer = False
        self.stage = LearnerStage.INFO
        self.since = now
        """When the stage began."""
        self.heard_at = now
        self.acknowledged = -1
        """The last transaction that it has acknowledged; -1 before the first one."""
        self.last_zxid = 0
        """The last transaction in its log when it connected."""
        self.unacknowledged_since: int | None = None

    @property
    def gets_proposals(self) -> bool:
        return self.stage in FORWARDED
