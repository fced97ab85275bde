"""The election of an ensemble's leader (FastLeaderElection), as decisions alone: no clock, no connections.

    election = Election(my_id, configuration)
    send(election.look(last_zxid, current_epoch, now))
    send(election.receive(sender, notification, now))     for each notification, in every state
    send(election.time_out(now))                          once it is `election.deadline`
    election.elected                                      the vote that won; its leader may be this server

A server first votes for itself, then adopts the best vote that it receives in its round: the one for the longest
history. Once a quorum has the same vote, it waits FINALIZE_S for a better one; then the leader is elected. A server
that arrives late follows the leader that a quorum already follows.

Source: org.apache.zookeeper.server.quorum.FastLeaderElection
"""

from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.model import Seconds
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.notifications import Notification, ServerState
from pykafka_cli.zookeeper.ensemble.vote import NO_VOTE, Vote

FINALIZE_S = Seconds(0.2)
"""How long a server waits for a better vote once a quorum has the same one (finalizeWait)."""

_NEVER_REACHED = 2**62  # no server reaches this round by counting
_NOT_LOADED = -1  # the zxid of a server that has not read its data yet

Message = tuple[int, Notification]
"""The id of the receiving server, and what to send."""


class _Heard(NamedTuple):
    """A vote that was received, the state of its sender and the version of its format."""

    vote: Vote
    state: ServerState
    version: int


