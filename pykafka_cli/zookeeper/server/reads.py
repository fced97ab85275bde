"""Requests that only read: their responses, and the watches that they set. Pure.

This module also decides what a client may read, but not whether it has a session. Source:
org.apache.zookeeper.server.FinalRequestProcessor.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple

from pykafka_cli.zookeeper.protocol.errors import BadArguments, ErrorCode, KeeperError, NoAuth, NoWatcher
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import AddWatchMode, ClientInfo, EventType, Perms, WatcherType
from pykafka_cli.zookeeper.protocol.requests import (
    AddWatchRequest,
    CheckVersionRequest,
    ErrorResponse,
    GetAclResponse,
    GetAllChildrenNumberResponse,
    GetChildren2Response,
    GetChildrenResponse,
    GetDataResponse,
    GetEphemeralsRequest,
    GetEphemeralsResponse,
    MultiRequest,
    MultiResponse,
    OpCode,
    Operation,
    PathRequest,
    SetWatches,
    SetWatches2,
    StatResponse,
    WatchableRequest,
    WatchesRequest,
    WhoAmIResponse,
)
from pykafka_cli.zookeeper.server import acl
from pykafka_cli.zookeeper.server.transactions import Requester, TreeView, prepare
from pykafka_cli.zookeeper.server.tree import Node, Tree
from pykafka_cli.zookeeper.server.watches import Kind, W, Watches


class Reading(NamedTuple, Generic[W]):
    """What a read uses: the znodes, the watches and the connection that they would notify, and the client."""

    tree: Tree
    watches: Watches[W]
    watcher: W
    requester: Requester

    def node(self, path: str, permission: Perms = Perms.READ) -> Node:
        """The znode at `path`; raises NoNode, or NoAuth unless the client has (one of) the permission."""
        node = self.tree.node(path)
        self.requester.authorize(node.acl, permission, path)
        return node


def answer(kind: OpCode, request: Any, reading: Reading[W]) -> JuteRecord | None:
    """The record to respond with, None for only a header; raises the error to respond with."""
    return _ANSWERS[kind](request, reading)


def missed_events(request: SetWatches | SetWatches2, reading: Reading[W]) -> list[tuple[EventType, str]]:
    """The events that a disconnected client missed. Watches on unchanged znodes are set again."""
    tree, watches, watcher, _ = reading
    events: list[tuple[EventType, str]] = []
    for path in request.data_watches:
        node = tree.nodes.get(path)
        if node is None:
            events.append((EventType.NODE_DELETED, path))
        elif node.stat.mzxid > request.relative_zxid:
            events.append((EventType.NODE_DATA_CHANGED, path))
        else:
            watches.data.add(path, watcher, Kind.ONCE)
    for path in request.exist_watches:
        if path in tree.nodes:
            events.append((EventType.NODE_CREATED, path))
        else:
            watches.data.add(path, watcher, Kind.ONCE)
    for path in request.child_watches:
        node = tree.nodes.get(path)
        if node is None:
            events.append((EventType.NODE_DELETED, path))
        elif node.stat.pzxid > request.relative_zxid:
            events.append((EventType.NODE_CHILDREN_CHANGED, path))
        else:
            watches.children.add(path, watcher, Kind.ONCE)
    if isinstance(request, SetWatches2):
        for path in request.persistent_watches:
            watches.add(path, watcher, AddWatchMode.PERSISTENT)
        for path in request.persistent_recursive_watches:
            watches.add(path, watcher, AddWatchMode.PERSISTENT_RECURSIVE)
    return events


def _exists(request: WatchableRequest, reading: Reading[W]) -> StatResponse:
    path = request.path
    if path in reading.tree.nodes:
        reading.node(path)
    if request.watch:  # even if the znode does not exist, so that clients can wait for it
        reading.watches.data.add(path, reading.watcher, Kind.ONCE)
    return StatResponse(reading.tree.node(path).client_stat())


def _get_data(request: WatchableRequest, reading: Reading[W]) -> GetDataResponse:
    node = reading.node(request.path)
    if request.watch:
        reading.watches.data.add(request.path, reading.watcher, Kind.ONCE)
    return GetDataResponse(node.data, node.client_stat())


def _get_children(request: WatchableRequest, reading: Reading[W]) -> GetChildrenResponse:
    node = reading.node(request.path)
    if request.watch:
        reading.watches.children.add(request.path, reading.watcher, Kind.ONCE)
    return GetChildrenResponse(tuple(node.children))


def _get_children2(request: WatchableRequest, reading: Reading[W]) -> GetChildren2Response:
    (children,) = _get_children(request, reading)
    return GetChildren2Response(children, reading.tree.node(request.path).client_stat())


def _get_acl(request: PathRequest, reading: Reading[W]) -> GetAclResponse:
    node = reading.node(request.path, Perms.READ | Perms.ADMIN)
    try:
        reading.requester.authorize(node.acl, Perms.ADMIN, request.path)
    except NoAuth:
        return GetAclResponse(acl.hide_digests(node.acl), node.client_stat())
    return GetAclResponse(node.acl, node.client_stat())


def _count_below(request: PathRequest, reading: Reading[W]) -> GetAllChildrenNumberResponse:
    reading.node(request.path)
    return GetAllChildrenNumberResponse(reading.tree.count_below(request.path))


def _get_ephemerals(request: GetEphemeralsRequest, reading: Reading[W]) -> GetEphemeralsResponse:
    prefix = (request.prefix or "").strip()
    owned = reading.tree.ephemerals.get(reading.requester.session_id, {})
    return GetEphemeralsResponse(tuple(path for path in owned if path.startswith(prefix)))


def _sync(request: PathRequest, _: Reading[W]) -> PathRequest:
    return request  # only the order matters: all earlier requests have been served


def _check(request: CheckVersionRequest, reading: Reading[W]) -> None:
    prepare(OpCode.CHECK, request, reading.requester, TreeView(reading.tree))


def _multi_read(request: MultiRequest, reading: Reading[W]) -> MultiResponse:
    results = []
    for kind, operation in request.operations:
        try:
            results.append(Operation(kind, _IN_MULTI_READ[kind](operation, reading)))
        except KeeperError as error:
            results.append(Operation(OpCode.ERROR, ErrorResponse(error.code)))
    return MultiResponse(tuple(results))


def _add_watch(request: AddWatchRequest, reading: Reading[W]) -> ErrorResponse:
    try:
        mode = AddWatchMode(request.mode)
    except ValueError:
        raise BadArguments(f"{request.mode} is not a watch mode") from None
    reading.watches.add(request.path, reading.watcher, mode)
    return ErrorResponse(ErrorCode.OK)


def _check_watches(request: WatchesRequest, reading: Reading[W]) -> None:
    if not reading.watches.holds(request.path, reading.watcher, _which(request)):
        raise NoWatcher(request.path)


def _remove_watches(request: WatchesRequest, reading: Reading[W]) -> None:
    if not reading.watches.remove(request.path, reading.watcher, _which(request)):
        raise NoWatcher(request.path)


def _which(request: WatchesRequest) -> WatcherType:
    try:
        return WatcherType(request.type)
    except ValueError:
        raise BadArguments(f"{request.type} is not a watch type") from None


def _who_am_i(_: JuteRecord, reading: Reading[W]) -> WhoAmIResponse:
    clients = [ClientInfo(who.scheme or "", acl.user_name(who)) for who in reading.requester.identities]
    return WhoAmIResponse(tuple(clients))


_IN_MULTI_READ: Mapping[OpCode, Callable[[Any, Reading[Any]], JuteRecord]] = {
    OpCode.GET_DATA: _get_data,
    OpCode.GET_CHILDREN: _get_children,
}
_ANSWERS: Mapping[OpCode, Callable[[Any, Reading[Any]], JuteRecord | None]] = {
    OpCode.EXISTS: _exists,
    OpCode.GET_DATA: _get_data,
    OpCode.GET_CHILDREN: _get_children,
    OpCode.GET_CHILDREN2: _get_children2,
    OpCode.GET_ACL: _get_acl,
    OpCode.GET_ALL_CHILDREN_NUMBER: _count_below,
    OpCode.GET_EPHEMERALS: _get_ephemerals,
    OpCode.SYNC: _sync,
    OpCode.CHECK: _check,
    OpCode.MULTI_READ: _multi_read,
    OpCode.ADD_WATCH: _add_watch,
    OpCode.CHECK_WATCHES: _check_watches,
    OpCode.REMOVE_WATCHES: _remove_watches,
    OpCode.WHO_AM_I: _who_am_i,
    OpCode.PING: lambda _request, _reading: None,
}
