"""The leader's side of the protocol with all learners. Pure: packets and times in, effects out.

    discovery          FOLLOWERINFO of a quorum: accept an epoch above all of theirs, on disk -> LEADERINFO
                       ACKEPOCH of a quorum, none of them ahead: enter the epoch, on disk
    synchronization    each learner gets what it lacks (synchronization.py), and NEWLEADER
                       ACK of a quorum: serve clients -> UPTODATE
    broadcast          propose -> PROPOSAL; ACK of a quorum, in which the leader is: commit -> COMMIT, INFORM

The leader is a member of its own quorum: its log counts once it is durable, and nothing is committed before that. Its
epoch commits everything that it logged earlier. If a configuration is among that, the epoch needs a quorum of it as
well, and begins with it: it may have been committed before, and be in force elsewhere.

The connection of a learner that sends a packet out of turn, is silent, or acknowledges nothing for too long is closed;
a leader without a quorum for a tick gives up. Moments are monotonic, in ms.

leader_effects.py has the effects. Source: org.apache.zookeeper.server.quorum.{Leader, LearnerHandler}.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from pykafka_cli.zookeeper.ensemble.leader_effects import (
    AcceptEpoch,
    Append,
    Close,
    Commit,
    EnterEpoch,
    GiveUp,
    LeaderEffect,
    Quorum,
    Received,
    Reconfigured,
    Send,
    Serve,
    Synced,
    Synchronize,
)
from pykafka_cli.zookeeper.ensemble.learner import Learner, LearnerStage
from pykafka_cli.zookeeper.ensemble.packets import (
    PROTOCOL,
    LearnerInfo,
    PacketType,
    QuorumPacket,
    decode_integer,
    encode_integer,
    encode_leader,
    epoch_of,
    first_zxid,
)
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import decode

_LAST_EPOCH = (1 << 31) - 1
_LAST_COUNTER = 0xFFFFFFFF
_HAS_ACCEPTED_BEFORE = -1  # this epoch, on a connection before


class Limits(NamedTuple):
    """In ms: for a quorum to gather and a learner to catch up; for which a learner may be silent."""

    init_ms: int
    sync_ms: int


class _Proposal(NamedTuple):
    """`quorum` is the configuration that it proposes, if any."""

    zxid: int
    entry: bytes
    quorum: Quorum | None


class LeaderState:
    """One period of leadership, from the election on; effects collect in `effects`, which the caller empties."""

    def __init__(
        self,
        my_id: int,
        quorum: Quorum,
        limits: Limits,
        *,
        accepted_epoch: int,
        current_epoch: int,
        last_logged: int,
        configuration: bytes,
        configuration_version: int = 0,
        next_quorum: Quorum | None = None,
        now: int,
    ) -> None:
        """Begin to lead.

        last_logged      the zxid of the last transaction in the log; all of them are durable and applied
        configuration    what learners get to know, as text, and its version: that of `next_quorum`, if there is one
        next_quorum      a configuration in the log that is later than the one in force
        """
        self.effects: list[LeaderEffect] = []
        self.learners: dict[int, Learner] = {}
        self.epoch: int | None = None
        """The new epoch, once a quorum has sent the epochs that it has accepted."""
        self.is_serving = False
        self.last_proposed = last_logged
        self._my_id = my_id
        self._quorum = quorum
        self._next_quorum = next_quorum
        """The proposed configuration that replaces it; until then, a commit needs a quorum of both."""
        self._limits = limits
        self._highest_accepted = accepted_epoch
        self._mine = (current_epoch, last_logged)
        self._configuration = configuration
        self._configuration_version = configuration_version
        self._began = now
        self._accepting = {my_id}
        """The servers that have accepted the epoch and are not ahead; they follow no leader of an earlier epoch."""
        self._has_epoch_quorum = False
        self._flushed = last_logged
        self._outstanding: deque[_Proposal] = deque()
        self._syncs: deque[tuple[int, int | None, object]] = deque()
        """(last proposal before it, learner or None, token) of each pending sync."""
        self._is_checking = False
        self._has_given_up = False
        self._choose_epoch()

    @property
    def is_reconfiguring(self) -> bool:
        return self._next_quorum is not None

    @property
    def synced(self) -> set[int]:
        """The servers that have everything committed, or soon will: this one and its active followers."""
        active = self._in_stage(LearnerStage.ACTIVE)
        return {self._my_id, *(each.server_id for each in active if not each.is_observer)}

    def configured(self, configuration: bytes, version: int) -> None:
        """From now on, send this configuration, newly numbered or newly in force, to learners that connect."""
        self._configuration = configuration
        self._configuration_version = version

    # Connections.

    def connected(self, number: int, now: int) -> None:
        """A server has connected to the quorum port; `number` stands for the connection."""
        self.learners[number] = Learner(number, now)

    def disconnected(self, number: int) -> None:
        """The connection is closed."""
        self.learners.pop(number, None)

    def received(self, number: int, packet: QuorumPacket, now: int) -> None:
        """Process a packet of a learner."""
        learner = self.learners.get(number)
        if learner is None:
            return
        learner.heard_at = now
        step = _STEPS[learner.stage].get(packet.type)
        if step is None:
            self._close(learner, f"{packet.type.name} was not expected in {learner.stage.name}")
            return
        try:
            step(self, learner, packet, now)
        except MarshallingError as error:
            self._close(learner, f"{packet.type.name} cannot be read: {error}")

    # Discovery.

    def _info(self, learner: Learner, packet: QuorumPacket, now: int) -> None:
        info = decode(LearnerInfo, packet.data or b"")
        if info.protocol < PROTOCOL:
            self._close(learner, f"its protocol 0x{info.protocol:x} is that of a ZooKeeper before 3.4")
            return
        if info.configuration_version > self._configuration_version:
            self._close(
                learner,
                f"its configuration has version 0x{info.configuration_version:x}, this one "
                f"0x{self._configuration_version:x}",
            )
            return
        if epoch_of(packet.zxid) >= _LAST_EPOCH:
            self._close(learner, f"it has accepted epoch {epoch_of(packet.zxid)}, after which there is none")
            return
        if info.server_id == self._my_id:
            self._close(learner, f"it has this server's own id, {info.server_id}")
            return
        if self.epoch is not None and epoch_of(packet.zxid) > self.epoch and self._is_member(info.server_id):
            # It has promised to follow no leader of this epoch. ZooKeeper's leaders let it try in vain for as long as
            # they lead; in the next election its promise counts.
            self._give_up(f"server {info.server_id} has accepted epoch {epoch_of(packet.zxid)}, after {self.epoch}")
            return
        for other in list(self.learners.values()):
            if other is not learner and other.server_id == info.server_id and other.stage is not LearnerStage.INFO:
                self._close(other, f"server {info.server_id} has connected again")
        learner.server_id = info.server_id
        learner.is_observer = packet.type is PacketType.OBSERVER_INFO
        self._enter(learner, LearnerStage.EPOCH, now)
        if self.epoch is None:
            self._highest_accepted = max(self._highest_accepted, epoch_of(packet.zxid))
            self._choose_epoch()
        self._offer_epoch(now)

    def _choose_epoch(self) -> None:
        if self.epoch is None and self._have(LearnerStage.EPOCH):
            if self._highest_accepted >= _LAST_EPOCH:
                self._give_up(f"epoch {self._highest_accepted} was accepted, after which there is none")
                return
            self.epoch = self._highest_accepted + 1
            self.effects.append(AcceptEpoch(self.epoch))
            if self._are_quorum({self._my_id}):
                self._enter_epoch(self._began)

    def _offer_epoch(self, now: int) -> None:
        if self.epoch is None:
            return
        for learner in self._in_stage(LearnerStage.EPOCH):
            self._enter(learner, LearnerStage.ACK_EPOCH, now)
            self._send(learner, PacketType.LEADER_INFO, first_zxid(self.epoch), encode_integer(PROTOCOL))

    def _ack_epoch(self, learner: Learner, packet: QuorumPacket, now: int) -> None:
        current_epoch = decode_integer(packet.data)
        learner.last_zxid = packet.zxid
        self._enter(learner, LearnerStage.QUORUM, now)
        if not self._has_epoch_quorum:
            if current_epoch != _HAS_ACCEPTED_BEFORE:
                if (current_epoch, packet.zxid) > self._mine:
                    self._close(
                        learner,
                        f"it is ahead: epoch {current_epoch} and transaction 0x{packet.zxid:x}, here epoch "
                        f"{self._mine[0]} and 0x{self._mine[1]:x}",
                    )
                    return
                if not learner.is_observer:
                    self._accepting.add(learner.server_id)
            if self._are_quorum(self._accepting):
                self._enter_epoch(now)
        self._synchronize(now)

    def _enter_epoch(self, now: int) -> None:
        assert self.epoch is not None
        self._has_epoch_quorum = True
        self.effects.append(EnterEpoch(self.epoch))
        self._serve_if_synchronized(now)

    # Synchronization.

    def _synchronize(self, now: int) -> None:
        if not self._has_epoch_quorum:
            return
        assert self.epoch is not None
        for learner in self._in_stage(LearnerStage.QUORUM):
            self._enter(learner, LearnerStage.ACK_NEW_LEADER, now)
            self.effects.append(Synchronize(learner.number, learner.last_zxid))
            if not learner.is_observer:
                for zxid, entry, _ in self._outstanding:
                    self._send(learner, PacketType.PROPOSAL, zxid, entry)
            self._send(learner, PacketType.NEW_LEADER, first_zxid(self.epoch), self._configuration)

    def _ack_new_leader(self, learner: Learner, packet: QuorumPacket, now: int) -> None:
        assert self.epoch is not None
        if packet.zxid != first_zxid(self.epoch):
            self._close(learner, f"it acknowledged 0x{packet.zxid:x} instead of epoch {self.epoch}")
            return
        # It has logged everything up to its synchronization; it acknowledges later proposals one by one.
        learner.acknowledged = packet.zxid
        self._enter(learner, LearnerStage.UP_TO_DATE, now)
        if self._outstanding:
            learner.unacknowledged_since = now
        self._serve_if_synchronized(now)

    def _serve_if_synchronized(self, now: int) -> None:
        assert self.epoch is not None
        is_first = not self.is_serving
        if is_first:
            if not (self._has_epoch_quorum and self._have(LearnerStage.UP_TO_DATE)):
                return
            self.is_serving = True
            self.last_proposed = self._flushed = first_zxid(self.epoch)
            self.effects.append(Serve(self.epoch))
        for learner in self._in_stage(LearnerStage.UP_TO_DATE):
            self._enter(learner, LearnerStage.ACTIVE, now)
            self._send(learner, PacketType.UP_TO_DATE, -1)
        if is_first and self._next_quorum is not None:
            self._leave_to(self._activate(self._next_quorum))

    # Broadcast.

    def propose(self, entry_of: Callable[[int], bytes], now: int, quorum: Quorum | None = None) -> int | None:
        """Propose a transaction, and return its zxid; None if the epoch has no zxids left.

        entry_of    returns the entry of the log for a zxid
        quorum      the configuration that the transaction proposes, if any; only one can be proposed at a time
        """
        zxid = self.last_proposed + 1
        if zxid & _LAST_COUNTER == _LAST_COUNTER:
            self._give_up(f"epoch {self.epoch} has no zxids left; another epoch must begin")
            return None
        entry = entry_of(zxid)
        self.last_proposed = zxid
        self._outstanding.append(_Proposal(zxid, entry, quorum))
        self._next_quorum = quorum or self._next_quorum
        learners = [each for each in self.learners.values() if each.gets_proposals and not each.is_observer]
        for learner in learners:
            if learner.unacknowledged_since is None and learner.stage is LearnerStage.ACTIVE:
                learner.unacknowledged_since = now
        self._send_all(learners, QuorumPacket(PacketType.PROPOSAL, zxid, entry))
        self.effects.append(Append(zxid, entry))  # last, so that all servers write at the same time
        return zxid

    def sync(self, token: object, learner: int | None = None) -> None:
        """Complete a client's `sync` once everything proposed before it is committed; `learner` is its server."""
        if self._outstanding:
            self._syncs.append((self.last_proposed, learner, token))
        else:
            self._synced(learner, token)

    def flushed(self, zxid: int) -> None:
        """This server's log is durable up to `zxid`."""
        self._flushed = max(self._flushed, zxid)
        self._commit()

    def _ack(self, learner: Learner, packet: QuorumPacket, now: int) -> None:
        if packet.zxid > self.last_proposed:
            self._close(learner, f"it acknowledged 0x{packet.zxid:x}, which was not proposed")
            return
        if learner.is_observer or packet.zxid <= learner.acknowledged:
            return
        learner.acknowledged = packet.zxid
        learner.unacknowledged_since = None if packet.zxid == self.last_proposed else now
        self._commit()

    def _commit(self) -> None:
        if not self._outstanding or self._flushed < self._outstanding[0].zxid:
            return
        limit = self._logged_by_quorum()
        while self._outstanding and self._outstanding[0].zxid <= limit and not self._has_given_up:
            zxid, entry, quorum = self._outstanding.popleft()
            self.effects.append(Commit(zxid, entry))
            if quorum is None:
                self._send_commit(PacketType.COMMIT, PacketType.INFORM, zxid, entry)
            else:
                self._reconfigure(zxid, entry, quorum)
                limit = self._logged_by_quorum()
            while self._syncs and self._syncs[0][0] <= zxid:
                _, learner, token = self._syncs.popleft()
                self._synced(learner, token)

    def _send_commit(
        self, to_followers: PacketType, to_observers: PacketType, zxid: int, entry: bytes, suggested: bytes = b""
    ) -> None:
        followers, observers = list[Learner](), list[Learner]()
        for learner in self.learners.values():
            if learner.gets_proposals:
                (observers if learner.is_observer else followers).append(learner)
        self._send_all(followers, QuorumPacket(to_followers, zxid, suggested or None))
        if observers:
            self._send_all(observers, QuorumPacket(to_observers, zxid, suggested + entry))

    def _reconfigure(self, zxid: int, entry: bytes, quorum: Quorum) -> None:
        leader = self._activate(quorum)
        self._send_commit(
            PacketType.COMMIT_AND_ACTIVATE, PacketType.INFORM_AND_ACTIVATE, zxid, entry, encode_leader(leader)
        )
        self._leave_to(leader)

    def _activate(self, quorum: Quorum) -> int:
        """Continue in a configuration that is committed; return who should lead in it."""
        leader = self._my_id
        if leader not in quorum.voters:
            # The voter with the longest log loses the fewest outstanding proposals.
            voters = [each for each in self.learners.values() if each.server_id in quorum.voters]
            leader = max(voters, key=lambda each: each.acknowledged).server_id
        self._quorum, self._next_quorum = quorum, None
        self.effects.append(Reconfigured(quorum, leader))
        return leader

    def _leave_to(self, leader: int) -> None:
        if leader != self._my_id:
            self._give_up(f"it is no longer a participant; server {leader} should lead")

    def _logged_by_quorum(self) -> int:
        """The last transaction that a quorum has logged, in which this server is; -1 if there is none."""
        logged = {each.server_id: each.acknowledged for each in self.learners.values() if not each.is_observer}
        logged[self._my_id] = self._flushed
        candidates = {min(last, self._flushed) for last in logged.values()}
        for zxid in sorted(candidates, reverse=True):
            if self._are_quorum({server_id for server_id, last in logged.items() if last >= zxid}):
                return zxid
        return -1

    def _are_quorum(self, server_ids: Collection[int]) -> bool:
        """Whether they are a quorum of the configuration in force and of the proposed one, if any."""
        is_next = self._next_quorum is None or self._next_quorum.is_quorum(server_ids)
        return is_next and self._quorum.is_quorum(server_ids)

    def _synced(self, number: int | None, token: object) -> None:
        if number is None:
            self.effects.append(Synced(token))
        elif (learner := self.learners.get(number)) is not None:
            self._send(learner, PacketType.SYNC, 0)

    def _pass_on(self, learner: Learner, packet: QuorumPacket, _now: int) -> None:
        self.effects.append(Received(learner.number, packet))

    # Time.

    def tick(self, now: int) -> None:
        """Send pings, close silent learners, and give up without a quorum; call it twice a tick."""
        for learner in list(self.learners.values()):
            self._check_silence(learner, now)
        if not self.is_serving:
            if now - self._began > self._limits.init_ms:
                self._give_up(f"no quorum has followed within {self._limits.init_ms} ms")
            return
        self._is_checking = not self._is_checking
        active = self._in_stage(LearnerStage.ACTIVE)
        if self._is_checking and not self._is_followed(active):
            following = ", ".join(str(each.server_id) for each in active) or "none"
            self._give_up(f"the quorum is lost; the servers that still follow: {following}")
            return
        self._send_all(active, QuorumPacket(PacketType.PING, self.last_proposed))

    def _check_silence(self, learner: Learner, now: int) -> None:
        init_ms, sync_ms = self._limits
        if learner.stage is not LearnerStage.ACTIVE:
            if now - learner.since > init_ms and learner.stage is not LearnerStage.UP_TO_DATE:
                self._close(learner, f"it has not caught up within {init_ms} ms")
        elif now - learner.heard_at > sync_ms:
            self._close(learner, f"it has sent nothing for {sync_ms} ms")
        elif learner.unacknowledged_since is not None and now - learner.unacknowledged_since > sync_ms:
            self._close(learner, f"it has acknowledged nothing for {sync_ms} ms")

    # Parts.

    def _have(self, stage: LearnerStage) -> bool:
        """Whether learners in `stage` and this server are a quorum."""
        there = [each for each in self._in_stage(stage) if not each.is_observer]
        return self._are_quorum({self._my_id, *(each.server_id for each in there)})

    def _is_followed(self, active: Collection[Learner]) -> bool:
        """Whether a quorum follows, and one of the proposed configuration can acknowledge it."""
        # An observer that has just become a participant connects again.
        is_held = self._quorum.is_quorum({self._my_id, *(each.server_id for each in active)})
        return is_held and (self._next_quorum is None or self._next_quorum.is_quorum(self.synced))

    def _is_member(self, server_id: int) -> bool:
        quorums = (self._quorum,) if self._next_quorum is None else (self._quorum, self._next_quorum)
        return any(server_id in each.servers for each in quorums)

    def _in_stage(self, stage: LearnerStage) -> list[Learner]:
        return [each for each in self.learners.values() if each.stage is stage]

    def _enter(self, learner: Learner, stage: LearnerStage, now: int) -> None:
        learner.stage = stage
        learner.since = learner.heard_at = now

    def _send(self, learner: Learner, kind: PacketType, zxid: int, data: bytes | None = None) -> None:
        self.effects.append(Send((learner.number,), QuorumPacket(kind, zxid, data)))

    def _send_all(self, learners: Collection[Learner], packet: QuorumPacket) -> None:
        if learners:
            self.effects.append(Send(tuple(each.number for each in learners), packet))

    def _close(self, learner: Learner, reason: str) -> None:
        self.learners.pop(learner.number, None)
        self.effects.append(Close(learner.number, reason))

    def _give_up(self, reason: str) -> None:
        if not self._has_given_up:
            self._has_given_up = True
            self.effects.append(GiveUp(reason))


_Step = Callable[[LeaderState, Learner, QuorumPacket, int], None]
_STEPS: Mapping[LearnerStage, Mapping[PacketType, _Step]] = {
    LearnerStage.INFO: {
        PacketType.FOLLOWER_INFO: LeaderState._info,
        PacketType.OBSERVER_INFO: LeaderState._info,
    },
    LearnerStage.EPOCH: {},
    LearnerStage.ACK_EPOCH: {PacketType.ACK_EPOCH: LeaderState._ack_epoch},
    LearnerStage.QUORUM: {},
    LearnerStage.ACK_NEW_LEADER: {PacketType.ACK: LeaderState._ack_new_leader},
    LearnerStage.UP_TO_DATE: {PacketType.ACK: LeaderState._ack},
    LearnerStage.ACTIVE: {
        PacketType.ACK: LeaderState._ack,
        PacketType.PING: LeaderState._pass_on,
        PacketType.REVALIDATE: LeaderState._pass_on,
        PacketType.REQUEST: LeaderState._pass_on,
    },
}
"""What a learner may send in each stage."""
