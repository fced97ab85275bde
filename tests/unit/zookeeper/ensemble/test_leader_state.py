import pytest

from pykafka_cli.zookeeper.ensemble import leader_effects
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration, EnsembleServer
from pykafka_cli.zookeeper.ensemble.leader_effects import LeaderEffect
from pykafka_cli.zookeeper.ensemble.leader_state import LeaderState, Limits
from pykafka_cli.zookeeper.ensemble.learner import LearnerStage
from pykafka_cli.zookeeper.ensemble.packets import (
    PROTOCOL,
    LearnerInfo,
    PacketType,
    QuorumPacket,
    encode_integer,
    first_zxid,
)
from pykafka_cli.zookeeper.protocol.jute import encode

LAST = 0x100000005
CONFIGURATION = b"server.1=..."
THREE = EnsembleConfiguration({each: EnsembleServer(each, "localhost", 2888, 3888) for each in (1, 2, 3)})
OBSERVED = EnsembleConfiguration(
    {
        each: EnsembleServer(each, "localhost", 2888, 3888, "observer" if each > 3 else "participant")
        for each in (1, 2, 3, 4)
    }
)


def leader(quorum: EnsembleConfiguration = THREE, next_quorum: EnsembleConfiguration | None = None) -> LeaderState:
    return LeaderState(
        2, quorum, Limits(10_000, 5_000), accepted_epoch=1, current_epoch=1, last_logged=LAST,
        configuration=CONFIGURATION, next_quorum=next_quorum, now=0,
    )  # fmt: skip


def taken(state: LeaderState) -> list[LeaderEffect]:
    effects = list(state.effects)
    state.effects.clear()
    return effects


def send(learner: int, kind: PacketType, zxid: int, data: bytes | None = None) -> leader_effects.Send:
    return leader_effects.Send((learner,), QuorumPacket(kind, zxid, data))


def receive(
    state: LeaderState, learner: int, kind: PacketType, zxid: int = -1, data: bytes | None = None, now: int = 0
) -> list[LeaderEffect]:
    state.received(learner, QuorumPacket(kind, zxid, data), now)
    return taken(state)


def info(server_id: int, version: int = 0, protocol: int = PROTOCOL) -> bytes:
    return encode(LearnerInfo(server_id, protocol, version))


def introduce(
    state: LeaderState, server_id: int, accepted: int = 1, kind: PacketType = PacketType.FOLLOWER_INFO
) -> list[LeaderEffect]:
    """A server connects; the number of its connection is its id."""
    state.connected(server_id, 0)
    return receive(state, server_id, kind, first_zxid(accepted), info(server_id))


def follow(state: LeaderState, server_id: int, kind: PacketType = PacketType.FOLLOWER_INFO) -> list[LeaderEffect]:
    """A server connects, and does all to be up to date."""
    introduce(state, server_id, kind=kind)
    receive(state, server_id, PacketType.ACK_EPOCH, LAST, encode_integer(1))
    return receive(state, server_id, PacketType.ACK, first_zxid(state.epoch or 0))


def serving(*followers: int) -> LeaderState:
    state = leader()
    for each in followers or (1,):
        follow(state, each)
    return state


def propose(state: LeaderState, entry: bytes = b"a", now: int = 0) -> int:
    zxid = state.propose(lambda _zxid: entry, now)
    assert zxid is not None
    return zxid


def test_the_epoch_is_above_all_that_a_quorum_has_accepted_and_on_disk_first() -> None:
    state = leader()

    assert introduce(state, 1, accepted=4) == [
        leader_effects.AcceptEpoch(5),
        send(1, PacketType.LEADER_INFO, first_zxid(5), encode_integer(PROTOCOL)),
    ]


def test_observers_are_not_a_quorum() -> None:
    state = leader(OBSERVED)

    assert introduce(state, 4, kind=PacketType.OBSERVER_INFO) == []
    assert state.epoch is None


