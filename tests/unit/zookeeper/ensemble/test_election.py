import pytest

from pykafka_cli.model import Seconds
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.election import FINALIZE_S, Election, Message
from pykafka_cli.zookeeper.ensemble.notifications import Notification, ServerState
from pykafka_cli.zookeeper.ensemble.vote import NO_VOTE, Vote
from tests.support.zab_recordings import frames

LOOKING, FOLLOWING, LEADING = ServerState.LOOKING, ServerState.FOLLOWING, ServerState.LEADING
OBSERVING = ServerState.OBSERVING


def ensemble(voters: int = 3, observers: int = 0, version: int = 0) -> EnsembleConfiguration:
    lines = [f"server.{n}=h:{n}:100{':observer' if n > voters else ''}" for n in range(1, voters + observers + 1)]
    return EnsembleConfiguration.parse("\n".join([*lines, f"version={version:x}"]))


def said(state: ServerState, leader: int, zxid: int, election_round: int, epoch: int, version: int = 2) -> Notification:
    return Notification(state, Vote(leader, zxid, election_round, epoch), None, version)


def looking(
    my_id: int = 2, zxid: int = 5, epoch: int = 1, configuration: EnsembleConfiguration | None = None
) -> Election:
    election = Election(my_id, configuration or ensemble())
    election.look(zxid, epoch, 0.0)
    return election


def votes(messages: list[Message]) -> dict[int, Vote]:
    return {receiver: notification.vote for receiver, notification in messages}


def elected(my_id: int, leader: int) -> Election:
    """A server that follows the leader of the first round."""
    election = looking(my_id)
    for voter in (1, 5 - my_id):
        election.receive(voter, said(LEADING if voter == leader else FOLLOWING, leader, 9, 1, 1), 0.1)
    return election


def deliver(elections: dict[int, Election], sender: int, messages: list[Message], now: float) -> None:
    """Deliver what a server sends, and all that is sent because of it; some servers are not alive."""
    for receiver, notification in messages:
        if receiver in elections:
            deliver(elections, receiver, elections[receiver].receive(sender, notification, now), now)


def test_a_server_votes_for_itself_at_first_and_tells_every_other_voter() -> None:
    election = Election(2, ensemble(3, observers=1))

    messages = election.look(5, 1, 0.0)

    assert votes(messages) == {1: Vote(2, 5, 1, 1), 3: Vote(2, 5, 1, 1)}
    assert {(each.state, each.configuration) for _, each in messages} == {(LOOKING, str(ensemble(3, observers=1)))}


def test_a_better_vote_of_the_round_is_taken_over_and_told() -> None:
    election = looking()

    assert votes(election.receive(3, said(LOOKING, 3, 9, 1, 1), 0.1)) == {1: Vote(3, 9, 1, 1), 3: Vote(3, 9, 1, 1)}


def test_a_worse_vote_of_the_round_is_answered_to_its_sender_alone() -> None:
    election = looking()

    assert votes(election.receive(3, said(LOOKING, 3, 4, 1, 1), 0.1)) == {3: Vote(2, 5, 1, 1)}
    assert election.vote == Vote(2, 5, 1, 1)


def test_the_same_vote_is_not_answered() -> None:
    assert looking().receive(3, said(LOOKING, 2, 5, 1, 1), 0.1) == []


@pytest.mark.parametrize("first", [2, 3])
def test_of_servers_that_lose_their_leader_it_does_not_matter_which_notices_first(first: int) -> None:
    elections = {each: elected(each, leader=1) for each in (2, 3)}
    second = 5 - first

    deliver(elections, first, elections[first].look(5, 1, 1.0), 1.0)
    assert elections[second].state is FOLLOWING
    deliver(elections, second, elections[second].look(5, 1, 1.01), 1.01)

    for each in elections.values():
        each.time_out(1.01 + FINALIZE_S)

    assert [each.elected.leader for each in elections.values() if each.elected] == [3, 3]


def test_a_vote_of_an_earlier_round_is_answered_to_its_sender_alone() -> None:
    election = looking()
    election.look(5, 1, 1.0)

    assert votes(election.receive(3, said(LOOKING, 3, 9, 1, 1), 1.1)) == {3: Vote(2, 5, 2, 1)}


