"""A follower's or an observer's side of the protocol with the leader. Pure: packets in, effects out.

    DISCOVERY          FOLLOWERINFO -> LEADERINFO: accept the epoch, on disk -> ACKEPOCH
    SYNCHRONIZATION    DIFF, TRUNC or SNAP, then what is missing, up to NEWLEADER; once all of it is durable: enter the
                       epoch, on disk -> ACK
    ACKNOWLEDGED       UPTODATE -> serve clients
    BROADCAST          PROPOSAL: log, flush -> ACK; COMMIT: apply

Transactions are logged in the order of arrival. None is applied or acknowledged before it is durable, whatever the
leader sends, and the epoch is entered only after the history that it begins with is durable. So a server that crashes
still has everything that it promised. (ZooKeeper 3.8 applies first: ZOOKEEPER-4541, 4646, 4712.)

Effects must be carried out in their order, each before the next.
Source: org.apache.zookeeper.server.quorum.{Learner, Follower, Observer}.
"""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from pykafka_cli.zookeeper.ensemble.packets import (
    PROTOCOL,
    LearnerInfo,
    PacketType,
    QuorumPacket,
    SessionValidity,
    decode_validity,
    encode_integer,
    epoch_of,
    first_zxid,
    split_activation,
)
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import encode

_ALREADY_ACCEPTED = -1


class LearnerPhase(Enum):
    DISCOVERY = auto()
    SYNCHRONIZATION = auto()
    ACKNOWLEDGED = auto()
    BROADCAST = auto()


class Send(NamedTuple):
    """Send to the leader."""

    packet: QuorumPacket


class AcceptEpoch(NamedTuple):
    """Store the epoch as accepted, durably."""

    epoch: int


class EnterEpoch(NamedTuple):
    """Store the epoch as the current one, durably."""

    epoch: int


class Truncate(NamedTuple):
    """Drop all logged transactions after `zxid`, durably, and rebuild the tree."""

    zxid: int


class ReceiveTree(NamedTuple):
    """Replace the tree by the one that follows in the stream, durably."""

    zxid: int


class Append(NamedTuple):
    """Log a transaction; report when it is durable by `flushed`."""

    zxid: int
    entry: bytes


class Apply(NamedTuple):
    """Apply a transaction, which is durable and committed."""

    zxid: int
    entry: bytes


class Serve(NamedTuple):
    """Accept clients."""

    epoch: int


class AnswerPing(NamedTuple):
    """Send the ping back with the sessions that clients have touched."""

    zxid: int


class Synced(NamedTuple):
    """The oldest `sync` is complete: everything committed before it has been applied."""


class Revalidated(NamedTuple):
    """The leader's response about a session that moves here."""

    validity: SessionValidity


class Activate(NamedTuple):
    """The configuration in the transaction that was applied last is in force; `leader` should lead."""

    zxid: int
    leader: int


class Leave(NamedTuple):
    """Stop following this leader."""

    reason: str


LearnerEffect = (
    Send
    | AcceptEpoch
    | EnterEpoch
    | Truncate
    | ReceiveTree
    | Append
    | Apply
    | Serve
    | AnswerPing
    | Synced
    | Revalidated
    | Activate
    | Leave
)


class _Logged(NamedTuple):
    zxid: int
    entry: bytes


