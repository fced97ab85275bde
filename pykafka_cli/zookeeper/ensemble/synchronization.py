"""What a learner lacks when it connects, and how it gets it. Pure.

    p = its last logged transaction; L = the last one here; m..M = those that are in memory (L..L if there are none)

    p = L                                      DIFF, and nothing more
    p > M                                      TRUNC to M: nobody else has those
    m <= p <= M, p is here                     DIFF, and what follows p
    m <= p <= M, p is not, the next one is     TRUNC to the one before p, and what follows that
      of the same epoch
    p < m, the log files go back to p          the same with what is in the files
    else                                       SNAP, the whole tree

p may also be the beginning of an epoch (its counter is 0), of which nobody has a transaction: DIFF, what follows it.
Source: org.apache.zookeeper.server.quorum.LearnerHandler.syncFollower.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pykafka_cli.zookeeper.ensemble.packets import PacketType, QuorumPacket, epoch_of, first_zxid


class LoggedTxn(NamedTuple):
    """A transaction, and its entry in the log."""

    zxid: int
    entry: bytes


class Synchronization(NamedTuple):
    """How to begin (DIFF, TRUNC or SNAP), and the transactions to propose and commit after that."""

    beginning: QuorumPacket
    txns: Sequence[LoggedTxn] = ()


def plan_synchronization(
    last_zxid: int,
    last_processed: int,
    recent: Sequence[LoggedTxn],
    logged_from: Callable[[int], Sequence[LoggedTxn]],
) -> Synchronization:
    """How to bring a learner up to date.

    last_zxid         of the learner's log
    last_processed    the last transaction of the tree here
    recent            the last committed transactions, without gaps, up to the last one
    logged_from       returns what the log files have from a transaction or one before it on, up to `recent`'s first or
                      beyond, without gaps; nothing if they do not go back that far, or would be too much to send
    """
    highest = recent[-1].zxid if recent else last_processed
    lowest = recent[0].zxid if recent else last_processed
    is_beginning_of_epoch = last_zxid == first_zxid(epoch_of(last_zxid))
    plan: Synchronization | None = None
    if last_zxid == last_processed:
        plan = Synchronization(QuorumPacket(PacketType.DIFF, last_zxid))
    elif last_zxid > highest and not is_beginning_of_epoch:
        plan = Synchronization(QuorumPacket(PacketType.TRUNC, highest))
    elif lowest <= last_zxid <= highest:
        plan = _from(last_zxid, recent, highest, is_beginning_of_epoch)
    elif last_zxid < lowest and recent:
        logged = logged_from(last_zxid)
        if logged and logged[0].zxid <= last_zxid and logged[-1].zxid >= lowest:
            txns = [*(txn for txn in logged if txn.zxid < lowest), *recent]
            plan = _from(last_zxid, txns, highest, is_beginning_of_epoch)
    return plan or Synchronization(QuorumPacket(PacketType.SNAP, last_processed))


def _from(
    last_zxid: int, txns: Sequence[LoggedTxn], highest: int, is_beginning_of_epoch: bool
) -> Synchronization | None:
    """How to continue from `last_zxid` with `txns`, of which the first is not after it; None if that is impossible."""
    at = bisect_left(txns, last_zxid, key=lambda txn: txn.zxid)
    if at < len(txns) and txns[at].zxid == last_zxid:
        return Synchronization(QuorumPacket(PacketType.DIFF, highest), txns[at + 1 :])
    if is_beginning_of_epoch:
        return Synchronization(QuorumPacket(PacketType.DIFF, highest), txns[at:])
    if at == 0 or at == len(txns) or epoch_of(txns[at].zxid) != epoch_of(last_zxid):
        return None
    return Synchronization(QuorumPacket(PacketType.TRUNC, txns[at - 1].zxid), txns[at:])
