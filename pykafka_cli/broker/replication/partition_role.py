"""The roles of this broker for a partition, each with what belongs to it: absent, follower, leader."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from pykafka_cli.broker.replication.isr import FollowerProgress, Isr
from pykafka_cli.model import FIRST_OFFSET, BrokerId, Offset

if TYPE_CHECKING:
    from pykafka_cli.broker.log.partition_log import PartitionLog


@dataclass(slots=True)
class Absent:
    """Serves nothing: the controller has not said yet what to be, or has said to stop."""

    log: ClassVar[None] = None
    leader: ClassVar[None] = None


@dataclass(slots=True)
class Follower:
    """Has a copy of the leader's log. leader: None while there is none, or none that is known here."""

    log: "PartitionLog"
    leader: BrokerId | None


@dataclass(slots=True)
class Leader:
    """Takes what producers write.

    leader        this broker
    epoch_start   the log end when it began to lead; followers that have not got that far may not join the ISR
    log_start_announced    the log start of which all followers have been or are being told
    """

    log: "PartitionLog"
    leader: BrokerId
    epoch_start: Offset = FIRST_OFFSET
    isr: Isr = field(default_factory=Isr)
    followers: dict[BrokerId, FollowerProgress] = field(default_factory=dict)
    log_start_announced: Offset = FIRST_OFFSET


Role: TypeAlias = Absent | Follower | Leader