def test_a_learner_is_synchronized_once_a_quorum_has_accepted() -> None:
    state = leader()
    introduce(state, 1)

    assert receive(state, 1, PacketType.ACK_EPOCH, LAST - 1, encode_integer(1)) == [
        leader_effects.EnterEpoch(2),
        leader_effects.Synchronize(1, LAST - 1),
        send(1, PacketType.NEW_LEADER, first_zxid(2), CONFIGURATION),
    ]


def test_it_serves_once_a_quorum_has_its_history() -> None:
    state = leader()
    introduce(state, 1)
    receive(state, 1, PacketType.ACK_EPOCH, LAST, encode_integer(1))
    assert not state.is_serving

    assert receive(state, 1, PacketType.ACK, first_zxid(2)) == [
        leader_effects.Serve(2),
        send(1, PacketType.UP_TO_DATE, -1),
    ]


def test_a_server_that_is_ahead_is_not_led() -> None:
    state = leader()
    introduce(state, 1)

    (effect,) = receive(state, 1, PacketType.ACK_EPOCH, LAST + 1, encode_integer(1))

    assert isinstance(effect, leader_effects.Close)
    assert effect.reason.startswith("it is ahead: epoch 1 and transaction 0x100000006")


def test_there_is_no_epoch_after_the_last() -> None:
    state = leader()

    assert introduce(state, 1, accepted=(1 << 31) - 2)[0] == leader_effects.AcceptEpoch((1 << 31) - 1)
    after = LeaderState(
        2, THREE, Limits(10_000, 5_000), accepted_epoch=(1 << 31) - 1, current_epoch=1, last_logged=LAST,
        configuration=CONFIGURATION, now=0,
    )  # fmt: skip
    assert introduce(after, 1) == [leader_effects.GiveUp("epoch 2147483647 was accepted, after which there is none")]


@pytest.mark.parametrize("kind", [PacketType.FOLLOWER_INFO, PacketType.OBSERVER_INFO])
def test_a_member_that_has_accepted_a_later_epoch_ends_this_one(kind: PacketType) -> None:
    state = leader()
    introduce(state, 3, accepted=4)

    assert introduce(state, 1, accepted=6, kind=kind) == [
        leader_effects.GiveUp("server 1 has accepted epoch 6, after 5")
    ]


def test_a_stranger_that_has_accepted_a_later_epoch_ends_nothing() -> None:
    state = leader()
    introduce(state, 3, accepted=4)

    assert introduce(state, 9, accepted=6) == [send(9, PacketType.LEADER_INFO, first_zxid(5), encode_integer(PROTOCOL))]


def test_who_has_accepted_the_epoch_before_does_not_vote_twice() -> None:
    state = leader()
    introduce(state, 1)

    assert receive(state, 1, PacketType.ACK_EPOCH, LAST, encode_integer(-1)) == []


def test_a_transaction_is_committed_when_the_leader_and_a_quorum_have_logged_it() -> None:
    state = serving(1, 3)
    zxid = propose(state)
    assert zxid == first_zxid(2) + 1
    assert taken(state) == [
        leader_effects.Send((1, 3), QuorumPacket(PacketType.PROPOSAL, zxid, b"a")),
        leader_effects.Append(zxid, b"a"),
    ]
    assert receive(state, 1, PacketType.ACK, zxid) == []
    assert receive(state, 3, PacketType.ACK, zxid) == []

    state.flushed(zxid)

    assert taken(state) == [
        leader_effects.Commit(zxid, b"a"),
        leader_effects.Send((1, 3), QuorumPacket(PacketType.COMMIT, zxid)),
    ]


def committed(effects: list[LeaderEffect]) -> list[int]:
    return [each.zxid for each in effects if isinstance(each, leader_effects.Commit)]


def test_an_acknowledgment_is_for_everything_before_it() -> None:
    state = serving(1, 3)
    first, second, third = [propose(state) for _ in range(3)]
    state.flushed(third)
    taken(state)

    assert committed(receive(state, 1, PacketType.ACK, second)) == [first, second]


def test_what_the_leader_has_not_logged_is_not_committed_although_all_others_have() -> None:
    state = serving(1, 3)
    first, second, third = [propose(state) for _ in range(3)]
    taken(state)
    assert [receive(state, each, PacketType.ACK, third) for each in (1, 3)] == [[], []]

    state.flushed(second)

    assert committed(taken(state)) == [first, second]


