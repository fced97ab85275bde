"""Random histories of one group: whatever members, coordinators and time do, these hold.

what is stored is what the log gives                        checked by the desk after every step
no two members are ever in different generations            an assignment is valid only for the group's generation
who has an assignment has that of its generation            as the leader of that generation made it
offsets only change by commits that were accepted           and survive coordinators
nobody is answered twice, nobody waits forever             at the end everything is answered
"""

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pykafka_cli.broker.coordinator.group.group import GroupState, Joined, NewMemberId, Synced
from pykafka_cli.broker.errors import BrokerError, NotCoordinator, RequestTimedOut
from tests.support.group_desk import Desk, Waiting

PROTOCOLS = st.sampled_from(
    [
        (("range", b"r"),),
        (("range", b"changed"),),
        (("sticky", b"s"), ("range", b"r")),
        (("range", b"r"), ("sticky", b"s")),
    ]
)


class Client:
    """A consumer as it sees itself: what it sent last, what it was answered, what it believes."""

    def __init__(self, instance: str | None, protocols: Any) -> None:
        self.instance = instance
        self.protocols = protocols
        self.member_id = ""
        self.generation = -1
        self.joined: Joined | None = None
        self.assignment: bytes | None = None
        self.joining: Waiting | None = None
        self.syncing: Waiting | None = None

    @property
    def is_waiting(self) -> bool:
        return self.joining is not None or self.syncing is not None

    def take_answers(self) -> None:
        """Read what has come, as a client would between two polls."""
        if self.joining is not None and self.joining.answer is not None:
            answer, self.joining = self.joining.answer, None
            if isinstance(answer, NewMemberId):
                self.member_id = answer.member_id
            elif isinstance(answer, Joined):
                self.member_id, self.generation, self.joined = answer.member_id, answer.generation, answer
            else:
                self.refused(answer)
        if self.syncing is not None and self.syncing.answer is not None:
            answer, self.syncing = self.syncing.answer, None
            if isinstance(answer, Synced):
                self.assignment = answer.assignment
            else:
                self.refused(answer)

    def refused(self, error: BrokerError) -> None:
        self.joined = self.assignment = None
        if type(error).__name__ in ("UnknownMemberId", "FencedInstanceId", "GroupMaxSizeReached"):
            self.member_id, self.generation = "", -1