class LearnerState:
    """One connection to a leader; effects collect in `effects`, which the caller empties."""

    def __init__(
        self,
        server_id: int,
        *,
        is_observer: bool,
        accepted_epoch: int,
        current_epoch: int,
        last_logged: int,
        configuration_version: int = 0,
    ) -> None:
        """last_logged    the zxid of the last transaction in the log; all of them are durable and applied"""
        self.phase = LearnerPhase.DISCOVERY
        self.effects: list[LearnerEffect] = []
        self.is_observer = is_observer
        self.epoch = 0
        """The leader's."""
        self.configuration = b""
        """The ensemble's configuration as the leader sent it, as text."""
        self._accepted_epoch = accepted_epoch
        self._current_epoch = current_epoch
        self._appended = self._flushed = self._committed = last_logged
        # Invariant: flushed <= appended; what is applied is committed and flushed; _waiting has the rest.
        self._waiting: deque[_Logged] = deque()
        self._unacknowledged: deque[int] = deque()
        self._syncs: deque[int] = deque()  # the last commit before each pending one
        self._activations: dict[int, int] = {}
        self._new_leader: int | None = None
        self._is_synchronizing = False
        info = LearnerInfo(server_id, PROTOCOL, configuration_version)
        kind = PacketType.OBSERVER_INFO if is_observer else PacketType.FOLLOWER_INFO
        self._send(kind, first_zxid(accepted_epoch), encode(info))

    def received(self, packet: QuorumPacket) -> None:
        """Process a packet of the leader."""
        step = _STEPS[self.phase].get(packet.type)
        is_early = self.phase is LearnerPhase.SYNCHRONIZATION and not self._is_synchronizing
        if step is None or (is_early and packet.type in _TRANSACTIONS):
            self._leave(f"{packet.type.name} was not expected in {self.phase.name}")
            return
        try:
            step(self, packet)
        except MarshallingError as error:
            self._leave(f"{packet.type.name} cannot be read: {error}")

    def flushed(self, zxid: int) -> None:
        """The log is durable up to `zxid`."""
        self._flushed = max(self._flushed, zxid)
        self._acknowledge_epoch()
        self._acknowledge()
        self._apply()

    def truncated(self, zxid: int) -> None:
        """Truncate has been carried out; `zxid` is the last one in the log."""
        self._appended = self._flushed = self._committed = zxid

    def tree_received(self, zxid: int) -> None:
        """ReceiveTree has been carried out."""
        self._appended = self._flushed = self._committed = zxid

    # Discovery.

    def _leader_info(self, packet: QuorumPacket) -> None:
        self.epoch = epoch_of(packet.zxid)
        if self.epoch < self._accepted_epoch:
            self._leave(f"the leader's epoch is {self.epoch}, but epoch {self._accepted_epoch} was accepted")
            return
        if self.epoch > self._accepted_epoch:
            self._accepted_epoch = self.epoch
            self.effects.append(AcceptEpoch(self.epoch))
            current = self._current_epoch
        else:
            current = _ALREADY_ACCEPTED
        self.phase = LearnerPhase.SYNCHRONIZATION
        self._send(PacketType.ACK_EPOCH, self._appended, encode_integer(current))

    # Synchronization.

    def _diff(self, _packet: QuorumPacket) -> None:
        self._begin_synchronization()

    def _trunc(self, packet: QuorumPacket) -> None:
        if not 0 <= packet.zxid <= self._appended:
            self._leave(f"TRUNC 0x{packet.zxid:x} was not expected: the last transaction here is 0x{self._appended:x}")
        elif self._begin_synchronization():
            self.effects.append(Truncate(packet.zxid))

    def _snap(self, packet: QuorumPacket) -> None:
        if self._begin_synchronization():
            self.effects.append(ReceiveTree(packet.zxid))

    def _begin_synchronization(self) -> bool:
        if self._is_synchronizing:
            self._leave("the leader began to synchronize twice")
            return False
        self._is_synchronizing = True
        return True

    def _new_leader_packet(self, packet: QuorumPacket) -> None:
        if not self._is_synchronizing or epoch_of(packet.zxid) != self.epoch:
            self._leave(f"NEWLEADER 0x{packet.zxid:x} was not expected in epoch {self.epoch}")
            return
        self._new_leader = packet.zxid
        self.configuration = packet.data or b""
        self._acknowledge_epoch()

    def _acknowledge_epoch(self) -> None:
        """Enter the epoch once its history is durable."""
        if self._new_leader is None or self._flushed < self._appended:
            return
        zxid, self._new_leader = self._new_leader, None
        self.effects.append(EnterEpoch(self.epoch))
        self.phase = LearnerPhase.ACKNOWLEDGED
        self._send(PacketType.ACK, zxid)
        self._acknowledge()

    def _up_to_date(self, _packet: QuorumPacket) -> None:
        self.phase = LearnerPhase.BROADCAST
        self._send(PacketType.ACK, first_zxid(self.epoch))
        self.effects.append(Serve(self.epoch))

    # Broadcast.

    def _proposal(self, packet: QuorumPacket) -> None:
        if self._append(packet.zxid, packet.data) and not self.is_observer:
            self._unacknowledged.append(packet.zxid)

    def _append(self, zxid: int, entry: bytes | None) -> bool:
        """Log a transaction unless a tree that was received contains it already."""
        if zxid <= self._appended:
            return False
        if entry is None:
            raise MarshallingError("it has no transaction")
        if epoch_of(zxid) == epoch_of(self._appended) and zxid != self._appended + 1:
            self._leave(f"the leader sent transaction 0x{zxid:x} after 0x{self._appended:x}")
            return False
        self._appended = zxid
        self._waiting.append(_Logged(zxid, entry))
        self.effects.append(Append(zxid, entry))
        return True

    def _commit(self, packet: QuorumPacket) -> None:
        self._commit_up_to(packet.zxid)

    def _inform(self, packet: QuorumPacket) -> None:
        self._append(packet.zxid, packet.data)
        self._commit_up_to(packet.zxid)

    def _commit_and_activate(self, packet: QuorumPacket) -> None:
        leader, _ = split_activation(packet.data or b"")
        self._activations[packet.zxid] = leader
        self._commit_up_to(packet.zxid)

    def _inform_and_activate(self, packet: QuorumPacket) -> None:
        leader, entry = split_activation(packet.data or b"")
        self._activations[packet.zxid] = leader
        self._append(packet.zxid, entry)
        self._commit_up_to(packet.zxid)

    def _commit_up_to(self, zxid: int) -> None:
        if zxid <= self._committed:
            return
        following = next((each.zxid for each in self._waiting if each.zxid > self._committed), None)
        if zxid != following:
            expected = "nothing is waiting to be committed" if following is None else f"0x{following:x} is the next one"
            self._leave(f"the leader committed transaction 0x{zxid:x}, but {expected}")
            return
        self._committed = zxid
        self._apply()

    def _apply(self) -> None:
        limit = min(self._committed, self._flushed)
        while self._waiting and self._waiting[0].zxid <= limit:
            zxid, entry = self._waiting.popleft()
            self.effects.append(Apply(zxid, entry))
            if (leader := self._activations.pop(zxid, None)) is not None:
                self.effects.append(Activate(zxid, leader))
        first = self._waiting[0].zxid if self._waiting else None
        while self._syncs and (first is None or self._syncs[0] < first):
            self._syncs.popleft()
            self.effects.append(Synced())

    def _acknowledge(self) -> None:
        if self.phase in (LearnerPhase.DISCOVERY, LearnerPhase.SYNCHRONIZATION):
            return
        while self._unacknowledged and self._unacknowledged[0] <= self._flushed:
            self._send(PacketType.ACK, self._unacknowledged.popleft())

    def _ping(self, packet: QuorumPacket) -> None:
        self.effects.append(AnswerPing(packet.zxid))

    def _ping_before(self, _packet: QuorumPacket) -> None:
        """The leader expects nothing but the ACK of its epoch."""

    def _sync(self, _packet: QuorumPacket) -> None:
        self._syncs.append(self._committed)
        self._apply()

    def _revalidate(self, packet: QuorumPacket) -> None:
        self.effects.append(Revalidated(decode_validity(packet.data or b"")))

    def _send(self, kind: PacketType, zxid: int, data: bytes | None = None) -> None:
        self.effects.append(Send(QuorumPacket(kind, zxid, data)))

    def _leave(self, reason: str) -> None:
        self.effects.append(Leave(reason))