def test_one_server_of_three_commits_nothing() -> None:
    state = serving(1)
    zxid = propose(state)
    taken(state)

    state.flushed(zxid)

    assert taken(state) == []


def test_observers_are_informed_and_do_not_count() -> None:
    state = leader(OBSERVED)
    follow(state, 1)
    follow(state, 4, kind=PacketType.OBSERVER_INFO)
    zxid = propose(state)
    state.flushed(zxid)
    taken(state)
    assert receive(state, 4, PacketType.ACK, zxid) == []

    assert receive(state, 1, PacketType.ACK, zxid) == [
        leader_effects.Commit(zxid, b"a"),
        send(1, PacketType.COMMIT, zxid),
        send(4, PacketType.INFORM, zxid, b"a"),
    ]


def test_a_late_follower_gets_what_is_proposed_before_its_epoch() -> None:
    state = serving(1)
    zxid = propose(state)
    introduce(state, 3)

    assert receive(state, 3, PacketType.ACK_EPOCH, LAST, encode_integer(1)) == [
        leader_effects.Synchronize(3, LAST),
        send(3, PacketType.PROPOSAL, zxid, b"a"),
        send(3, PacketType.NEW_LEADER, first_zxid(2), CONFIGURATION),
    ]


def test_a_sync_waits_for_what_was_proposed_before_it() -> None:
    state = serving(1)
    state.sync("first", 1)
    assert taken(state) == [send(1, PacketType.SYNC, 0)]
    zxid = propose(state)
    state.sync("second", 1)
    state.sync("mine")
    state.flushed(zxid)
    taken(state)

    assert receive(state, 1, PacketType.ACK, zxid)[2:] == [send(1, PacketType.SYNC, 0), leader_effects.Synced("mine")]


def test_pings_go_to_who_follows() -> None:
    state = serving(1)

    state.tick(100)

    assert taken(state) == [send(1, PacketType.PING, first_zxid(2))]


def test_a_silent_learner_is_closed_and_without_a_quorum_the_leader_gives_up() -> None:
    state = serving(1)

    state.tick(5_001)
    state.tick(5_101)

    closed, given_up = [each for each in taken(state) if not isinstance(each, leader_effects.Send)]
    assert closed == leader_effects.Close(1, "it has sent nothing for 5000 ms")
    assert isinstance(given_up, leader_effects.GiveUp)


def test_a_learner_that_logs_nothing_is_closed() -> None:
    state = serving(1, 3)
    propose(state, now=1_000)
    receive(state, 1, PacketType.PING, -1, b"", now=6_000)
    receive(state, 3, PacketType.ACK, first_zxid(2) + 1, now=6_000)
    taken(state)

    state.tick(6_001)

    assert leader_effects.Close(1, "it has acknowledged nothing for 5000 ms") in taken(state)


def test_a_leader_whom_nobody_follows_gives_up() -> None:
    state = leader()

    state.tick(10_001)

    assert taken(state) == [leader_effects.GiveUp("no quorum has followed within 10000 ms")]


def test_a_server_that_connects_again_replaces_its_connection() -> None:
    state = serving(1)
    state.connected(9, 0)

    effects = receive(state, 9, PacketType.FOLLOWER_INFO, first_zxid(2), info(1))

    assert effects[0] == leader_effects.Close(1, "server 1 has connected again")
    assert state.learners[9].stage is LearnerStage.ACK_EPOCH


@pytest.mark.parametrize(
    ("kind", "zxid", "data", "why"),
    [
        (PacketType.ACK, 9, None, "ACK was not expected in INFO"),
        (PacketType.FOLLOWER_INFO, 0, info(2), "it has this server's own id, 2"),
        (PacketType.FOLLOWER_INFO, 0, b"", "FOLLOWER_INFO cannot be read"),
        (
            PacketType.FOLLOWER_INFO,
            first_zxid((1 << 31) - 1),
            info(1),
            "it has accepted epoch 2147483647, after which there is none",
        ),
        (PacketType.FOLLOWER_INFO, 0, info(1, version=7), "its configuration has version 0x7, this one 0x0"),
        (PacketType.FOLLOWER_INFO, 0, info(1, protocol=1), "its protocol 0x1 is that of a ZooKeeper before 3.4"),
    ],
)
def test_a_stranger_is_closed(kind: PacketType, zxid: int, data: bytes | None, why: str) -> None:
    state = leader()
    state.connected(1, 0)

    (effect,) = receive(state, 1, kind, zxid, data)

    assert isinstance(effect, leader_effects.Close)
    assert effect.reason.startswith(why)
    assert not state.learners


