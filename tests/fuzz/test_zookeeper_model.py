"""Random requests to the ZooKeeper server, beside a model of what ZooKeeper's documentation promises.

The model is a dictionary of znodes and knows nothing of transactions. Now and then the server is stopped as by kill -9
and continues with what its files contain: a snapshot of some moment and the log.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykafka_cli.model import Seconds
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL
from pykafka_cli.zookeeper.protocol.requests import (
    CheckVersionRequest,
    CreateRequest,
    DeleteRequest,
    Empty,
    ErrorResponse,
    MultiRequest,
    MultiResponse,
    OpCode,
    Operation,
    SetDataRequest,
)
from pykafka_cli.zookeeper.protocol.txn_records import Entry, encode_entry
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.recovery import recover
from pykafka_cli.zookeeper.server.snapshot import write_snapshot
from pykafka_cli.zookeeper.server.txn_log import TxnLog, frame_entry
from tests.support.zookeeper.pipeline import FakeClient, PipelineServer

EPHEMERAL, SEQUENTIAL = 1, 2


@dataclass
class ModelNode:
    """What the documentation says a znode has."""

    data: bytes
    owner: int | None
    version: int = 0
    created: int = 0  # children ever
    children: set[str] = field(default_factory=set)


class Refusal(Exception):
    """A request that the documentation rejects."""


class Model:
    """Znodes by path."""

    def __init__(self) -> None:
        self.nodes = {"/": ModelNode(b"", None)}

    def copy(self) -> "Model":
        other = Model()
        other.nodes = {path: replace(node, children=set(node.children)) for path, node in self.nodes.items()}
        return other

    def create(self, path: str, data: bytes, flags: int, session: int) -> None:
        parent = self.nodes.get(path.rpartition("/")[0] or "/")
        if parent is None:
            raise Refusal(ErrorCode.NO_NODE)
        if flags & SEQUENTIAL:
            path += f"{parent.created:010d}"
        if path in self.nodes:
            raise Refusal(ErrorCode.NODE_EXISTS)
        if parent.owner is not None:
            raise Refusal(ErrorCode.NO_CHILDREN_FOR_EPHEMERALS)
        parent.created += 1
        parent.children.add(path)
        self.nodes[path] = ModelNode(data, session if flags & EPHEMERAL else None)

    def find(self, path: str, version: int) -> ModelNode:
        node = self.nodes.get(path)
        if node is None:
            raise Refusal(ErrorCode.NO_NODE)
        if version not in (-1, node.version):
            raise Refusal(ErrorCode.BAD_VERSION)
        return node

    def delete(self, path: str, version: int) -> None:
        if self.find(path, version).children:
            raise Refusal(ErrorCode.NOT_EMPTY)
        del self.nodes[path]
        self.nodes[path.rpartition("/")[0] or "/"].children.discard(path)

    def do(self, request: JuteRecord, session: int) -> None:
        match request:
            case CreateRequest(path=path, data=data, flags=flags):
                self.create(path, data or b"", flags, session)
            case DeleteRequest(path=path, version=version):
                self.delete(path, version)
            case SetDataRequest(path=path, data=data, version=version):
                node = self.find(path, version)
                node.data, node.version = data or b"", node.version + 1
            case CheckVersionRequest(path=path, version=version):
                self.find(path, version)

    def end_session(self, session: int) -> None:
        for path in [path for path, node in self.nodes.items() if node.owner == session]:
            self.delete(path, -1)


class Step(NamedTuple):
    """What happens next; `clients` says who acts, `requests` what is asked, several at once as a multi."""

    what: str
    client: int = 0
    requests: tuple[JuteRecord, ...] = ()


PATHS = st.sampled_from(["/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/p", "/a/x/q"])
VERSIONS = st.sampled_from([-1, -1, -1, 0, 1, 2])
DATA = st.binary(max_size=3)
REQUESTS = (
    st.builds(lambda path, data, flags: CreateRequest(path, data, OPEN_ACL, flags), PATHS, DATA, st.integers(0, 3))
    | st.builds(DeleteRequest, PATHS, VERSIONS)
    | st.builds(SetDataRequest, PATHS, DATA, VERSIONS)
)
IN_MULTI = REQUESTS | st.builds(CheckVersionRequest, PATHS, VERSIONS)
CLIENTS = st.integers(0, 2)
STEPS = st.lists(
    st.builds(lambda client, request: Step("ask", client, (request,)), CLIENTS, REQUESTS)
    | st.builds(
        lambda client, requests: Step("multi", client, tuple(requests)), CLIENTS, st.lists(IN_MULTI, max_size=4)
    )
    | st.builds(lambda client: Step("end session", client), CLIENTS)
    | st.just(Step("snapshot"))
    | st.just(Step("kill")),
    max_size=30,
)
KINDS = {
    CreateRequest: OpCode.CREATE,
    DeleteRequest: OpCode.DELETE,
    SetDataRequest: OpCode.SET_DATA,
    CheckVersionRequest: OpCode.CHECK,
}


class Subject:
    """The server with its files, and the model."""

    def __init__(self, folder: Path) -> None:
        self.directory = DataDirectory(folder)
        self.directory.snapshots.mkdir(parents=True)
        self.model = Model()
        self._start()

    def _start(self) -> None:
        database = recover(self.directory).database
        self.server = PipelineServer(database=database)
        self.log = TxnLog(self.directory, preallocate=0, slow_fsync_seconds=Seconds(10))
        self.server.on_entry = self._write
        self.clients: dict[int, FakeClient] = {}

    def _write(self, entry: Entry) -> None:
        self.server.log.append(entry)
        header, record, digest = entry
        assert record is not None
        self.log.write(header.zxid, frame_entry(encode_entry(header, record, digest.tree_digest if digest else 0)))

    def client(self, number: int) -> FakeClient:
        if number not in self.clients:
            self.clients[number] = self.server.client()
        return self.clients[number]

    def take(self, step: Step) -> None:
        if step.what == "snapshot":
            zxid = self.server.database.tree.last_zxid
            write_snapshot(self.directory.snapshot_file(zxid), self.server.database.snapshot())
            self.log.roll()
        elif step.what == "kill":
            self.log.close()
            for client in self.clients.values():  # their sessions are never resumed, and expire in the end
                self.model.end_session(client.session_id)
            self._start()
            self.server.pipeline.expire_sessions(1000)
        elif step.what == "end session":
            client = self.client(step.client)
            assert self.server.ask(client, OpCode.CLOSE_SESSION, Empty())[0] == 0
            self.model.end_session(client.session_id)
            del self.clients[step.client]
        elif step.what == "ask":
            self._ask(self.client(step.client), step.requests[0])
        else:
            self._ask_multi(self.client(step.client), step.requests)
        self._compare()

    def _ask(self, client: FakeClient, request: JuteRecord) -> None:
        expected = ErrorCode.OK
        try:
            self.model.do(request, client.session_id)
        except Refusal as refusal:
            (expected,) = refusal.args
        assert self.server.ask(client, KINDS[type(request)], request)[0] == expected

    def _ask_multi(self, client: FakeClient, requests: tuple[JuteRecord, ...]) -> None:
        after, failed = self.model.copy(), False
        errors: list[int] = []
        for request in requests:
            try:
                if not failed:
                    after.do(request, client.session_id)
                errors.append(ErrorCode.RUNTIME_INCONSISTENCY if failed else ErrorCode.OK)
            except Refusal as refusal:
                failed = True
                errors += refusal.args
        operations = tuple(Operation(KINDS[type(request)], request) for request in requests)
        _, answer = self.server.ask(client, OpCode.MULTI, MultiRequest(operations))
        assert isinstance(answer, MultiResponse)
        assert [each.record.err if isinstance(each.record, ErrorResponse) else 0 for each in answer.results] == errors
        if not failed:
            self.model = after

    def _compare(self) -> None:
        tree = self.server.database.tree
        ours = {path: node for path, node in tree.nodes.items() if not path.startswith("/zookeeper")}
        assert set(ours) == set(self.model.nodes)
        for path, node in self.model.nodes.items():
            stat = ours[path].client_stat()
            children = {f"{path.rstrip('/')}/{name}" for name in ours[path].children if name != "zookeeper"}
            assert (ours[path].data, stat.version, children) == (node.data, node.version, node.children)
            assert stat.ephemeral_owner == (node.owner or 0)


@given(STEPS)
@settings(max_examples=150)
def test_requests_do_what_the_documentation_says_and_survive_kill_9(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    subject = Subject(tmp_path_factory.mktemp("zookeeper"))

    for step in steps:
        subject.take(step)
    subject.log.close()


@given(STEPS)
@settings(max_examples=50)
def test_any_log_replayed_makes_the_tree_whose_digests_it_holds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    subject = Subject(tmp_path_factory.mktemp("zookeeper"))
    for step in steps:
        if step.what in ("ask", "multi"):
            subject.take(step)
    subject.log.close()

    replayed = Database()
    for header, record, digest in subject.server.log:
        replayed.apply(header, record, [])
        assert digest is None or digest.tree_digest == replayed.tree.digest

    assert replayed.snapshot() == subject.server.database.snapshot()
