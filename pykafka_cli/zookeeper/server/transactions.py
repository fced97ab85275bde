"""Turns requests into transactions: all checks are made here, and nothing changes. Pure.

`prepare` either raises the client's error, or returns a record with every effect spelled out (the final name of a
sequential znode, the versions afterwards), so that applying it, now or when the log is replayed, decides nothing.
The operations of a multi see the effects of earlier ones through a `Draft`.
Source: org.apache.zookeeper.server.PrepRequestProcessor.
"""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from pykafka_cli.model import Milliseconds
from pykafka_cli.zookeeper.operations import ANY_VERSION
from pykafka_cli.zookeeper.protocol.errors import (
    BadArguments,
    BadVersion,
    ErrorCode,
    KeeperError,
    NoChildrenForEphemerals,
    NodeExists,
    NoNode,
    NotEmpty,
    ReconfigDisabled,
    Unimplemented,
)
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, encode
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
    CreateTtlTxn,
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
from pykafka_cli.zookeeper.server.quotas import limits_path, stats_path
from pykafka_cli.zookeeper.server.tree import LONGEST_TTL_MS, TTL_OWNER, Tree, has_ttl, int32

_SEQUENTIAL = frozenset(
    (
        CreateFlags.PERSISTENT_SEQUENTIAL,
        CreateFlags.EPHEMERAL_SEQUENTIAL,
        CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL,
    )
)
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
    size: int = 0


class View(Protocol):
    """The znodes that a request sees."""

    def facts(self, path: str) -> Facts:
        """Raises NoNode."""

    def exists(self, path: str) -> bool: ...

    def check_quota(self, path: str, *, count: int, size: int) -> None:
        """Raises QuotaExceeded if so many znodes and bytes more are too many there."""


class TreeView:
    """The current znodes."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def facts(self, path: str) -> Facts:
        node = self._tree.node(path)
        stat = node.stat
        return Facts(
            stat.version,
            stat.cversion,
            stat.aversion,
            len(node.children),
            stat.ephemeral_owner,
            node.acl,
            len(node.data or b""),
        )

    def exists(self, path: str) -> bool:
        return path in self._tree.nodes

    def check_quota(self, path: str, *, count: int, size: int) -> None:
        tree = self._tree
        limited = tree.quotas.limiting(path)
        if limited is not None:
            limits, stats = (tree.nodes.get(name(limited)) for name in (limits_path, stats_path))
            if limits is not None and stats is not None:
                tree.quotas.check(limited, limits.data, stats.data, count=count, size=size)


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

    def check_quota(self, path: str, *, count: int, size: int) -> None:
        self._below.check_quota(path, count=count, size=size)  # as in ZooKeeper, which counts what is in the tree

    def note(self, record: JuteRecord, session_id: int) -> None:
        """Add the effects of a prepared operation."""
        match record:
            case CreateTxn(path=path, acl=its_acl, parent_cversion=cversion):
                self._created(path, its_acl, session_id if record.ephemeral else 0, cversion)
            case CreateContainerTxn(path=path, acl=its_acl, parent_cversion=cversion):
                self._created(path, its_acl, CONTAINER, cversion)
            case CreateTtlTxn(path=path, acl=its_acl, parent_cversion=cversion):
                self._created(path, its_acl, TTL_OWNER | record.ttl, cversion)
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
    has_extended_types: bool = False
    has_enforced_quotas: bool = False

    def authorize(self, granted: tuple[Acl, ...], permission: Perms, path: str) -> None:
        """Raise NoAuth unless `granted` allows it."""
        if not self.skip_acl:
            acl.check(granted, permission, self.identities, path)


def prepare(kind: OpCode, request: JuteRecord, requester: Requester, view: View) -> JuteRecord:
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
            if requester.has_enforced_quotas:
                view.check_quota(path, count=0, size=len(request.data or b"") - facts.size)
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


def prepare_expiry(path: str, view: View) -> DeleteTxn:
    """The transaction that deletes a container without children, or a znode whose time to live is over; raises if there
    are some after all."""
    facts = view.facts(path)
    if facts.children:
        raise NotEmpty(path)
    if facts.ephemeral_owner != CONTAINER and not has_ttl(facts.ephemeral_owner):
        raise BadVersion(f"{path} is neither a container nor has it a time to live")
    return DeleteTxn(path)


def _prepare_create(
    kind: OpCode, request: CreateRequest | CreateTtlRequest, requester: Requester, view: View
) -> CreateTxn | CreateContainerTxn | CreateTtlTxn:
    path = request.path
    try:
        flags = CreateFlags(request.flags)
    except ValueError:
        raise BadArguments(f"{request.flags} is not a valid mode to create {path}") from None
    ttl_ms = _time_to_live(flags, request, requester)
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
    if parent.ephemeral_owner not in (0, CONTAINER) and not has_ttl(parent.ephemeral_owner):
        raise NoChildrenForEphemerals(f"{parent_path} is ephemeral, so it cannot have the child {path}")
    cversion = int32(parent.cversion + 1)
    if requester.has_enforced_quotas:
        view.check_quota(path, count=1, size=len(request.data or b""))
    if ttl_ms is not None:
        return CreateTtlTxn(path, request.data, fixed, cversion, ttl_ms)
    if kind is OpCode.CREATE_CONTAINER:
        return CreateContainerTxn(path, request.data, fixed, cversion)
    return CreateTxn(path, request.data, fixed, flags in _EPHEMERAL, cversion)


def _time_to_live(
    flags: CreateFlags, request: CreateRequest | CreateTtlRequest, requester: Requester
) -> Milliseconds | None:
    """How long the znode lives without changes and children; None if it is of another kind."""
    ttl_ms = request.ttl if isinstance(request, CreateTtlRequest) else -1
    if flags not in _WITH_TTL:
        if ttl_ms >= 0:
            raise BadArguments(f"{request.path} has a time to live, but its mode is {flags.name}")
        return None
    if not requester.has_extended_types:
        raise Unimplemented(f"{request.path}: znodes with a time to live need extendedTypesEnabled=true")
    if not 0 < ttl_ms <= LONGEST_TTL_MS:
        raise BadArguments(f"{request.path}: a time to live is from 1 to {LONGEST_TTL_MS} ms, not {ttl_ms}")
    return Milliseconds(ttl_ms)


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
            record: JuteRecord = ErrorTxn(ErrorCode.RUNTIME_INCONSISTENCY)
            kind = OpCode.ERROR
        else:
            try:
                record = prepare(kind, operation, requester, draft)
                draft.note(record, requester.session_id)
            except KeeperError as error:
                record, kind, failed = ErrorTxn(error.code), OpCode.ERROR, True
        txns.append(Txn(kind, encode(record)))
    return MultiTxn(tuple(txns))


def _next_version(current: int, expected: int, path: str) -> int:
    """The version after a change; raises BadVersion unless `expected` is ANY_VERSION or the current one."""
    if expected not in (ANY_VERSION, current):
        raise BadVersion(f"{path} has version {current}, not {expected}")
    return int32(current + 1)
