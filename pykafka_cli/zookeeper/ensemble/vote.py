"""A vote in the election of an ensemble's leader, and which of two is better."""

from typing import NamedTuple

NO_VOTE = -(2**63)
"""What an observer's notifications contain in place of a leader, a zxid and an epoch."""


class Vote(NamedTuple):
    """For whom a server votes.

    leader           the id of the proposed leader
    zxid             of the last transaction that the proposed leader has logged
    election_epoch   the voter's round of the election, a number in memory only
    peer_epoch       the proposed leader's currentEpoch; once there is a leader, the epoch in force
    source           org.apache.zookeeper.server.quorum.Vote
    """

    leader: int
    zxid: int
    election_epoch: int
    peer_epoch: int

    def is_better_than(self, other: "Vote") -> bool:
        """Whether a server that has voted for `other` in the same round changes to this one (totalOrderPredicate).

        The proposed leader with the longest history wins: nothing that a quorum has acknowledged is missing there.
        """
        return (self.peer_epoch, self.zxid, self.leader) > (other.peer_epoch, other.zxid, other.leader)
