import pytest

from pykafka_cli.zookeeper.ensemble import learner_state
from pykafka_cli.zookeeper.ensemble.learner_state import LearnerEffect, LearnerPhase, LearnerState
from pykafka_cli.zookeeper.ensemble.packets import (
    PROTOCOL,
    LearnerInfo,
    PacketType,
    QuorumPacket,
    SessionValidity,
    encode_integer,
    encode_validity,
    first_zxid,
)
from pykafka_cli.zookeeper.protocol.jute import encode

EPOCH = 2
LAST = 0x100000005


def learner(*, is_observer: bool = False, accepted_epoch: int = 1) -> LearnerState:
    return LearnerState(
        3, is_observer=is_observer, accepted_epoch=accepted_epoch, current_epoch=1, last_logged=LAST
    )  # fmt: skip


def taken(state: LearnerState) -> list[LearnerEffect]:
    effects = list(state.effects)
    state.effects.clear()
    return effects


def send(kind: PacketType, zxid: int, data: bytes | None = None) -> learner_state.Send:
    return learner_state.Send(QuorumPacket(kind, zxid, data))


def receive(state: LearnerState, kind: PacketType, zxid: int = -1, data: bytes | None = None) -> list[LearnerEffect]:
    state.received(QuorumPacket(kind, zxid, data))
    return taken(state)


def synchronizing(**kinds: bool) -> LearnerState:
    """A learner to which the leader has sent DIFF."""
    state = learner(**kinds)
    receive(state, PacketType.LEADER_INFO, first_zxid(EPOCH), encode_integer(PROTOCOL))
    receive(state, PacketType.DIFF, LAST)
    return state


def serving(**kinds: bool) -> LearnerState:
    state = synchronizing(**kinds)
    receive(state, PacketType.NEW_LEADER, first_zxid(EPOCH), b"")
    receive(state, PacketType.UP_TO_DATE)
    return state


def test_it_introduces_itself() -> None:
    info = encode(LearnerInfo(3, PROTOCOL, 0))

    assert taken(learner()) == [send(PacketType.FOLLOWER_INFO, first_zxid(1), info)]
    assert taken(learner(is_observer=True)) == [send(PacketType.OBSERVER_INFO, first_zxid(1), info)]


def test_an_epoch_is_accepted_before_that_is_said() -> None:
    state = learner()
    taken(state)

    assert receive(state, PacketType.LEADER_INFO, first_zxid(EPOCH), encode_integer(PROTOCOL)) == [
        learner_state.AcceptEpoch(EPOCH),
        send(PacketType.ACK_EPOCH, LAST, encode_integer(1)),
    ]


def test_an_epoch_that_was_accepted_before_gets_no_vote() -> None:
    state = learner(accepted_epoch=EPOCH)
    taken(state)

    assert receive(state, PacketType.LEADER_INFO, first_zxid(EPOCH)) == [
        send(PacketType.ACK_EPOCH, LAST, encode_integer(-1))
    ]


def test_a_leader_of_an_earlier_epoch_is_left() -> None:
    state = learner(accepted_epoch=7)
    taken(state)

    assert receive(state, PacketType.LEADER_INFO, first_zxid(EPOCH)) == [
        learner_state.Leave("the leader's epoch is 2, but epoch 7 was accepted")
    ]


def test_the_epoch_is_entered_once_its_history_is_durable() -> None:
    state = synchronizing()
    assert receive(state, PacketType.PROPOSAL, LAST + 1, b"a") == [learner_state.Append(LAST + 1, b"a")]
    assert receive(state, PacketType.COMMIT, LAST + 1) == []
    assert receive(state, PacketType.NEW_LEADER, first_zxid(EPOCH), b"") == []

    state.flushed(LAST + 1)

    assert taken(state) == [
        learner_state.EnterEpoch(EPOCH),
        send(PacketType.ACK, first_zxid(EPOCH)),
        send(PacketType.ACK, LAST + 1),
        learner_state.Apply(LAST + 1, b"a"),
    ]
    assert state.phase is LearnerPhase.ACKNOWLEDGED


def test_it_serves_when_it_is_up_to_date() -> None:
    state = synchronizing()
    receive(state, PacketType.NEW_LEADER, first_zxid(EPOCH), b"")

    assert receive(state, PacketType.UP_TO_DATE) == [
        send(PacketType.ACK, first_zxid(EPOCH)),
        learner_state.Serve(EPOCH),
    ]


