"""Servers of an ensemble that elect, by the production code of the election, on one virtual clock and network.

    history = elect(seed, servers=5, crashes=True)

While there are faults, each is drawn from the seed: any message may be lost or overtaken, and the way from one server
to another may be cut, in one direction only. Afterwards the network is whole. What follows an election is modeled in a
few lines: a leader that a quorum of servers follows has an epoch, followers have its history, and everybody looks again
when that ends.
"""

import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.election import Election, Message
from pykafka_cli.zookeeper.ensemble.notifications import Notification, ServerState

FAULTS_END = 60.0
END = FAULTS_END + 200.0
"""The longest wait before a vote is sent again is a minute, and a server may have begun it at the last moment."""
_CHECK_S = 0.5
_INIT_S = 2.0
"""How long a leader waits for a quorum of followers."""

History = tuple[int, int]
"""The epoch and the zxid of a server's last transaction."""


@dataclass
class Decision:
    """By votes, of a server: for whom, in which round and with which votes."""

    server: int
    leader: int
    round: int


@dataclass
class Outcome:
    """What happened.

    decisions      each time that a server's wait for a better vote was over
    ahead          leaders whose history was older than what a quorum had acknowledged
    states         of every server at the end, and its leader
    """

    decisions: list[Decision] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)
    states: dict[int, tuple[ServerState, int | None]] = field(default_factory=dict)


class _Server:
    def __init__(self, server_id: int, configuration: EnsembleConfiguration) -> None:
        self.id = server_id
        self.history: History = (0, 0)
        self.is_up = True
        self.decided_at = 0.0
        self.epoch: int | None = None  # that it leads, once a quorum follows it
        self.start(configuration)

    def start(self, configuration: EnsembleConfiguration) -> None:
        """What is in memory only is new; the history is on disk."""
        self.election = Election(self.id, configuration)
        self.epoch = None


class _World:
    def __init__(self, seed: int, servers: int, *, crashes: bool) -> None:
        self._chance = random.Random(seed)
        lines = [f"server.{n}=h:{n}:100" for n in range(1, servers + 1)]
        self._configuration = EnsembleConfiguration.parse("\n".join(lines))
        self.servers = {n: _Server(n, self._configuration) for n in range(1, servers + 1)}
        self._crashes = crashes
        self._cut: set[tuple[int, int]] = set()
        self._committed: History = (0, 0)
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        for server in self.servers.values():
            self._at(self._chance.uniform(0, 3), partial(self._look, server))
        self._at(self._chance.uniform(0, 5), self._fault)
        self._at(FAULTS_END, self._heal)
        self._at(_CHECK_S, self._check)
        while self._events and self._events[0][0] <= END:
            self._now, _, act = heapq.heappop(self._events)
            act()
        self.outcome.states = {
            each.id: (each.election.state, each.election.elected.leader if each.election.elected else None)
            for each in self.servers.values()
        }
        return self.outcome

    @property
    def _is_faulty(self) -> bool:
        return self._now < FAULTS_END

    def _at(self, time: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._numbers), act))

    # The network.

    def _send(self, sender: _Server, messages: list[Message]) -> None:
        for receiver, notification in messages:
            if self._is_faulty and ((sender.id, receiver) in self._cut or self._chance.random() < 0.2):
                continue
            delay = self._chance.expovariate(2) if self._is_faulty else self._chance.uniform(0, 0.05)
            self._at(self._now + delay, partial(self._arrive, sender.id, receiver, notification))

    def _arrive(self, sender: int, receiver: int, notification: Notification) -> None:
        server = self.servers[receiver]
        if server.is_up:
            self._follow(server, server.election.receive(sender, notification, self._now))

    def _connected(self, one: int, other: int) -> bool:
        return not self._cut & {(one, other), (other, one)} and self.servers[one].is_up and self.servers[other].is_up

    # Faults.

    def _fault(self) -> None:
        if not self._is_faulty:
            return
        ways = list(itertools.permutations(self.servers, 2))
        self._cut = set(self._chance.sample(ways, self._chance.randrange(len(ways) // 2)))
        if self._crashes:
            server = self._chance.choice(list(self.servers.values()))
            if server.is_up:
                server.is_up = False
                server.start(self._configuration)
            else:
                self._start(server)
        self._at(self._now + self._chance.uniform(0.5, 8), self._fault)

    def _heal(self) -> None:
        self._cut = set()
        for server in self.servers.values():
            if not server.is_up:
                self._start(server)

    def _start(self, server: _Server) -> None:
        server.is_up = True
        self._look(server)

    # The life of a server.

    def _look(self, server: _Server) -> None:
        server.epoch = None
        if server.is_up:
            epoch, zxid = server.history
            self._follow(server, server.election.look(zxid, epoch, self._now))

    def _follow(self, server: _Server, messages: list[Message]) -> None:
        """Send, and come back when the election wants to be asked."""
        self._send(server, messages)
        election = server.election
        if election.elected is not None:
            server.decided_at = self._now
        elif (due := election.deadline) is not None:
            self._at(due, partial(self._time_out, server, election))

    def _time_out(self, server: _Server, election: Election) -> None:
        is_current = election is server.election and server.is_up and election.elected is None
        if not is_current or election.deadline is None or election.deadline > self._now:
            return
        messages = election.time_out(self._now)
        if election.elected is not None:
            self.outcome.decisions.append(Decision(server.id, election.elected.leader, election.round))
        self._follow(server, messages)

    def _check(self) -> None:
        """Followers find their leader or look again; a leader has a quorum of followers or looks again."""
        for server in self.servers.values():
            if server.is_up and server.election.state is ServerState.LEADING:
                self._lead(server)
        for server in self.servers.values():
            if server.is_up and server.election.state is ServerState.FOLLOWING and not self._has_leader(server):
                self._look(server)
        self._at(self._now + _CHECK_S, self._check)

    def _has_leader(self, server: _Server) -> bool:
        leader = self.servers[server.election.elected.leader]
        return leader.election.state is ServerState.LEADING and self._connected(server.id, leader.id)

    def _lead(self, server: _Server) -> None:
        followers = [
            each
            for each in self.servers.values()
            if each.election.state is ServerState.FOLLOWING
            and each.election.elected.leader == server.id
            and self._connected(each.id, server.id)
        ]
        is_quorum = self._configuration.is_quorum({server.id, *(each.id for each in followers)})
        if not is_quorum:
            if server.epoch is not None or self._now - server.decided_at > _INIT_S:
                self._look(server)
            return
        if server.epoch is None:
            if server.history < self._committed:
                self.outcome.ahead.append(f"{server.id} leads with {server.history} < {self._committed}")
            server.epoch = max(each.history[0] for each in (server, *followers)) + 1
        server.history = (server.epoch, max(server.history[1], server.epoch << 32) + 1)
        for each in (server, *followers):
            each.history = server.history
            each.election.follow_epoch(server.epoch)
        self._committed = server.history


def elect(seed: int, servers: int, *, crashes: bool) -> Outcome:
    """Run one history."""
    return _World(seed, servers, crashes=crashes).run()


def leaders_by_quorum(outcome: Outcome, servers: int) -> dict[int, set[int]]:
    """By round, the leaders for whom a quorum decided."""
    deciders: dict[tuple[int, int], set[int]] = defaultdict(set)
    for decision in outcome.decisions:
        deciders[decision.round, decision.leader].add(decision.server)
    leaders: dict[int, set[int]] = defaultdict(set)
    for (round_, leader), ids in deciders.items():
        if 2 * len(ids) > servers:
            leaders[round_].add(leader)
    return leaders
