"""Turns requests into transactions: all checks are made here, and nothing changes. Pure.

`prepare` either raises the client's error, or returns a record with every effect spelled out (the final name of a
sequential znode, the versions afterwards), so that applying it, now or when the log is replayed, decides nothing.
The operations of a multi see the effects of earlier ones through a `Draft`.
Source: org.apache.zookeeper.server.PrepRequestProcessor.
"""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from pykafka_cli.zookeeper.protocol.errors import (
    BadArguments,
    BadVersion,
    ErrorCode,
    NoChildrenForEphemerals,
    NodeExists,
    NoNode,
    NotEmpty,
    ReconfigDisabled,
    Unimplemented,
    ZooKeeperError,
)
from pykafka_cli.zookeeper.protocol.jute import Record, encode
from pykafka_cli.zookeeper.protocol.records import CONTAINER, Acl, CreateFlags, Id, Perms
from pykafka_cli.zookeeper.protocol.requests import (
    CheckVersionRequest,
    CreateRequest,
    CreateTtlRequest,
    DeleteRequest,
    MultiRequest,
    OpCode,
    ReconfigRequest,
    SetAclRequest,
    SetDataRequest,
)
from pykafka_cli.zookeeper.protocol.txn_records import (
    CheckVersionTxn,
    CreateContainerTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    SetAclTxn,
    SetDataTxn,
    Txn,
)
from pykafka_cli.zookeeper.server import acl
from pykafka_cli.zookeeper.server.paths import RESERVED, split, validate
from pykafka_cli.zookeeper.server.tree import Tree, int32

ANY_VERSION = -1

_SEQUENTIAL = frozenset((CreateFlags.PERSISTENT_SEQUENTIAL, CreateFlags.EPHEMERAL_SEQUENTIAL))
_EPHEMERAL = frozenset((CreateFlags.EPHEMERAL, CreateFlags.EPHEMERAL_SEQUENTIAL))
_WITH_TTL = frozenset((CreateFlags.PERSISTENT_WITH_TTL, CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL))


class Facts(NamedTuple):
    """The facts about a znode for the checks. `cversion` counts creations of children, as stored."""

    version: int
    cversion: int
    aversion: int
    children: int
    ephemeral_owner: int
    acl: tuple[Acl, ...]


class View(Protocol):
    """The znodes that a request sees."""

    def facts(self, path: str) -> Facts:
        """Raises NoNode."""

    def exists(self, path: str) -> bool: ...


