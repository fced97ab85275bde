"""The znodes, and how transactions change them. Pure: no I/O, no clock; equal transactions make equal trees.

Only `Tree.apply` changes a tree, for new requests and when the log is replayed. It never rejects: checks were made
before
a transaction was written (transactions.py). An impossible effect (possible when a log is replayed over a snapshot that
was taken while ZooKeeper was running) is reported as `err`, and the rest of the transaction takes effect, as in
ZooKeeper.

The tree keeps a digest of all znodes outside /zookeeper: the sum, modulo 2**64, of each one's CRC-32 over path (the
root's is empty), data and

    czxid | mzxid | pzxid | ctime | mtime int64 | version | cversion | aversion int32 | ephemeral_owner int64

It is written with each transaction, so a replay that differs from the original is detected immediately.
Source: org.apache.zookeeper.server.{DataTree, DataNode, DigestCalculator}.
"""

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from pykafka_cli.zookeeper.protocol.errors import ErrorCode, KeeperError, NodeExists, NoNode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.quota_text import LIMITS
from pykafka_cli.zookeeper.protocol.records import CONTAINER, OPEN_ACL, READ_ACL, Acl, EventType, Stat, StatPersisted
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import (
    CloseSessionTxn,
    CreateContainerTxn,
    CreateTtlTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    SetAclTxn,
    SetDataTxn,
    TxnHeader,
    decode_operation,
)
from pykafka_cli.zookeeper.server import acl as access
from pykafka_cli.zookeeper.server.paths import CONFIG, QUOTA, ROOT, ZOOKEEPER, split
from pykafka_cli.zookeeper.server.quotas import Quotas, more_stats, stats, stats_path

_DIGESTED = Struct(">qqqqqiiiq")
_DIGEST_MASK = 0xFFFFFFFFFFFFFFFF
_UNDIGESTED = ZOOKEEPER + "/"
_NEW = StatPersisted(0, 0, 0, 0, 0, 0, 0, 0, 0)
TTL_OWNER = -(1 << 56)  # 0xff in the first byte; the time to live, in ms, is in the low 40 bits
LONGEST_TTL_MS = (1 << 40) - 1
_RESERVED = 0xFFFF << 40  # bits that say what kind of extended type it is; none: a time to live


class Node:
    """One znode. Never share `children`; everything else is immutable, so a copy of the fields is a snapshot."""

    __slots__ = ("acl", "children", "data", "digest", "stat")

    def __init__(self, data: bytes | None, acl: tuple[Acl, ...], stat: StatPersisted) -> None:
        self.data = data
        self.acl = acl
        self.stat = stat
        self.children: dict[str, None] = {}
        self.digest = 0

    def client_stat(self) -> Stat:
        """The stat as clients see it."""
        czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, pzxid = self.stat
        children = len(self.children)
        return Stat(
            czxid,
            mzxid,
            ctime,
            mtime,
            version,
            int32(cversion * 2 - children),  # all creations, and deletions of children that no longer exist
            aversion,
            0 if owner == CONTAINER or has_ttl(owner) else owner,
            0 if self.data is None else len(self.data),
            children,
            pzxid,
        )


class NodeImage(NamedTuple):
    """The stored form of a znode in snapshots."""

    path: str
    data: bytes | None
    acl: tuple[Acl, ...]
    stat: StatPersisted


class Event(NamedTuple):
    """An event for watches; `acl` decides who may see it."""

    type: EventType
    path: str
    acl: tuple[Acl, ...]


class Outcome(NamedTuple):
    """The outcome of a transaction (or, in `results`, of each operation of a multi)."""

    type: int
    err: int = ErrorCode.OK
    path: str | None = None
    stat: Stat | None = None
    results: tuple["Outcome", ...] = ()


def has_ttl(owner: int) -> bool:
    """Whether an `ephemeral_owner` is a time to live."""
    return owner != CONTAINER and owner & TTL_OWNER == TTL_OWNER and not owner & _RESERVED