def test_a_server_that_acknowledges_what_was_not_proposed_is_closed() -> None:
    state = serving(1)

    assert receive(state, 1, PacketType.ACK, first_zxid(2) + 9) == [
        leader_effects.Close(1, "it acknowledged 0x200000009, which was not proposed")
    ]


def test_requests_are_passed_on_from_who_is_up_to_date() -> None:
    state = serving(1)
    packet = QuorumPacket(PacketType.REQUEST, -1, b"x")

    state.received(1, packet, 0)

    assert taken(state) == [leader_effects.Received(1, packet)]


def test_one_server_is_a_quorum_of_itself() -> None:
    state = leader(EnsembleConfiguration({2: EnsembleServer(2, "localhost", 2888, 3888)}))

    assert taken(state) == [leader_effects.AcceptEpoch(2), leader_effects.EnterEpoch(2), leader_effects.Serve(2)]


def servers(*voters: int, observers: tuple[int, ...] = ()) -> EnsembleConfiguration:
    lines = [f"server.{each}=zk{each}:2888:3888:participant" for each in voters]
    lines += [f"server.{each}=zk{each}:2888:3888:observer" for each in observers]
    return EnsembleConfiguration.parse("\n".join([*lines, "version=9"]))


def test_an_epoch_needs_a_quorum_of_the_configuration_in_the_log_and_begins_with_it() -> None:
    """Whoever proposed that may have committed it, and others may follow another leader in it."""
    state = leader(next_quorum=servers(2, 4, 5))

    assert introduce(state, 1) == []
    introduce(state, 4)
    receive(state, 1, PacketType.ACK_EPOCH, LAST, encode_integer(1))
    receive(state, 4, PacketType.ACK_EPOCH, LAST, encode_integer(1))
    assert receive(state, 1, PacketType.ACK, first_zxid(2)) == []

    assert receive(state, 4, PacketType.ACK, first_zxid(2)) == [
        leader_effects.Serve(2),
        send(1, PacketType.UP_TO_DATE, -1),
        send(4, PacketType.UP_TO_DATE, -1),
        leader_effects.Reconfigured(servers(2, 4, 5), 2),
    ]
    assert not state.is_reconfiguring


def test_a_leader_without_a_vote_in_the_configuration_in_its_log_puts_it_in_force_and_gives_up() -> None:
    state = leader(next_quorum=servers(1, 3, 4))
    for each in (1, 3):
        introduce(state, each)
    for each in (1, 3):
        receive(state, each, PacketType.ACK_EPOCH, LAST, encode_integer(1))
    receive(state, 1, PacketType.ACK, first_zxid(2))

    assert receive(state, 3, PacketType.ACK, first_zxid(2))[-2:] == [
        leader_effects.Reconfigured(servers(1, 3, 4), 1),
        leader_effects.GiveUp("it is no longer a participant; server 1 should lead"),
    ]


def test_observers_acknowledge_no_configuration_so_they_do_not_count_as_up_to_date() -> None:
    state = serving(1)
    follow(state, 4, PacketType.OBSERVER_INFO)

    assert state.synced == {1, 2}


def test_a_leader_gives_up_when_nobody_is_left_to_acknowledge_the_proposed_configuration() -> None:
    state = serving(1, 4)
    follow(state, 5, PacketType.OBSERVER_INFO)
    state.propose(lambda _zxid: b"c", 0, servers(2, 4, 5))
    taken(state)

    state.disconnected(4)
    state.tick(500)

    assert leader_effects.GiveUp("the quorum is lost; the servers that still follow: 1, 5") in taken(state)