def test_a_later_round_is_joined_with_the_better_of_its_vote_and_the_own_first_one() -> None:
    election = looking(configuration=ensemble(5))
    election.receive(3, said(LOOKING, 3, 9, 1, 1), 0.1)

    election.receive(1, said(LOOKING, 1, 4, 7, 1), 0.2)

    assert (election.round, election.vote) == (7, Vote(2, 5, 7, 1))
    assert set(votes(election.receive(1, said(LOOKING, 1, 9, 8, 1), 0.2)).values()) == {Vote(1, 9, 8, 1)}


def test_once_a_quorum_agrees_a_better_vote_is_waited_for() -> None:
    election = looking()
    election.receive(1, said(LOOKING, 2, 5, 1, 1), 0.0)

    assert (election.elected, election.deadline) == (None, FINALIZE_S)
    election.time_out(0.19)
    assert election.elected is None

    election.time_out(0.2)
    assert (election.state, election.elected, election.deadline) == (LEADING, Vote(2, 5, 1, 1), None)


def test_a_better_vote_in_time_changes_the_leader() -> None:
    election = looking()
    election.receive(1, said(LOOKING, 2, 5, 1, 1), 0.1)
    election.receive(3, said(LOOKING, 3, 9, 1, 1), 0.2)

    election.time_out(0.39)
    assert election.state is LOOKING

    election.time_out(0.4)
    assert (election.state, election.vote.leader) == (FOLLOWING, 3)


def test_a_voter_that_changes_its_vote_is_no_longer_counted() -> None:
    election = looking(configuration=ensemble(5))
    for voter in (1, 3):
        election.receive(voter, said(LOOKING, 2, 5, 1, 1), 0.1)
    election.receive(3, said(LOOKING, 1, 5, 1, 1), 0.2)

    election.time_out(10.0)

    assert election.elected is None


def test_a_later_round_with_nothing_better_does_not_stop_a_decision() -> None:
    election = looking()
    election.receive(1, said(LOOKING, 2, 5, 1, 1), 0.1)

    assert election.receive(3, said(LOOKING, 3, 4, 9, 1), 0.2) == []
    election.time_out(0.4)

    assert (election.round, election.state) == (1, LEADING)


def test_a_vote_is_sent_again_less_and_less_often() -> None:
    election = Election(2, ensemble(), intervals=(Seconds(0.2), Seconds(0.5)))
    election.look(5, 1, 0.0)
    sent = []

    for _ in range(4):
        due = election.deadline or 0.0
        assert votes(election.time_out(due)) == {1: Vote(2, 5, 1, 1), 3: Vote(2, 5, 1, 1)}
        sent.append(round(due, 1))

    assert sent == [0.2, 0.6, 1.1, 1.6]
    assert election.time_out(1.7) == []


def test_a_server_whose_leader_is_elected_answers_whoever_looks_and_nobody_else() -> None:
    election = looking()
    election.receive(1, said(LOOKING, 2, 5, 1, 1), 0.1)
    election.time_out(0.4)
    election.follow_epoch(2)

    assert election.receive(1, said(FOLLOWING, 2, 5, 1, 1), 1.0) == []
    assert election.receive(3, said(LOOKING, 3, 4, 9, 1), 1.0) == [
        (3, Notification(LEADING, Vote(2, 5, 1, 2), str(ensemble())))
    ]


def test_a_late_server_follows_the_leader_that_a_quorum_follows() -> None:
    election = looking(1, zxid=9)

    election.receive(3, said(FOLLOWING, 2, 0, 4, 6), 0.1)
    assert election.elected is None
    election.receive(2, said(LEADING, 2, 0, 4, 6), 0.2)

    assert (election.state, election.elected, election.round) == (FOLLOWING, Vote(2, 0, 4, 6), 4)


def test_a_leader_that_does_not_say_so_itself_is_not_followed() -> None:
    election = looking(1, configuration=ensemble(5))

    for voter in (2, 3, 4):
        election.receive(voter, said(FOLLOWING, 5, 0, 4, 6), 0.1)
    assert election.state is LOOKING

    election.receive(5, said(LEADING, 5, 0, 4, 6), 0.1)
    assert election.vote.leader == 5


def test_answers_of_different_epochs_are_no_quorum() -> None:
    election = looking(1)

    election.receive(3, said(FOLLOWING, 2, 0, 4, 5), 0.1)
    election.receive(2, said(LEADING, 2, 0, 4, 6), 0.2)

    assert election.elected is None


def test_of_a_server_before_3_4_6_the_epoch_is_not_compared() -> None:
    election = looking(1)

    election.receive(3, said(FOLLOWING, 2, 0, 4, 0, version=0), 0.1)
    election.receive(2, said(LEADING, 2, 0, 4, 6), 0.2)

    assert election.elected.leader == 2