_Step = Callable[[LearnerState, QuorumPacket], None]
_TRANSACTIONS: Mapping[PacketType, _Step] = {
    PacketType.PROPOSAL: LearnerState._proposal,
    PacketType.COMMIT: LearnerState._commit,
    PacketType.INFORM: LearnerState._inform,
    PacketType.COMMIT_AND_ACTIVATE: LearnerState._commit_and_activate,
    PacketType.INFORM_AND_ACTIVATE: LearnerState._inform_and_activate,
}
_STEPS: Mapping[LearnerPhase, Mapping[PacketType, _Step]] = {
    LearnerPhase.DISCOVERY: {PacketType.LEADER_INFO: LearnerState._leader_info},
    LearnerPhase.SYNCHRONIZATION: {
        **_TRANSACTIONS,
        PacketType.DIFF: LearnerState._diff,
        PacketType.TRUNC: LearnerState._trunc,
        PacketType.SNAP: LearnerState._snap,
        PacketType.NEW_LEADER: LearnerState._new_leader_packet,
        PacketType.PING: LearnerState._ping_before,
    },
    LearnerPhase.ACKNOWLEDGED: {
        **_TRANSACTIONS,
        PacketType.UP_TO_DATE: LearnerState._up_to_date,
        PacketType.PING: LearnerState._ping,
    },
    LearnerPhase.BROADCAST: {
        **_TRANSACTIONS,
        PacketType.PING: LearnerState._ping,
        PacketType.SYNC: LearnerState._sync,
        PacketType.REVALIDATE: LearnerState._revalidate,
    },
}
"""What a leader may send in each phase."""