class Election:
    """The votes of one server, over all its elections.

    state          LOOKING, or the role from the last election
    round          of the current or last election: ZooKeeper's logical clock
    vote           while LOOKING the proposal, then the one that won, with the epoch that followed
    elected        the vote that won; None while it looks
    deadline       when `time_out` is due; None if nothing is pending
    newer          a later configuration, received while LOOKING; call `look` again with it
    """

    def __init__(
        self,
        my_id: int,
        configuration: EnsembleConfiguration,
        last_seen: EnsembleConfiguration | None = None,
        *,
        intervals: tuple[Seconds, Seconds] = (FINALIZE_S, Seconds(60.0)),
        accepts_newer: bool = False,
    ) -> None:
        """Create a server that takes part in no election yet.

        last_seen        a configuration that was proposed and perhaps not committed: its quorum must agree as well
        intervals        the first and the longest wait before its vote is sent again
        accepts_newer    whether it adopts a later configuration (reconfigEnabled)
        """
        self._my_id = my_id
        self._intervals = intervals
        self._accepts_newer = accepts_newer
        self.reconfigure(configuration, last_seen)
        self.state = ServerState.LOOKING
        self.round = 0
        self.vote = Vote(my_id, 0, 0, 0)
        self.elected: Vote | None = None
        self.newer: EnsembleConfiguration | None = None
        self._first_vote = self.vote
        self._votes: dict[int, _Heard] = {}
        self._established: dict[int, _Heard] = {}
        self._interval = intervals[0]
        self._resend_at: float | None = None
        self._final_at: float | None = None

    def reconfigure(self, configuration: EnsembleConfiguration, last_seen: EnsembleConfiguration | None = None) -> None:
        """Adopt another configuration, in any state."""
        self.configuration = configuration
        is_later = last_seen is not None and last_seen.version > configuration.version
        self._configurations = [configuration, last_seen] if last_seen and is_later else [configuration]
        self._voters = frozenset[int]().union(*(each.voters for each in self._configurations))

    @property
    def deadline(self) -> float | None:
        due = [each for each in (self._resend_at, self._final_at) if each is not None]
        return min(due, default=None)

    def look(self, last_zxid: int, current_epoch: int, now: float) -> list[Message]:
        """Begin another round.

        last_zxid        of this server's last logged transaction
        current_epoch    its currentEpoch
        """
        self.state, self.elected, self.newer = ServerState.LOOKING, None, None
        self.round += 1
        self._votes.clear()
        self._established.clear()
        self._final_at = None
        self._interval = self._intervals[0]
        self._first_vote = self._own_vote(last_zxid, current_epoch)
        return self._propose(self._first_vote, now)

    def receive(self, sender: int, notification: Notification, now: float) -> list[Message]:
        """Process a notification; return the responses, and this server's vote if it has changed."""
        if self.state is ServerState.LOOKING and self._is_newer(notification):
            return []
        is_asked = notification.state is ServerState.LOOKING and self._my_id in self._voters
        if sender not in self._voters or self.state is not ServerState.LOOKING:
            # A server without a vote asks only voters, and no voter counts what it sends: two servers that respond to
            # responses, as ZooKeeper's observers and voters do, would never stop.
            return [(sender, self._notification())] if is_asked else []
        if notification.state is ServerState.LOOKING:
            return self._hear_looking(sender, notification, now)
        if notification.vote.leader in self._voters and notification.state is not ServerState.OBSERVING:
            self._hear_established(sender, notification)
        return []

    def time_out(self, now: float) -> list[Message]:
        """Decide if no better vote arrived in time, or send the vote again; do nothing if neither is due."""
        if self._final_at is not None and now >= self._final_at:
            self._decide(self.vote)
            return []
        if self._resend_at is None or now < self._resend_at:
            return []
        self._interval = Seconds(min(2 * self._interval, self._intervals[1]))
        return self._send_all(now)

    def follow_epoch(self, epoch: int) -> None:
        """The elected leader's epoch is in force: send it to servers that ask (QuorumPeer.updateElectionVote)."""
        if self.elected is not None:
            self.vote = self.vote._replace(peer_epoch=epoch)

    def _own_vote(self, last_zxid: int, current_epoch: int) -> Vote:
        me = self.configuration.servers.get(self._my_id)
        leader = self._my_id if self._my_id in self.configuration.voters else NO_VOTE
        if me is not None and me.is_observer:
            return Vote(leader, NO_VOTE, self.round, NO_VOTE)
        return Vote(leader, last_zxid, self.round, current_epoch)

    def _propose(self, vote: Vote, now: float) -> list[Message]:
        self.vote = vote._replace(election_epoch=self.round)
        if self._my_id in self._voters:
            self._votes[self._my_id] = _Heard(self.vote, ServerState.LOOKING, 0)
        self._check_votes(now)
        return self._send_all(now)

    def _send_all(self, now: float) -> list[Message]:
        self._resend_at = now + self._interval
        return [(voter, self._notification()) for voter in sorted(self._voters - {self._my_id})]

    def _notification(self) -> Notification:
        return Notification(self.state, self.vote, str(self.configuration))

    def _is_newer(self, notification: Notification) -> bool:
        """Whether this election is over because the sender's configuration is later than this server's."""
        if not self._accepts_newer or notification.configuration in (None, str(self.configuration)):
            return False
        try:
            configuration = EnsembleConfiguration.parse(notification.configuration)
        except ConfigError:
            return False
        if configuration.version <= self.configuration.version:
            return False
        self.newer = configuration
        self._resend_at = self._final_at = None
        return True

    def _hear_looking(self, sender: int, notification: Notification, now: float) -> list[Message]:
        vote, voters_round = notification.vote, notification.vote.election_epoch
        if voters_round < self.round:
            return [(sender, self._notification())] if self._my_id in self._voters else []
        if vote.zxid == _NOT_LOADED or voters_round > _NEVER_REACHED:
            return []
        messages = []
        # A server that has a vote only in a proposed configuration votes for nobody until it hears of a candidate. Its
        # vote may be needed, so it is met in its round; ZooKeeper ignores it, and may never elect anybody.
        is_for_candidate = vote.leader in self._voters
        if voters_round > self.round:
            if self._final_at is not None and not (is_for_candidate and vote.is_better_than(self.vote)):
                return []  # this server is about to elect a leader, of which its notifications will inform the sender
            self.round = voters_round
            self._votes.clear()
            self._final_at = None
            is_better = is_for_candidate and vote.is_better_than(self._first_vote)
            messages = self._propose(vote if is_better else self._first_vote, now)
        elif is_for_candidate and vote.is_better_than(self.vote):
            self._final_at = None
            messages = self._propose(vote, now)
        elif self.vote.is_better_than(vote) and self._my_id in self._voters:
            # Its sender has not received this server's vote, perhaps because it was not LOOKING yet. ZooKeeper waits
            # until the vote is sent again.
            messages = [(sender, self._notification())]
        if is_for_candidate:
            self._votes[sender] = _Heard(vote, ServerState.LOOKING, 0)
            self._check_votes(now)
        return messages

    def _check_votes(self, now: float) -> None:
        """Wait for a better vote if a quorum has this server's; stop waiting if it does not."""
        if not self._has_quorum(self._votes, _Heard(self.vote, ServerState.LOOKING, 0)):
            self._final_at = None
        elif self._final_at is None:
            self._final_at = now + FINALIZE_S

    def _hear_established(self, sender: int, notification: Notification) -> None:
        """Follow a leader that a quorum follows and that itself claims to lead."""
        vote = notification.vote
        heard = _Heard(vote, notification.state, notification.version)
        if vote.election_epoch == self.round:
            # As in ZooKeeper, the version is left out: within one round, only the leader is compared.
            self._votes[sender] = heard._replace(version=0)
            if self._is_followed(self._votes, heard) and self._leads(self._votes, vote):
                self._decide(vote)
                return
        self._established[sender] = heard
        if self._is_followed(self._established, heard) and self._leads(self._established, vote):
            self.round = max(self.round, min(vote.election_epoch, _NEVER_REACHED))
            self._decide(vote)

    def _leads(self, votes: Mapping[int, _Heard], vote: Vote) -> bool:
        """Whether the elected leader itself claims to lead: whatever the others claim, it may be dead (checkLeader)."""
        if vote.leader == self._my_id:
            return self.round == vote.election_epoch
        leader = votes.get(vote.leader)
        return leader is not None and leader.state is ServerState.LEADING

    def _has_quorum(self, votes: Mapping[int, _Heard], wanted: _Heard) -> bool:
        return all(each.is_quorum(_agreeing(votes, wanted)) for each in self._configurations)

    def _is_followed(self, votes: Mapping[int, _Heard], leader: _Heard) -> bool:
        """Whether a quorum follows a leader.

        One that does not know of a proposed configuration leads without its quorum; to follow it is safe. ZooKeeper's
        servers stay away until servers of the proposed configuration follow it as well.
        """
        return self.configuration.is_quorum(_agreeing(votes, leader))

    def _decide(self, vote: Vote) -> None:
        me = self.configuration.servers.get(self._my_id)
        if vote.leader == self._my_id:
            self.state = ServerState.LEADING
        else:
            self.state = ServerState.OBSERVING if me is not None and me.is_observer else ServerState.FOLLOWING
        self.vote = self.elected = vote
        self._resend_at = self._final_at = None


def _agreeing(votes: Mapping[int, _Heard], wanted: _Heard) -> set[int]:
    return {sender for sender, heard in votes.items() if _agree(heard, wanted)}


def _agree(one: _Heard, other: _Heard) -> bool:
    """Whether two votes are for the same (Vote.equals).

    Of an established leader, only the id and the epoch count: servers may know different votes from its election.
    """
    if ServerState.LOOKING in (one.state, other.state):
        return one.vote == other.vote
    if (one.version > 0) != (other.version > 0):
        return one.vote.leader == other.vote.leader
    return (one.vote.leader, one.vote.peer_epoch) == (other.vote.leader, other.vote.peer_epoch)
