"""The state of a ZooKeeper server: znodes and sessions. Pure.

`apply` is called for each transaction when it is first made and when the log is replayed, with the same effect.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import CloseSessionTxn, CreateSessionTxn, TxnHeader
from pykafka_cli.zookeeper.server.tree import Event, NodeImage, Outcome, Tree

_DIGEST_INTERVAL, _MOST_DIGESTS = 128, 1024  # of DataTree


class Snapshot(NamedTuple):
    """Everything as of one transaction, in stored form.

    `digest` is the tree's after transaction `digest_zxid`, 0 if unknown."""

    timeouts: Mapping[int, int]
    nodes: list[NodeImage]
    digest_zxid: int = 0
    digest: int = 0


class Database:
    """The znodes, and the timeout in ms of each session."""

    def __init__(self, tree: Tree | None = None, timeouts: Iterable[tuple[int, int]] = ()) -> None:
        self.tree = tree or Tree()
        self.timeouts = dict(timeouts)
        self.digests: deque[tuple[int, int]] = deque(maxlen=_MOST_DIGESTS)
        """Transactions, each with the digest of the tree after it, by which servers can be compared."""

    def apply(self, header: TxnHeader, record: JuteRecord | None, events: list[Event]) -> Outcome:
        """Apply a transaction; append to `events` the events for watches."""
        if isinstance(record, CreateSessionTxn):
            self.timeouts[header.client_id] = record.timeout_ms
        elif header.type == OpCode.CLOSE_SESSION:
            self.timeouts.pop(header.client_id, None)
        outcome = self.tree.apply(header, record, events)
        if not header.zxid % _DIGEST_INTERVAL:
            self.digests.append((header.zxid, self.tree.digest))
        return outcome

    def snapshot(self) -> Snapshot:
        """The current state; later transactions do not change it."""
        zxid = self.tree.last_zxid
        return Snapshot(dict(self.timeouts), self.tree.image(), zxid, self.tree.digest if zxid else 0)

    def remove_orphans(self) -> list[str]:
        """Delete ephemerals whose session has ended, and return their paths.

        ZooKeeper's fuzzy snapshots can contain them: they were written after the end of the session was logged.
        """
        orphans: list[str] = []
        for session_id, paths in list(self.tree.ephemerals.items()):
            if session_id not in self.timeouts:
                orphans += paths
                header = TxnHeader(session_id, 0, self.tree.last_zxid, 0, OpCode.CLOSE_SESSION)
                self.apply(header, CloseSessionTxn(tuple(paths)), [])
        return orphans
