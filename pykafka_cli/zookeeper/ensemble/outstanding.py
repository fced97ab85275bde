"""The tree as it will be once all that is proposed has been committed: what a leader checks requests against. Pure.

Until it is applied, each proposed transaction is recorded with the state in which it will leave the znodes that it
changes. So the digest of the resulting tree is known beforehand and sent with the proposal, and each server detects
when its tree differs. Source: org.apache.zookeeper.server.{ZooKeeperServer.ChangeRecord, PrepRequestProcessor}.
"""

from typing import NamedTuple

from pykafka_cli.zookeeper.protocol.errors import NoNode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import CONTAINER, Acl, StatPersisted
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import (
    CloseSessionTxn,
    CreateContainerTxn,
    CreateTtlTxn,
    CreateTxn,
    DeleteTxn,
    MultiTxn,
    SetAclTxn,
    SetDataTxn,
    TxnHeader,
    decode_operation,
)
from pykafka_cli.zookeeper.server.paths import split
from pykafka_cli.zookeeper.server.sessions import signed
from pykafka_cli.zookeeper.server.transactions import Facts, TreeView
from pykafka_cli.zookeeper.server.tree import TTL_OWNER, Tree, node_digest


class _Change(NamedTuple):
    """How a transaction leaves a znode; `stat` None: deleted."""

    zxid: int
    data: bytes | None
    acl: tuple[Acl, ...]
    stat: StatPersisted | None
    children: int
    digest: int


class OutstandingView:
    """A View of the znodes after all proposed transactions."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._committed = TreeView(tree)
        self._changes: dict[str, _Change] = {}
        self._paths: dict[int, list[str]] = {}
        """What each outstanding transaction changes."""
        self._digest = 0

    def facts(self, path: str) -> Facts:
        """Raises NoNode."""
        change = self._changes.get(path)
        if change is None:
            return self._committed.facts(path)
        if change.stat is None:
            raise NoNode(path)
        stat = change.stat
        size = len(change.data or b"")
        return Facts(
            stat.version, stat.cversion, stat.aversion, change.children, stat.ephemeral_owner, change.acl, size
        )

    def exists(self, path: str) -> bool:
        change = self._changes.get(path)
        return change.stat is not None if change is not None else path in self._tree.nodes

    def check_quota(self, path: str, *, count: int, size: int) -> None:
        self._committed.check_quota(path, count=count, size=size)  # as in ZooKeeper, which counts what is in the tree

    def ephemerals(self, session_id: int) -> tuple[str, ...]:
        """The znodes that will belong to a session."""
        paths = dict.fromkeys(self._tree.ephemerals.get(session_id, ()))
        for path, change in self._changes.items():
            if change.stat is None or change.stat.ephemeral_owner != session_id:
                paths.pop(path, None)
            else:
                paths[path] = None
        return tuple(paths)

    def note(self, header: TxnHeader, record: JuteRecord) -> int:
        """Add the effects of a transaction that is being proposed; return the digest of the tree after it, signed."""
        if not self._paths:
            self._digest = self._tree.digest
        self._paths[header.zxid] = []
        if isinstance(record, MultiTxn):
            if all(txn.type != OpCode.ERROR for txn in record.txns):
                for txn in record.txns:
                    self._note(header, decode_operation(txn))
        else:
            self._note(header, record)
        return self._digest

    def applied(self, zxid: int) -> None:
        """Remove a transaction, which is in the tree now."""
        for path in self._paths.pop(zxid, ()):
            if (change := self._changes.get(path)) is not None and change.zxid == zxid:
                del self._changes[path]

    def _note(self, header: TxnHeader, record: JuteRecord) -> None:
        zxid, time = header.zxid, header.time
        match record:
            case CreateTxn(path=path, data=data, acl=acl, parent_cversion=cversion):
                self._create(path, data, acl, header.client_id if record.ephemeral else 0, cversion, zxid, time)
            case CreateContainerTxn(path=path, data=data, acl=acl, parent_cversion=cversion):
                self._create(path, data, acl, CONTAINER, cversion, zxid, time)
            case CreateTtlTxn(path=path, data=data, acl=acl, parent_cversion=cversion):
                self._create(path, data, acl, TTL_OWNER | record.ttl, cversion, zxid, time)
            case DeleteTxn(path=path):
                self._delete(path, zxid)
            case SetDataTxn(path=path, data=data, version=version):
                now = self._current(path)
                stat = now.stat
                assert stat is not None
                self._put(
                    path, now._replace(data=data, stat=stat._replace(mzxid=zxid, mtime=time, version=version)), zxid
                )
            case SetAclTxn(path=path, acl=acl, version=version):
                now = self._current(path)
                assert now.stat is not None
                self._put(path, now._replace(acl=acl, stat=now.stat._replace(aversion=version)), zxid)
            case CloseSessionTxn(paths_to_delete=paths):
                for path in paths:
                    self._delete(path, zxid)

    def _create(
        self,
        path: str,
        data: bytes | None,
        acl: tuple[Acl, ...],
        owner: int,
        parent_cversion: int,
        zxid: int,
        time: int,
    ) -> None:
        parent_path, _ = split(path)
        parent = self._current(parent_path)
        assert parent.stat is not None
        stat = parent.stat
        if parent_cversion > stat.cversion:
            stat = stat._replace(cversion=parent_cversion, pzxid=zxid)
        self._put(parent_path, parent._replace(stat=stat, children=parent.children + 1), zxid)
        self._put(
            path, _Change(zxid, data, acl, StatPersisted(zxid, zxid, time, time, 0, 0, 0, owner, zxid), 0, 0), zxid
        )

    def _delete(self, path: str, zxid: int) -> None:
        parent_path, _ = split(path)
        parent = self._current(parent_path)
        assert parent.stat is not None
        stat = parent.stat._replace(pzxid=max(zxid, parent.stat.pzxid))
        self._put(parent_path, parent._replace(stat=stat, children=parent.children - 1), zxid)
        self._put(path, self._current(path)._replace(data=None, acl=(), stat=None, children=0), zxid)

    def _current(self, path: str) -> _Change:
        change = self._changes.get(path)
        if change is not None:
            return change
        node = self._tree.nodes.get(path)
        if node is None:
            return _Change(0, None, (), None, 0, 0)
        return _Change(0, node.data, node.acl, node.stat, len(node.children), node.digest)

    def _put(self, path: str, change: _Change, zxid: int) -> None:
        before = self._current(path).digest
        digest = 0 if change.stat is None else node_digest(path, change.data, change.stat)
        self._digest = signed(self._digest - before + digest)
        self._changes[path] = change._replace(zxid=zxid, digest=digest)
        self._paths[zxid].append(path)