class GroupHistory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(group_initial_rebalance_delay_ms=1_000, group_max_size=4)
        self.clients: list[Client] = []
        # By topic, where the commit is in the log and what it commits.
        self.offsets: dict[str, tuple[int, int]] = {}
        self.pending: dict[int, dict[str, tuple[int, int]]] = {}

    def a_client(self, data: st.DataObject, *, waiting: bool | None = None) -> Client | None:
        self.read()
        fitting = [client for client in self.clients if waiting is None or client.is_waiting is waiting]
        return data.draw(st.sampled_from(fitting)) if fitting else None

    def read(self) -> None:
        for client in self.clients:
            client.take_answers()

    @initialize(count=st.integers(0, 3))
    def start_some(self, count: int) -> None:
        self.clients = [Client(None, (("range", b"r"),)) for _ in range(count)]

    @rule(instance=st.sampled_from([None, None, "one", "two"]), protocols=PROTOCOLS)
    def start(self, instance: str | None, protocols: Any) -> None:
        if len(self.clients) < 6:
            self.clients.append(Client(instance, protocols))

    @rule(data=st.data(), how_many=st.integers(1, 3))
    def go_on(self, data: st.DataObject, how_many: int) -> None:
        for _ in range(how_many):
            client = self.a_client(data, waiting=False)
            if client is not None:
                self.next_of(client)

    @rule(rounds=st.integers(1, 4), ms=st.sampled_from([0, 1_000, 2_500]))
    def everyone_goes_on(self, rounds: int, ms: int) -> None:
        for _ in range(rounds):
            self.read()
            for client in [client for client in self.clients if not client.is_waiting]:
                self.next_of(client)
            self.desk.advance(ms)

    @rule(data=st.data())
    def join_again(self, data: st.DataObject) -> None:
        client = self.a_client(data, waiting=False)
        if client is not None:
            self.join(client)

    @rule(data=st.data())
    def forget_the_id(self, data: st.DataObject) -> None:
        client = self.a_client(data, waiting=False)
        if client is not None:
            client.member_id, client.generation, client.joined, client.assignment = "", -1, None, None

    @rule(data=st.data(), protocols=PROTOCOLS)
    def change_mind(self, data: st.DataObject, protocols: Any) -> None:
        client = self.a_client(data, waiting=False)
        if client is not None:
            client.protocols = protocols

    def next_of(self, client: Client) -> None:
        """What a well-behaved client does next."""
        if client.joined is None:
            self.join(client)
        elif client.assignment is None:
            self.sync(client, client.joined)
        else:
            self.heartbeat(client)

    def join(self, client: Client) -> None:
        client.joined = client.assignment = None
        client.joining = self.desk.join(
            client.member_id, instance=client.instance, protocols=client.protocols, rebalance_ms=30_000
        )

    def sync(self, client: Client, joined: Joined) -> None:
        assignments: dict[str, bytes] = {}
        if joined.leader == client.member_id and not joined.skip_assignment:
            assignments = {m.member_id: b"%b in %d" % (m.member_id.encode(), joined.generation) for m in joined.members}
        client.syncing = self.desk.sync(client.member_id, joined.generation, assignments, instance=client.instance)

    def heartbeat(self, client: Client) -> None:
        try:
            self.desk.heartbeat(client.member_id, client.generation, instance=client.instance)
        except BrokerError as error:
            client.refused(error)

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        client = self.a_client(data)
        if client is not None:
            self.desk.leave(client.member_id, instance=client.instance)
            self.clients.remove(client)

    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        client = self.a_client(data)
        if client is not None:
            self.clients.remove(client)

    @rule(data=st.data(), topic=st.sampled_from("tu"), offset=st.integers(0, 9))
    def commit(self, data: st.DataObject, topic: str, offset: int) -> None:
        client = self.a_client(data, waiting=False)
        member: dict[str, Any] = (
            {} if client is None else {"member_id": client.member_id, "generation": client.generation}
        )
        try:
            outcome = self.desk.commit({topic: offset}, instance=client.instance if client else None, **member)
        except BrokerError:
            return
        assert set(outcome.values()) == {None}
        if self.desk.refusal is None:
            self.offsets[topic] = (len(self.desk.log), offset)

    @rule(producer=st.integers(1, 2), topic=st.sampled_from("tu"), offset=st.integers(10, 19))
    def commit_in_transaction(self, producer: int, topic: str, offset: int) -> None:
        self.desk.commit({topic: offset}, producer=producer)
        if self.desk.refusal is None:
            self.pending.setdefault(producer, {})[topic] = (len(self.desk.log), offset)

    @rule(producer=st.integers(1, 2), committed=st.booleans())
    def end_transaction(self, producer: int, committed: bool) -> None:
        self.desk.end_transaction(producer, committed=committed)
        ended = self.pending.pop(producer, {})
        for topic, commit in ended.items() if committed else ():
            self.offsets[topic] = max(commit, self.offsets.get(topic, commit))

    @rule(ms=st.sampled_from([0, 500, 1_000, 5_000, 9_999, 10_000, 30_000, 300_000]))
    def wait(self, ms: int) -> None:
        self.desk.advance(ms)

    @rule()
    def restart(self) -> None:
        self.desk.restart()

    @precondition(lambda self: self.desk.refusal is None)
    @rule()
    def fail_to_write(self) -> None:
        self.desk.refusal = NotCoordinator("no leader")

    @precondition(lambda self: self.desk.refusal is not None)
    @rule()
    def write_again(self) -> None:
        self.desk.refusal = None

    @rule(is_replicating=st.booleans(), in_time=st.booleans())
    def replicate(self, is_replicating: bool, in_time: bool) -> None:
        self.desk.is_replicating = is_replicating
        self.desk.replicate(None if in_time else RequestTimedOut("slow"))

    @invariant()
    def everyone_with_an_assignment_has_that_of_its_generation(self) -> None:
        self.read()
        for client in self.clients:
            if client.assignment:
                assert client.assignment.endswith(b" in %d" % client.generation)

    @invariant()
    def an_assignment_is_one_member_s_alone(self) -> None:
        group = self.desk.shard.groups.get("g")
        if group is not None and group.state is GroupState.STABLE:
            given = [member.assignment for member in group.members.values() if member.assignment]
            assert len(given) == len(set(given))

    @invariant()
    def only_one_generation_is_accepted(self) -> None:
        group = self.desk.shard.groups.get("g")
        if group is None:
            return
        for member in group.members.values():
            assert group.leader in group.members
            if member.group_instance_id is not None:
                assert group.static_members[member.group_instance_id] == member.member_id
        if group.state in (GroupState.COMPLETING, GroupState.STABLE):
            assert len(group.members) - len(group.static_members) <= 4
        assert group.awaiting_sync_from <= set(group.members)
        if group.state in (GroupState.EMPTY, GroupState.DEAD):
            assert not group.members

    @invariant()
    def offsets_are_those_that_were_accepted(self) -> None:
        assert self.desk.committed() == {topic: offset for topic, (_, offset) in self.offsets.items()}

    def teardown(self) -> None:
        """Left alone, everyone is answered and the group becomes empty."""
        self.desk.refusal = None
        self.desk.is_replicating = True
        self.desk.replicate()
        self.desk.advance(3_600_000)
        self.read()
        assert not any(client.is_waiting for client in self.clients)
        assert self.desk.state in (GroupState.EMPTY, GroupState.DEAD)
        assert self.desk.timers == {}


GroupHistory.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestGroupHistory = GroupHistory.TestCase