def test_nothing_is_acknowledged_or_applied_before_it_is_durable() -> None:
    state = serving()
    zxid = first_zxid(EPOCH) + 1
    assert receive(state, PacketType.PROPOSAL, zxid, b"a") == [learner_state.Append(zxid, b"a")]
    assert receive(state, PacketType.COMMIT, zxid) == []

    state.flushed(zxid)

    assert taken(state) == [send(PacketType.ACK, zxid), learner_state.Apply(zxid, b"a")]


def test_a_transaction_waits_for_its_commit() -> None:
    state = serving()
    zxid = first_zxid(EPOCH) + 1
    receive(state, PacketType.PROPOSAL, zxid, b"a")
    state.flushed(zxid)
    assert taken(state) == [send(PacketType.ACK, zxid)]

    assert receive(state, PacketType.COMMIT, zxid) == [learner_state.Apply(zxid, b"a")]


def test_an_observer_acknowledges_no_transaction() -> None:
    state = serving(is_observer=True)
    zxid = first_zxid(EPOCH) + 1
    assert receive(state, PacketType.INFORM, zxid, b"a") == [learner_state.Append(zxid, b"a")]

    state.flushed(zxid)

    assert taken(state) == [learner_state.Apply(zxid, b"a")]


def test_a_sync_is_done_after_what_was_committed_before_it() -> None:
    state = serving()
    zxid = first_zxid(EPOCH) + 1
    assert receive(state, PacketType.SYNC, 0) == [learner_state.Synced()]
    receive(state, PacketType.PROPOSAL, zxid, b"a")
    receive(state, PacketType.COMMIT, zxid)
    assert receive(state, PacketType.SYNC, 0) == []

    state.flushed(zxid)

    assert taken(state)[1:] == [learner_state.Apply(zxid, b"a"), learner_state.Synced()]


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        (PacketType.TRUNC, learner_state.Truncate(0x100000003)),
        (PacketType.SNAP, learner_state.ReceiveTree(0x100000003)),
    ],
)
def test_what_only_it_has_is_replaced(kind: PacketType, effect: LearnerEffect) -> None:
    state = learner()
    receive(state, PacketType.LEADER_INFO, first_zxid(EPOCH))
    assert receive(state, kind, 0x100000003) == [effect]
    state.truncated(0x100000003) if kind is PacketType.TRUNC else state.tree_received(0x100000003)

    assert receive(state, PacketType.PROPOSAL, 0x100000004, b"x") == [learner_state.Append(0x100000004, b"x")]


def test_what_a_tree_contains_already_is_skipped() -> None:
    state = learner()
    receive(state, PacketType.LEADER_INFO, first_zxid(EPOCH))
    receive(state, PacketType.SNAP, 0x100000009)
    state.tree_received(0x100000009)

    assert receive(state, PacketType.PROPOSAL, 0x100000009, b"x") == []
    assert receive(state, PacketType.COMMIT, 0x100000009) == []


@pytest.mark.parametrize(
    ("kind", "zxid", "why"),
    [
        (PacketType.PROPOSAL, first_zxid(EPOCH) + 3, "the leader sent transaction 0x200000003 after 0x200000001"),
        (PacketType.COMMIT, first_zxid(EPOCH) + 2, "0x200000001 is the next one"),
        (PacketType.DIFF, LAST, "DIFF was not expected in BROADCAST"),
        (PacketType.REVALIDATE, -1, "REVALIDATE cannot be read"),
        (PacketType.COMMIT_AND_ACTIVATE, first_zxid(EPOCH) + 1, "COMMIT_AND_ACTIVATE cannot be read"),
    ],
)
def test_a_leader_that_says_what_cannot_be_is_left(kind: PacketType, zxid: int, why: str) -> None:
    state = serving()
    receive(state, PacketType.PROPOSAL, first_zxid(EPOCH) + 1, b"a")

    (effect,) = receive(state, kind, zxid, b"x" if kind is PacketType.PROPOSAL else None)

    assert isinstance(effect, learner_state.Leave)
    assert why in effect.reason


def test_transactions_before_the_synchronization_are_refused() -> None:
    state = learner()
    receive(state, PacketType.LEADER_INFO, first_zxid(EPOCH))

    (effect,) = receive(state, PacketType.PROPOSAL, LAST + 1, b"a")

    assert effect == learner_state.Leave("PROPOSAL was not expected in SYNCHRONIZATION")


def test_pings_and_sessions_are_passed_on() -> None:
    state = serving()

    assert receive(state, PacketType.PING, 9) == [learner_state.AnswerPing(9)]
    assert receive(state, PacketType.REVALIDATE, -1, encode_validity(SessionValidity(5, True))) == [
        learner_state.Revalidated(SessionValidity(5, True))
    ]
