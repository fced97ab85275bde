"""The state of a ZooKeeper server: znodes and sessions. Pure.

`apply` is called for each transaction once when it is made and again when the log is replayed, and does the same.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pykafka_cli.zookeeper.protocol.jute import Record
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import CloseSessionTxn, CreateSessionTxn, TxnHeader
from pykafka_cli.zookeeper.server.tree import Event, NodeImage, Outcome, Tree


class Snapshot(NamedTuple):
    """Everything as of one transaction, in the form in which it is stored.

    `digest` is the tree's after transaction `digest_zxid`, 0 where it is not known."""

    timeouts: Mapping[int, int]
    nodes: list[NodeImage]
    digest_zxid: int = 0
    digest: int = 0


class Database:
    """The znodes, and the timeout in ms of each session."""

    def __init__(self, tree: Tree | None = None, timeouts: Iterable[tuple[int, int]] = ()) -> None:
        self.tree = tree or Tree()
        self.timeouts = dict(timeouts)

    def apply(self, header: TxnHeader, record: Record | None, events: list[Event]) -> Outcome:
        """Make the transaction's change; append to `events` what watches should know."""
        if isinstance(record, CreateSessionTxn):
            self.timeouts[header.client_id] = record.timeout_ms
        elif header.type == OpCode.CLOSE_SESSION:
            self.timeouts.pop(header.client_id, None)
        return self.tree.apply(header, record, events)

    def snapshot(self) -> Snapshot:
        """Everything as it is now; later transactions do not change it."""
        zxid = self.tree.last_zxid
        return Snapshot(dict(self.timeouts), self.tree.image(), zxid, self.tree.digest if zxid else 0)

    def remove_orphans(self) -> list[str]:
        """Delete ephemerals whose session is gone, and return their paths.

        ZooKeeper's fuzzy snapshots can contain such: written after their session, whose end was then already logged.
        """
        orphans: list[str] = []
        for session_id, paths in list(self.tree.ephemerals.items()):
            if session_id not in self.timeouts:
                orphans += paths
                header = TxnHeader(session_id, 0, self.tree.last_zxid, 0, OpCode.CLOSE_SESSION)
                self.apply(header, CloseSessionTxn(tuple(paths)), [])
        return orphans
