"""An ensemble of states without I/O: chance moves messages, flushes disks, crashes servers, and cuts connections.

Every step is drawn from a seed. After each, what ZAB promises is checked: one history, of which each server has applied
a prefix; nothing that was committed is ever missing from a leader that serves; one leader in an epoch; nothing applied
or acknowledged that a crash could take back.
"""

import random
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pykafka_cli.zookeeper.ensemble import leader_effects, learner_state
from pykafka_cli.zookeeper.ensemble.leader_state import LeaderState, Limits
from pykafka_cli.zookeeper.ensemble.learner_state import LearnerState
from pykafka_cli.zookeeper.ensemble.packets import PacketType, QuorumPacket
from pykafka_cli.zookeeper.ensemble.synchronization import LoggedTxn, plan_synchronization

Log = list[LoggedTxn]
Message = QuorumPacket | Log
"""What travels: packets, and after SNAP a whole history."""


class PromiseBroken(AssertionError):
    """The history is not what it must be."""


@dataclass
class Faults:
    """Mistakes that a test plants, to see that they are found."""

    forgets_current_epoch: bool = False
    forgets_accepted_epoch: bool = False
    acknowledges_before_flush: bool = False
    commits_with: int | None = None
    """So many servers are taken for a quorum."""


@dataclass
class Voters:
    voters: frozenset[int]
    commits_with: int | None = None

    @property
    def servers(self) -> Mapping[int, object]:
        return dict.fromkeys(self.voters)

    def is_quorum(self, server_ids: Collection[int]) -> bool:
        needed = self.commits_with or len(self.voters) // 2 + 1
        return len(self.voters & set(server_ids)) >= needed


@dataclass
class Connection:
    number: int
    leader: int
    learner: int
    to_leader: deque[Message] = field(default_factory=deque)
    to_learner: deque[Message] = field(default_factory=deque)


@dataclass
class Server:
    id: int
    accepted: int = 0
    current: int = 0
    log: Log = field(default_factory=list)
    durable: int = 0
    """So many transactions of the log survive a crash."""
    applied: int = 0
    is_up: bool = True
    leading: LeaderState | None = None
    following: LearnerState | None = None
    awaits_tree: int | None = None
    is_serving: bool = False

    @property
    def last(self) -> int:
        return self.log[-1].zxid if self.log else 0

    @property
    def is_looking(self) -> bool:
        return self.is_up and self.leading is None and self.following is None