class TreeView:
    """The current znodes."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def facts(self, path: str) -> Facts:
        node = self._tree.node(path)
        stat = node.stat
        return Facts(stat.version, stat.cversion, stat.aversion, len(node.children), stat.ephemeral_owner, node.acl)

    def exists(self, path: str) -> bool:
        return path in self._tree.nodes


class Draft:
    """The znodes after the noted operations."""

    def __init__(self, below: View) -> None:
        self._below = below
        self._changed: dict[str, Facts | None] = {}  # None: deleted

    def facts(self, path: str) -> Facts:
        if path not in self._changed:
            return self._below.facts(path)
        facts = self._changed[path]
        if facts is None:
            raise NoNode(path)
        return facts

    def exists(self, path: str) -> bool:
        return self._changed[path] is not None if path in self._changed else self._below.exists(path)

    def note(self, record: Record, session_id: int) -> None:
        """Add the effects of a prepared operation."""
        match record:
            case CreateTxn(path=path, acl=its_acl, parent_cversion=cversion):
                self._created(path, its_acl, session_id if record.ephemeral else 0, cversion)
            case CreateContainerTxn(path=path, acl=its_acl, parent_cversion=cversion):
                self._created(path, its_acl, CONTAINER, cversion)
            case DeleteTxn(path=path):
                parent_path, _ = split(path)
                parent = self.facts(parent_path)
                self._changed[parent_path] = parent._replace(children=parent.children - 1)
                self._changed[path] = None
            case SetDataTxn(path=path, version=version):
                self._changed[path] = self.facts(path)._replace(version=version)

    def _created(self, path: str, its_acl: tuple[Acl, ...], owner: int, parent_cversion: int) -> None:
        parent_path, _ = split(path)
        parent = self.facts(parent_path)
        self._changed[parent_path] = parent._replace(cversion=parent_cversion, children=parent.children + 1)
        self._changed[path] = Facts(0, 0, 0, 0, owner, its_acl)


class Requester(NamedTuple):
    """On whose behalf; `skip_acl` lets everybody do everything, `schemes` are those that its ACLs may name."""

    session_id: int
    identities: Collection[Id]
    skip_acl: bool = False
    schemes: Collection[str] = acl.ALWAYS_THERE

    def authorize(self, granted: tuple[Acl, ...], permission: Perms, path: str) -> None:
        """Raise NoAuth unless `granted` allows it."""
        if not self.skip_acl:
            acl.check(granted, permission, self.identities, path)


def prepare(kind: OpCode, request: Record, requester: Requester, view: View) -> Record:
    """The transaction, of type `kind`, for the request; raises the error to respond with.

    A multi always has one: its failure is part of the transaction.
    """
    match request:
        case MultiRequest():
            return _prepare_multi(request, requester, view)
        case CreateRequest() | CreateTtlRequest():
            return _prepare_create(kind, request, requester, view)
        case DeleteRequest():
            return _prepare_delete(request, requester, view)
        case SetDataRequest(path=path):
            validate(path)
            facts = view.facts(path)
            requester.authorize(facts.acl, Perms.WRITE, path)
            return SetDataTxn(path, request.data, _next_version(facts.version, request.version, path))
        case SetAclRequest(path=path):
            validate(path)
            fixed = acl.fix_up(request.acl, requester.identities, path, requester.schemes)
            facts = view.facts(path)
            requester.authorize(facts.acl, Perms.ADMIN, path)
            return SetAclTxn(path, fixed, _next_version(facts.aversion, request.version, path))
        case CheckVersionRequest(path=path):
            validate(path)
            facts = view.facts(path)
            requester.authorize(facts.acl, Perms.READ, path)
            return CheckVersionTxn(path, _next_version(facts.version, request.version, path))
        case ReconfigRequest():
            raise ReconfigDisabled("a standalone server has no members to reconfigure")
    raise Unimplemented(f"{kind!r} is not a request that changes anything")


def prepare_container_deletion(path: str, view: View) -> DeleteTxn:
    """The transaction that deletes a container without children; raises if it has some."""
    facts = view.facts(path)
    if facts.children:
        raise NotEmpty(path)
    if facts.ephemeral_owner != CONTAINER:
        raise BadVersion(f"{path} is not a container")
    return DeleteTxn(path)


def _prepare_create(
    kind: OpCode, request: CreateRequest | CreateTtlRequest, requester: Requester, view: View
) -> CreateTxn | CreateContainerTxn:
    path = request.path
    try:
        flags = CreateFlags(request.flags)
    except ValueError:
        raise BadArguments(f"{request.flags} is not a valid mode to create {path}") from None
    if flags in _WITH_TTL or kind is OpCode.CREATE_TTL:
        raise Unimplemented(f"{path}: znodes with a time to live are an extension that is not enabled")
    if not path.startswith("/"):
        raise BadArguments(f"the path {path!r} does not start with /")

    fixed = acl.fix_up(request.acl, requester.identities, path, requester.schemes)
    parent_path, _ = split(path)
    parent = view.facts(parent_path)
    requester.authorize(parent.acl, Perms.CREATE, path)
    if flags in _SEQUENTIAL:
        path = f"{path}{parent.cversion:010d}"
    validate(path)
    if view.exists(path):
        raise NodeExists(path)
    if parent.ephemeral_owner not in (0, CONTAINER):
        raise NoChildrenForEphemerals(f"{parent_path} is ephemeral, so it cannot have the child {path}")
    cversion = int32(parent.cversion + 1)
    if kind is OpCode.CREATE_CONTAINER:
        return CreateContainerTxn(path, request.data, fixed, cversion)
    return CreateTxn(path, request.data, fixed, flags in _EPHEMERAL, cversion)


def _prepare_delete(request: DeleteRequest, requester: Requester, view: View) -> DeleteTxn:
    path = request.path
    if not path.startswith("/") or path in RESERVED:
        raise BadArguments(f"{path!r} cannot be deleted")
    parent = view.facts(split(path)[0])
    requester.authorize(parent.acl, Perms.DELETE, path)
    facts = view.facts(path)
    _next_version(facts.version, request.version, path)
    if facts.children:
        raise NotEmpty(f"{path} has {facts.children} children")
    return DeleteTxn(path)


def _prepare_multi(request: MultiRequest, requester: Requester, view: View) -> MultiTxn:
    draft = Draft(view)
    txns: list[Txn] = []
    failed = False
    for kind, operation in request.operations:
        if failed:
            record: Record = ErrorTxn(ErrorCode.RUNTIME_INCONSISTENCY)
            kind = OpCode.ERROR
        else:
            try:
                record = prepare(kind, operation, requester, draft)
                draft.note(record, requester.session_id)
            except ZooKeeperError as error:
                record, kind, failed = ErrorTxn(error.code), OpCode.ERROR, True
        txns.append(Txn(kind, encode(record)))
    return MultiTxn(tuple(txns))


def _next_version(current: int, expected: int, path: str) -> int:
    """The version after a change; raises BadVersion unless `expected` is ANY_VERSION or the current one."""
    if expected not in (ANY_VERSION, current):
        raise BadVersion(f"{path} has version {current}, not {expected}")
    return int32(current + 1)