def test_of_the_same_round_a_leader_in_office_is_followed_at_once() -> None:
    election = looking(1)

    election.receive(3, said(FOLLOWING, 2, 0, 1, 5), 0.1)
    election.receive(2, said(LEADING, 2, 0, 1, 6), 0.2)

    assert (election.state, election.elected.peer_epoch) == (FOLLOWING, 6)


def test_a_server_that_all_others_follow_in_its_round_leads() -> None:
    election = looking(1)

    for voter in (2, 3):
        election.receive(voter, said(FOLLOWING, 1, 9, 1, 1), 0.1)

    assert election.state is LEADING


def test_a_server_that_the_others_followed_in_another_round_does_not_lead() -> None:
    election = looking(1)

    for voter in (2, 3):
        election.receive(voter, said(FOLLOWING, 1, 9, 4, 1), 0.1)

    assert election.elected is None


def test_an_observer_votes_for_nobody_and_observes_whom_the_voters_elect() -> None:
    election = Election(4, ensemble(3, observers=1))

    first = election.look(5, 1, 0.0)
    election.receive(3, said(LEADING, 3, 0, 4, 6), 0.1)
    election.receive(1, said(FOLLOWING, 3, 0, 4, 6), 0.1)

    assert set(votes(first).values()) == {Vote(NO_VOTE, NO_VOTE, 1, NO_VOTE)}
    assert (election.state, election.elected.leader) == (OBSERVING, 3)


def test_an_observers_vote_does_not_count_but_is_answered_at_once() -> None:
    election = looking(configuration=ensemble(3, observers=1))

    answer = election.receive(4, said(LOOKING, 2, 5, 1, 1), 0.1)
    election.time_out(0.19)

    assert (votes(answer), election.deadline) == ({4: Vote(2, 5, 1, 1)}, FINALIZE_S)
    assert election.elected is None


@pytest.mark.parametrize("state", [OBSERVING, FOLLOWING, LEADING])
def test_nobody_responds_to_responses(state: ServerState) -> None:
    voter = looking(configuration=ensemble(3, observers=1))
    observer = looking(4, configuration=ensemble(3, observers=1))
    observer.look(5, 1, 0.0)

    assert voter.receive(4, said(state, 2, 5, 1, 1), 0.1) == []
    assert observer.receive(2, said(LOOKING, 2, 5, 1, 1), 0.1) == []


def test_a_server_that_is_not_in_the_configuration_finds_its_leader_without_a_vote() -> None:
    election = Election(9, ensemble())

    first = election.look(5, 1, 0.0)
    election.receive(2, said(LEADING, 2, 0, 4, 6), 0.1)
    election.receive(1, said(FOLLOWING, 2, 0, 4, 6), 0.1)

    assert set(votes(first)) == {1, 2, 3}
    assert election.state is FOLLOWING


def test_the_only_voter_elects_itself() -> None:
    election = looking(1, configuration=ensemble(1))

    election.time_out(0.2)

    assert (election.state, election.elected) == (LEADING, Vote(1, 5, 1, 1))


@pytest.mark.parametrize(
    "lie",
    [
        said(LOOKING, 9, 99, 1, 9),
        said(LOOKING, 3, -1, 1, 9),
        said(LOOKING, 3, 99, 2**63 - 1, 9),
        said(LEADING, 9, 99, 1, 9),
        said(OBSERVING, 3, 99, 1, 9),
    ],
    ids=["a leader that is none", "no data yet", "a round that nobody reaches", "a strange leader", "an observer"],
)
def test_what_cannot_be_changes_nothing(lie: Notification) -> None:
    election = looking()

    assert election.receive(3, lie, 0.1) == []
    assert (election.vote, election.round, election.elected) == (Vote(2, 5, 1, 1), 1, None)


def test_a_leader_must_have_both_quorums_while_a_configuration_is_proposed() -> None:
    election = Election(1, ensemble(1), ensemble(3, version=7))
    election.look(5, 1, 0.0)
    election.time_out(5.0)
    assert election.elected is None

    election.receive(2, said(LOOKING, 1, 5, 1, 1), 5.1)
    election.time_out(5.3)
    assert election.state is LEADING