class World:
    """Servers, their connections, and what has been committed."""

    def __init__(self, seed: int, size: int, faults: Faults | None = None) -> None:
        self.chance = random.Random(seed)
        self.faults = faults or Faults()
        self.servers = {each: Server(each) for each in range(1, size + 1)}
        self.connections: dict[int, Connection] = {}
        self.history: Log = []
        """All that was committed, in order."""
        self.leaders: dict[int, tuple[int, int]] = {}
        """Who led each epoch, and in which of its lives."""
        self.lives = dict.fromkeys(self.servers, 0)
        self.served = 0
        self._voters = Voters(frozenset(self.servers), self.faults.commits_with)
        self._next_connection = 0
        self._next_value = 0
        self._now = 0

    def run(self, steps: int) -> None:
        actions = [
            (30, self._deliver), (8, self._flush), (8, self._propose), (3, self._elect), (3, self._join),
            (2, self._tick), (0.5, self._cut), (0.5, self._crash), (0.2, self._black_out), (2, self._restart),
            (0.2, self._resign),
        ]  # fmt: skip
        weights = [weight for weight, _ in actions]
        for _ in range(steps):
            self._now += 1
            self.chance.choices([action for _, action in actions], weights)[0]()

    def settle(self) -> None:
        """No more faults: all are up, connected and done."""
        for server in self.servers.values():
            if not server.is_up:
                server.is_up = True
        for server in self.servers.values():
            self._leave(server)
        best = max(self.servers.values(), key=lambda each: (each.current, each.last, each.id))
        self._lead(best)
        for server in self.servers.values():
            if server is not best:
                self._connect(server, best)
        while any(each.to_leader or each.to_learner for each in self.connections.values()) or any(
            each.durable < len(each.log) for each in self.servers.values()
        ):
            self._deliver()
            self._flush()

    # What happens.

    def _deliver(self) -> None:
        queues = [
            (connection, queue)
            for connection in self.connections.values()
            for queue in (connection.to_leader, connection.to_learner)
            if queue
        ]
        if not queues:
            return
        connection, queue = self.chance.choice(queues)
        message = queue.popleft()
        leader, learner = self.servers[connection.leader], self.servers[connection.learner]
        if queue is connection.to_leader:
            assert isinstance(message, QuorumPacket)
            assert leader.leading is not None
            leader.leading.received(connection.number, message, self._now)
            self._carry_out_leader(leader)
        elif isinstance(message, QuorumPacket):
            assert learner.following is not None
            learner.following.received(message)
            self._carry_out_learner(learner)
        else:
            self._install(learner, message)

    def _flush(self) -> None:
        unsynced = [each for each in self.servers.values() if each.is_up and each.durable < len(each.log)]
        if unsynced:
            server = self.chance.choice(unsynced)
            server.durable = self.chance.randint(server.durable + 1, len(server.log))
            self._flushed(server, server.log[server.durable - 1].zxid)

    def _flushed(self, server: Server, zxid: int) -> None:
        if server.leading is not None:
            server.leading.flushed(zxid)
            self._carry_out_leader(server)
        elif server.following is not None:
            server.following.flushed(zxid)
            self._carry_out_learner(server)

    def _propose(self) -> None:
        serving = [each for each in self.servers.values() if each.leading is not None and each.leading.is_serving]
        if serving:
            server = self.chance.choice(serving)
            self._next_value += 1
            value = self._next_value.to_bytes(4)
            assert server.leading is not None
            server.leading.propose(lambda _zxid: value, self._now)
            self._carry_out_leader(server)

    def _elect(self) -> None:
        looking = [each for each in self.servers.values() if each.is_looking]
        if not looking:
            return
        group = self.chance.sample(looking, self.chance.randint(1, len(looking)))
        if self.chance.random() < 0.8:
            leader = max(group, key=lambda each: (each.current, each.last, each.id))
        else:
            leader = self.chance.choice(group)  # votes may be stale: an election promises nothing
        self._lead(leader)
        for server in group:
            if server is not leader:
                self._connect(server, leader)

    def _join(self) -> None:
        looking = [each for each in self.servers.values() if each.is_looking]
        leading = [each for each in self.servers.values() if each.leading is not None]
        if looking and leading:
            self._connect(self.chance.choice(looking), self.chance.choice(leading))

    def _tick(self) -> None:
        for server in self.servers.values():
            if server.leading is not None:
                server.leading.tick(self._now)
                self._carry_out_leader(server)

    def _cut(self) -> None:
        if self.connections:
            self._disconnect(self.chance.choice(list(self.connections.values())))

    def _crash(self) -> None:
        self._kill(self.chance.choice(list(self.servers.values())))

    def _black_out(self) -> None:
        for server in self.servers.values():
            self._kill(server)

    def _kill(self, server: Server) -> None:
        if server.is_up:
            kept = self.chance.randint(server.durable, len(server.log))  # more than was synced may be there
            del server.log[kept:]
            self._leave(server)
            server.is_up = False
            server.durable = len(server.log)

    def _restart(self) -> None:
        down = [each for each in self.servers.values() if not each.is_up]
        if down:
            self.chance.choice(down).is_up = True

    def _resign(self) -> None:
        roles = [each for each in self.servers.values() if each.is_up and not each.is_looking]
        if roles:
            self._leave(self.chance.choice(roles))

    # Roles.

    def _lead(self, server: Server) -> None:
        self.lives[server.id] += 1
        server.leading = LeaderState(
            server.id, self._voters, Limits(2000, 1000), accepted_epoch=server.accepted,
            current_epoch=server.current, last_logged=server.last, configuration=b"", now=self._now,
        )  # fmt: skip
        self._carry_out_leader(server)

    def _connect(self, server: Server, leader: Server) -> None:
        assert leader.leading is not None
        self._next_connection += 1
        self.connections[self._next_connection] = Connection(self._next_connection, leader.id, server.id)
        leader.leading.connected(self._next_connection, self._now)
        server.following = LearnerState(
            server.id, is_observer=False, accepted_epoch=server.accepted, current_epoch=server.current,
            last_logged=server.last,
        )  # fmt: skip
        self._carry_out_learner(server)

    def _leave(self, server: Server) -> None:
        """A role ends: the log becomes durable, unless the server crashes, and all of it is applied."""
        server.leading = server.following = server.awaits_tree = None
        server.is_serving = False
        server.durable = server.applied = len(server.log)
        for connection in list(self.connections.values()):
            if server.id in (connection.leader, connection.learner):
                self._disconnect(connection)

    def _disconnect(self, connection: Connection) -> None:
        if self.connections.pop(connection.number, None) is None:
            return
        leader, learner = self.servers[connection.leader], self.servers[connection.learner]
        if leader.leading is not None:
            leader.leading.disconnected(connection.number)
        if learner.following is not None:
            self._leave(learner)

    # Effects.

    def _carry_out_leader(self, server: Server) -> None:
        state = server.leading
        while state is not None and state.effects and server.leading is state:
            match state.effects.pop(0):
                case leader_effects.Send(numbers, packet):
                    for number in numbers:
                        if number in self.connections:
                            self.connections[number].to_learner.append(packet)
                case leader_effects.AcceptEpoch(epoch):
                    self._accept(server, epoch)
                case leader_effects.EnterEpoch(epoch):
                    self._enter(server, epoch)
                case leader_effects.Synchronize(number, last_zxid):
                    self._synchronize(server, number, last_zxid)
                case leader_effects.Append(zxid, entry):
                    self._append(server, zxid, entry)
                case leader_effects.Commit(zxid, entry):
                    self._apply(server, zxid, entry)
                case leader_effects.Serve(epoch):
                    self._serve(server, epoch)
                    self._ensure_leads(server, epoch)
                case leader_effects.Close(number, _):
                    if number in self.connections:
                        self._disconnect(self.connections[number])
                case leader_effects.GiveUp():
                    self._leave(server)

    def _carry_out_learner(self, server: Server) -> None:
        state = server.following
        while state is not None and state.effects and server.following is state:
            match state.effects.pop(0):
                case learner_state.Send(packet):
                    self._ensure_durable(server, packet)
                    self._connection_of(server).to_leader.append(packet)
                case learner_state.AcceptEpoch(epoch):
                    self._accept(server, epoch)
                case learner_state.EnterEpoch(epoch):
                    self._enter(server, epoch)
                case learner_state.Truncate(zxid):
                    server.log = [txn for txn in server.log if txn.zxid <= zxid]
                    server.durable = server.applied = len(server.log)
                    state.truncated(server.last)
                case learner_state.ReceiveTree(zxid):
                    server.awaits_tree = zxid
                case learner_state.Append(zxid, entry):
                    self._append(server, zxid, entry)
                case learner_state.Apply(zxid, entry):
                    self._apply(server, zxid, entry)
                case learner_state.Serve(epoch):
                    self._serve(server, epoch)
                case learner_state.AnswerPing(zxid):
                    self._connection_of(server).to_leader.append(QuorumPacket(PacketType.PING, zxid, b""))
                case learner_state.Leave():
                    self._leave(server)

    def _accept(self, server: Server, epoch: int) -> None:
        if not self.faults.forgets_accepted_epoch:
            server.accepted = epoch

    def _enter(self, server: Server, epoch: int) -> None:
        if not self.faults.forgets_current_epoch:
            server.current = epoch

    def _append(self, server: Server, zxid: int, entry: bytes) -> None:
        server.log.append(LoggedTxn(zxid, entry))
        if self.faults.acknowledges_before_flush:
            self._flushed(server, zxid)

    def _synchronize(self, leader: Server, number: int, last_zxid: int) -> None:
        connection = self.connections.get(number)
        if connection is None:
            return
        applied = leader.log[: leader.applied]
        last = applied[-1].zxid if applied else 0
        recent = applied[-self.chance.randint(1, 8) :]
        whole = applied if self.chance.random() < 0.5 else []
        plan = plan_synchronization(last_zxid, last, recent, lambda _zxid: whole)
        connection.to_learner.append(plan.beginning)
        if plan.beginning.type is PacketType.SNAP:
            connection.to_learner.append(list(applied))
        for zxid, entry in plan.txns:
            connection.to_learner.append(QuorumPacket(PacketType.PROPOSAL, zxid, entry))
            connection.to_learner.append(QuorumPacket(PacketType.COMMIT, zxid))

    def _install(self, server: Server, log: Log) -> None:
        assert server.following is not None
        assert server.awaits_tree is not None
        server.log = list(log)
        server.durable = server.applied = len(server.log)
        server.following.tree_received(server.awaits_tree)
        server.awaits_tree = None
        self._carry_out_learner(server)

    def _connection_of(self, server: Server) -> Connection:
        return next(each for each in self.connections.values() if each.learner == server.id)

    # Promises.

    def _apply(self, server: Server, zxid: int, entry: bytes) -> None:
        if server.applied >= server.durable and not self.faults.acknowledges_before_flush:
            raise PromiseBroken(f"server {server.id} applies {zxid:#x}, which a crash could take back")
        if server.log[server.applied] != (zxid, entry):
            raise PromiseBroken(f"server {server.id} applies {zxid:#x} out of order")
        server.applied += 1
        if server.is_serving:  # a leader sends all its history as committed, before it knows that it will lead
            self._committed(server)

    def _serve(self, server: Server, epoch: int) -> None:
        self.served += 1
        server.is_serving = True
        if server.current != epoch:
            raise PromiseBroken(f"server {server.id} serves in epoch {epoch}, but has stored {server.current}")
        self._committed(server)

    def _ensure_leads(self, server: Server, epoch: int) -> None:
        life = (server.id, self.lives[server.id])
        if self.leaders.setdefault(epoch, life) != life:
            raise PromiseBroken(f"servers {self.leaders[epoch][0]} and {server.id} lead epoch {epoch}")
        if server.log[: len(self.history)] != self.history:
            raise PromiseBroken(f"server {server.id} leads epoch {epoch} without all that was committed")

    def _committed(self, server: Server) -> None:
        """What a server that serves has applied is committed."""
        applied = server.log[: server.applied]
        common = min(len(applied), len(self.history))
        if applied[:common] != self.history[:common]:
            raise PromiseBroken(f"server {server.id} has another history")
        self.history += applied[common:]

    def _ensure_durable(self, server: Server, packet: QuorumPacket) -> None:
        durable = server.log[server.durable - 1].zxid if server.durable else 0
        is_transaction = packet.type is PacketType.ACK and packet.zxid & 0xFFFFFFFF
        if is_transaction and packet.zxid > durable and not self.faults.acknowledges_before_flush:
            raise PromiseBroken(f"server {server.id} acknowledges {packet.zxid:#x}, which a crash could take back")
