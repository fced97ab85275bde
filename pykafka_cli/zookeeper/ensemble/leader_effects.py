"""What the leader's state has its caller do: effects, to be carried out in their order, each before the next."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from pykafka_cli.zookeeper.ensemble.packets import QuorumPacket


class Quorum(Protocol):
    """The servers whose votes decide, and all members of the ensemble."""

    @property
    def servers(self) -> Mapping[int, object]: ...
    @property
    def voters(self) -> Collection[int]: ...
    def is_quorum(self, server_ids: Collection[int]) -> bool: ...


class Send(NamedTuple):
    """Send to these learners, by the numbers of their connections."""

    learners: tuple[int, ...]
    packet: QuorumPacket


class AcceptEpoch(NamedTuple):
    """Store the epoch as accepted, durably."""

    epoch: int


class EnterEpoch(NamedTuple):
    """Store the epoch as the current one, durably."""

    epoch: int


class Synchronize(NamedTuple):
    """Send what a learner lacks after `last_zxid`, up to the last commit; what is sent after that follows it."""

    learner: int
    last_zxid: int


class Append(NamedTuple):
    """Log a transaction; report when it is durable by `flushed`."""

    zxid: int
    entry: bytes


class Commit(NamedTuple):
    """Apply a transaction."""

    zxid: int
    entry: bytes


class Serve(NamedTuple):
    """The epoch has begun: accept clients, and propose."""

    epoch: int


class Received(NamedTuple):
    """A learner's REQUEST, REVALIDATE or PING, for the server behind this state."""

    learner: int
    packet: QuorumPacket


class Reconfigured(NamedTuple):
    """The proposed configuration `quorum` is in force; `leader` is the server that should lead."""

    quorum: Quorum
    leader: int


class Synced(NamedTuple):
    """A `sync` of a client of the leader itself is complete."""

    token: object


class Close(NamedTuple):
    """Close the connection of a learner, which has already been removed from the state."""

    learner: int
    reason: str


class GiveUp(NamedTuple):
    """Stop leading."""

    reason: str


LeaderEffect = (
    Send
    | AcceptEpoch
    | EnterEpoch
    | Synchronize
    | Append
    | Commit
    | Serve
    | Received
    | Reconfigured
    | Synced
    | Close
    | GiveUp
)