def test_a_voter_of_a_proposed_configuration_alone_is_met_in_its_round() -> None:
    """It votes for nobody at first; as long as it is ahead of the others, it counts none of their votes."""
    former = EnsembleConfiguration.parse("server.1=h:1:100\nserver.3=h:3:100\nversion=5")
    proposed = EnsembleConfiguration.parse("server.3=h:3:100\nserver.5=h:5:100\nversion=6")
    elections = {each: Election(each, former, proposed) for each in (1, 3, 5)}
    elections[5].look(7, 1, 0.0)

    first = {each: election.look(7, 1, 0.0) for each, election in elections.items()}
    for each, messages in first.items():
        deliver(elections, each, messages, 0.0)
    for election in elections.values():
        election.time_out(FINALIZE_S)

    assert {each: election.elected for each, election in elections.items()} == dict.fromkeys(
        (1, 3, 5), Vote(3, 7, 2, 1)
    )


def test_servers_that_vote_for_nobody_do_not_answer_each_other_forever() -> None:
    proposed = EnsembleConfiguration.parse("server.4=h:4:100\nserver.5=h:5:100\nversion=6")
    elections = {each: Election(each, ensemble(3), proposed) for each in (3, 4, 5)}

    first = {
        each: election.look(zxid, 1, 0.0) for (each, election), zxid in zip(elections.items(), (5, 9, 7), strict=True)
    }
    for each, messages in first.items():
        deliver(elections, each, messages, 0.0)

    assert [election.vote.leader for election in elections.values()] == [3, NO_VOTE, NO_VOTE]


def test_a_leader_without_the_quorum_of_a_configuration_that_only_this_server_knows_is_followed() -> None:
    election = Election(2, ensemble(), ensemble(5, version=9))
    election.look(5, 1, 0.0)

    election.receive(1, said(LEADING, 1, 4, 7, 2), 0.1)
    election.receive(3, said(FOLLOWING, 1, 4, 7, 2), 0.1)

    assert election.elected == Vote(1, 4, 7, 2)


def test_a_proposed_configuration_that_is_older_does_not_count() -> None:
    election = Election(1, ensemble(1, version=8), ensemble(3, version=7))
    election.look(5, 1, 0.0)

    election.time_out(0.2)

    assert election.state is LEADING


def newer_from(sender: int, election: Election) -> EnsembleConfiguration | None:
    notification = Notification(LOOKING, Vote(sender, 1, 1, 1), str(ensemble(5, version=0x100000009)))
    election.receive(sender, notification, 0.1)
    return election.newer


def test_a_later_configuration_is_reported_and_the_election_begins_again_with_it() -> None:
    election = Election(1, ensemble(), accepts_newer=True)
    election.look(5, 1, 0.0)

    newer = newer_from(4, election)
    assert (newer, election.deadline) == (ensemble(5, version=0x100000009), None)

    assert newer is not None
    election.reconfigure(newer)
    assert set(votes(election.look(5, 1, 0.2))) == {2, 3, 4, 5}


def test_a_later_configuration_is_ignored_unless_there_may_be_any() -> None:
    assert newer_from(3, looking(1)) is None


def test_a_configuration_that_cannot_be_is_ignored() -> None:
    election = Election(1, ensemble(), accepts_newer=True)
    election.look(5, 1, 0.0)

    election.receive(3, Notification(LOOKING, Vote(3, 1, 1, 1), "server.1=a\nversion=9"), 0.1)

    assert (election.newer, election.vote) == (None, Vote(1, 5, 1, 1))


def test_the_recorded_first_election_goes_as_it_went() -> None:
    """Server 1 hears what it heard from the first start on, and says what it said."""
    heard = [frame for frame in frames("first-start", "election", "notification") if 1 in (frame["from"], frame["to"])]
    configuration = EnsembleConfiguration.parse(heard[0]["d"]["config"])
    election = Election(1, configuration)
    said_by_us = {votes_for.vote for _, votes_for in election.look(0, 0, 0.0)}

    for frame in heard:
        if frame["to"] == 1 and election.elected is None:
            notification = Notification.decode(bytes.fromhex(frame["hex"])[4:])
            said_by_us.update(each.vote for _, each in election.receive(frame["from"], notification, 0.1))
            election.time_out(0.1 + FINALIZE_S)

    said_by_theirs = {Notification.decode(bytes.fromhex(f["hex"])[4:]).vote for f in heard if f["from"] == 1}
    assert said_by_us == {vote._replace(peer_epoch=0) for vote in said_by_theirs}
    assert (election.state, election.elected.leader) == (FOLLOWING, 2)