def int32(number: int) -> int:
    """`number` in 32 bits: after two billion changes, version numbers continue from the lowest."""
    return (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def node_digest(path: str, data: bytes | None, stat: StatPersisted) -> int:
    """What a znode adds to the digest of its tree; nothing below /zookeeper does."""
    if path.startswith(_UNDIGESTED):
        return 0  # quotas are counted by each server for itself
    czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, pzxid = stat
    digest = crc32(b"" if path == ROOT else path.encode())
    if data:
        digest = crc32(data, digest)
    numbers = _DIGESTED.pack(czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, owner)
    return crc32(numbers, digest)


class Tree:
    """Every znode by its path.

    Invariant: a parent precedes its children in `nodes`, so an image can be read in order.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.ephemerals: dict[int, dict[str, None]] = {}
        self.containers: dict[str, None] = {}
        self.with_ttl: dict[str, None] = {}
        self.quotas = Quotas()
        self.last_zxid = 0
        self.data_size = 0
        """Characters of all paths and bytes of all data."""
        self._digest = 0
        self._add(ROOT, Node(b"", OPEN_ACL, _NEW))
        self._add(ZOOKEEPER, Node(b"", OPEN_ACL, _NEW))
        self._add(CONFIG, Node(b"", READ_ACL, _NEW._replace(aversion=-1)))
        self._add(QUOTA, Node(b"", OPEN_ACL, _NEW))

    @classmethod
    def restore(cls, image: Iterable[NodeImage], last_zxid: int) -> "Tree":
        """The tree of an image; raises NoNode if a znode precedes its parent or has none."""
        tree = cls.__new__(cls)
        tree.nodes = {}
        tree.ephemerals = {}
        tree.containers = {}
        tree.with_ttl = {}
        tree.last_zxid = last_zxid
        tree.data_size = 0
        tree._digest = 0
        for path, data, acl, stat in image:
            tree._add(path, Node(data, access.shared(acl), stat))
        if ROOT not in tree.nodes:
            raise NoNode("the image has no root")
        tree.quotas = Quotas(tree.nodes)
        for path in list(tree.nodes):
            if path.endswith("/" + LIMITS) and (limited := tree.quotas.created(path)):
                tree._count_quota(limited)
        return tree

    def image(self) -> list[NodeImage]:
        """All current znodes, parents before children. Does not copy data."""
        return [NodeImage(path, node.data, node.acl, node.stat) for path, node in self.nodes.items()]

    @property
    def digest(self) -> int:
        """The digest as a signed 64-bit integer, as stored."""
        return self._digest - (1 << 64) if self._digest >> 63 else self._digest

    def configure(self, data: bytes, version: int, now_ms: int) -> None:
        """Keep the ensemble's configuration, which no transaction has brought, in /zookeeper/config.

        version    of the configuration, which is the zxid that brought it elsewhere
        source     org.apache.zookeeper.server.ZKDatabase.initConfigInZKDatabase
        """
        self._set_data(CONFIG, data, -1, version, now_ms, [])

    def node(self, path: str) -> Node:
        """The znode at `path`; raises NoNode."""
        try:
            return self.nodes[path]
        except KeyError:
            raise NoNode(path) from None

    def count_below(self, path: str) -> int:
        """The number of znodes below `path`."""
        if path == ROOT:
            return len(self.nodes) - 1
        prefix = path + "/"
        return sum(other.startswith(prefix) for other in self.nodes)

    def unused_containers(self, now_ms: int = 0, max_never_used_ms: int = 0) -> Iterator[str]:
        """Containers whose children are all gone, or that have had none for `max_never_used_ms`, unless that is 0."""
        for path in self.containers:
            node = self.nodes[path]
            if not node.children and (node.stat.cversion > 0 or 0 < max_never_used_ms < now_ms - node.stat.mtime):
                yield path

    def expired(self, now_ms: int) -> Iterator[str]:
        """Znodes without children whose time to live is over, as of `now_ms` of the wall clock."""
        for path in self.with_ttl:
            node = self.nodes[path]
            ttl_ms = node.stat.ephemeral_owner & LONGEST_TTL_MS
            if not node.children and now_ms - node.stat.mtime > ttl_ms:
                yield path

    def apply(self, header: TxnHeader, record: JuteRecord | None, events: list[Event]) -> Outcome:
        """Apply a transaction; append to `events` the events for watches, in order."""
        outcome = self._multi(header, record, events) if isinstance(record, MultiTxn) else None
        if outcome is None:
            outcome = self._single(header, header.type, record, events)
        self.last_zxid = max(self.last_zxid, header.zxid)
        return outcome

    def _multi(self, header: TxnHeader, multi: MultiTxn, events: list[Event]) -> Outcome:
        results = []
        failed = any(txn.type == OpCode.ERROR for txn in multi.txns)
        # A failed multi has no effect: OK for the operations before the error, which did not cause it.
        for txn in multi.txns:
            if txn.type == OpCode.ERROR:
                results.append(self._single(header, txn.type, decode_operation(txn), events))
            elif failed:
                results.append(Outcome(OpCode.ERROR))
            else:
                results.append(self._single(header, txn.type, decode_operation(txn), events))
        err = next((result.err for result in results if result.err), ErrorCode.OK)
        return Outcome(OpCode.MULTI, err, results=tuple(results))

    def _single(self, header: TxnHeader, kind: int, record: JuteRecord | None, events: list[Event]) -> Outcome:
        """Anything but a multi. `kind` differs from the header's type for an operation of a multi."""
        zxid, time = header.zxid, header.time
        path: str | None = None
        stat: Stat | None = None
        err: int = ErrorCode.OK
        try:
            match record:
                case CreateTxn():
                    path = record.path
                    owner = header.client_id if record.ephemeral else 0
                    node = self._create(
                        path, record.data, record.acl, owner, record.parent_cversion, zxid, time, events
                    )
                    stat = node.client_stat()
                case CreateContainerTxn():
                    path = record.path
                    cversion = record.parent_cversion
                    node = self._create(path, record.data, record.acl, CONTAINER, cversion, zxid, time, events)
                    stat = node.client_stat()
                case CreateTtlTxn():
                    path = record.path
                    owner = TTL_OWNER | record.ttl
                    node = self._create(
                        path, record.data, record.acl, owner, record.parent_cversion, zxid, time, events
                    )
                    stat = node.client_stat()
                case DeleteTxn():
                    path = record.path
                    self._delete(path, zxid, events)
                case SetDataTxn():
                    path = record.path
                    stat = self._set_data(path, record.data, record.version, zxid, time, events).client_stat()
                case SetAclTxn():
                    path = record.path
                    stat = self._set_acl(path, record.acl, record.version).client_stat()
                case ErrorTxn():
                    err = record.err
            if kind == OpCode.CLOSE_SESSION:
                paths = record.paths_to_delete if isinstance(record, CloseSessionTxn) else ()
                self._close_session(header.client_id, paths, zxid, events)
        except KeeperError as error:
            err = error.code
            if kind == OpCode.CREATE and isinstance(error, NodeExists) and isinstance(record, CreateTxn):
                # A snapshot may have the child and an older state of the parent.
                self._child_created(split(record.path)[0], record.parent_cversion, zxid)
        return Outcome(kind, err, path, stat)

    def _create(
        self,
        path: str,
        data: bytes | None,
        acl: tuple[Acl, ...],
        owner: int,
        parent_cversion: int,
        zxid: int,
        time: int,
        events: list[Event],
    ) -> Node:
        parent_path, name = split(path)
        parent = self.node(parent_path)
        if name in parent.children:
            raise NodeExists(path)
        self._child_created(parent_path, parent_cversion, zxid)
        node = Node(data, access.shared(acl), StatPersisted(zxid, zxid, time, time, 0, 0, 0, owner, zxid))
        self._add(path, node)
        if limited := self.quotas.created(path):
            self._count_quota(limited)
        self._count(path, 1, len(data or b""))
        events.append(Event(EventType.NODE_CREATED, path, node.acl))
        events.append(Event(EventType.NODE_CHILDREN_CHANGED, parent_path, parent.acl))
        return node

    def _child_created(self, path: str, cversion: int, zxid: int) -> None:
        node = self.node(path)
        stat = node.stat
        if cversion == -1:
            cversion = stat.cversion + 1
        # Never decrease it: the snapshot may already include later children.
        if cversion > stat.cversion:
            node.stat = StatPersisted(*stat[:5], cversion, stat.aversion, stat.ephemeral_owner, zxid)
            self._update_digest(path, node)

    def _delete(self, path: str, zxid: int, events: list[Event]) -> None:
        parent_path, name = split(path)
        parent = self.node(parent_path)
        parent.children.pop(name, None)
        if zxid > parent.stat.pzxid:
            parent.stat = StatPersisted(*parent.stat[:8], zxid)
            self._update_digest(parent_path, parent)

        node = self.node(path)
        del self.nodes[path]
        self._digest = (self._digest - node.digest) & _DIGEST_MASK
        self.data_size -= len(path) + len(node.data or b"")
        owner = node.stat.ephemeral_owner
        if owner == CONTAINER:
            self.containers.pop(path, None)
        elif has_ttl(owner):
            self.with_ttl.pop(path, None)
        elif owner and (owned := self.ephemerals.get(owner)) is not None:
            owned.pop(path, None)
            if not owned:
                del self.ephemerals[owner]
        self.quotas.deleted(path)
        self._count(path, -1, -len(node.data or b""))
        events.append(Event(EventType.NODE_DELETED, path, node.acl))
        events.append(Event(EventType.NODE_CHILDREN_CHANGED, parent_path, parent.acl))

    def _set_data(self, path: str, data: bytes | None, version: int, zxid: int, time: int, events: list[Event]) -> Node:
        node = self.node(path)
        stat = node.stat
        more = len(data or b"") - len(node.data or b"")
        self.data_size += more
        node.data = data
        self._count(path, 0, more)
        node.stat = StatPersisted(stat.czxid, zxid, stat.ctime, time, version, *stat[5:])
        self._update_digest(path, node)
        events.append(Event(EventType.NODE_DATA_CHANGED, path, node.acl))
        return node

    def _set_acl(self, path: str, acl: tuple[Acl, ...], aversion: int) -> Node:
        node = self.node(path)
        node.acl = access.shared(acl)
        node.stat = node.stat._replace(aversion=aversion)
        self._update_digest(path, node)
        return node

    def _close_session(self, session_id: int, paths: tuple[str, ...], zxid: int, events: list[Event]) -> None:
        """Delete `paths`, then everything else that the session owns."""
        for path in dict.fromkeys((*paths, *self.ephemerals.get(session_id, ()))):
            if path in self.nodes:
                self._delete(path, zxid, events)

    def _add(self, path: str, node: Node) -> None:
        """Add a znode; raises NoNode if it has no parent."""
        if path != ROOT:
            parent_path, name = split(path)
            self.node(parent_path).children[name] = None
        self.nodes[path] = node
        self._update_digest(path, node)
        self.data_size += len(path) + len(node.data or b"")
        owner = node.stat.ephemeral_owner
        if owner == CONTAINER:
            self.containers[path] = None
        elif has_ttl(owner):
            self.with_ttl[path] = None
        elif owner:
            self.ephemerals.setdefault(owner, {})[path] = None

    def _count(self, path: str, count: int, size: int) -> None:
        """Add to what is counted for the quota of a znode, if it has one; no watch fires for that."""
        limited = self.quotas.limiting(path)
        if limited is not None and (node := self.nodes.get(stats_path(limited))):
            self._set_stats(node, more_stats(node.data, count=count, size=size))

    def _count_quota(self, limited: str) -> None:
        """Count all that a quota is about."""
        node = self.nodes.get(stats_path(limited))
        if node is None:
            return
        below = [other for path, other in self.nodes.items() if path == limited or path.startswith(limited + "/")]
        self._set_stats(node, stats(len(below), sum(len(other.data or b"") for other in below)))

    def _set_stats(self, node: Node, data: bytes) -> None:
        self.data_size += len(data) - len(node.data or b"")
        node.data = data

    def _update_digest(self, path: str, node: Node) -> None:
        """Update the tree's digest with a znode's new state."""
        digest = node_digest(path, node.data, node.stat)
        self._digest = (self._digest - node.digest + digest) & _DIGEST_MASK
        node.digest = digest
