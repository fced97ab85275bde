from typing import Any

import pytest

from pykafka_cli.zookeeper.protocol.errors import (
    BadArguments,
    BadVersion,
    ErrorCode,
    InvalidAcl,
    KeeperError,
    NoAuth,
    NoChildrenForEphemerals,
    NodeExists,
    NoNode,
    NotEmpty,
    ReconfigDisabled,
    Unimplemented,
)
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, READ_ACL, Acl, CreateFlags, Id
from pykafka_cli.zookeeper.protocol.requests import (
    CheckVersionRequest,
    CreateRequest,
    CreateTtlRequest,
    DeleteRequest,
    MultiRequest,
    OpCode,
    Operation,
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
    TxnHeader,
    decode_operation,
)
from pykafka_cli.zookeeper.server.transactions import Requester, TreeView, prepare, prepare_expiry
from pykafka_cli.zookeeper.server.tree import Tree

SESSION = 0x100
ALICE = Id("digest", "alice:hash")
SOMEBODY = Requester(SESSION, [Id("ip", "127.0.0.1")])


class Server:
    """A tree on which requests are tried (`prepare`) or done (`do`)."""

    def __init__(self) -> None:
        self.tree = Tree()

    def prepare(self, kind: OpCode, request: JuteRecord, requester: Requester = SOMEBODY) -> JuteRecord:
        return prepare(kind, request, requester, TreeView(self.tree))

    def do(self, kind: OpCode, request: JuteRecord, requester: Requester = SOMEBODY) -> JuteRecord:
        record = self.prepare(kind, request, requester)
        zxid = self.tree.last_zxid + 1
        outcome = self.tree.apply(TxnHeader(SESSION, 0, zxid, 0, kind), record, [])
        assert outcome.err == 0
        return record

    def create(self, path: str, flags: int = 0, acl: tuple[Acl, ...] = OPEN_ACL) -> JuteRecord:
        return self.do(OpCode.CREATE, CreateRequest(path, b"", acl, flags))


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_creation_names_the_parents_new_version(server: Server) -> None:
    request = CreateRequest("/a", b"x", OPEN_ACL, CreateFlags.PERSISTENT)

    assert server.prepare(OpCode.CREATE, request) == CreateTxn("/a", b"x", OPEN_ACL, False, 1)


def test_preparing_changes_nothing(server: Server) -> None:
    digest = server.tree.digest

    server.prepare(OpCode.CREATE, CreateRequest("/a", b"x", OPEN_ACL, 0))

    assert (server.tree.digest, server.tree.last_zxid) == (digest, 0)


def test_a_sequential_name_ends_in_how_many_children_were_created(server: Server) -> None:
    server.create("/q")
    server.create("/q/other")
    server.do(OpCode.DELETE, DeleteRequest("/q/other", -1))

    names: list[Any] = [server.create("/q/n-", flags) for flags in (2, 3, 2)]

    assert [name.path for name in names] == ["/q/n-0000000001", "/q/n-0000000002", "/q/n-0000000003"]
    assert [name.ephemeral for name in names] == [False, True, False]


def test_a_sequential_znode_may_have_no_other_name(server: Server) -> None:
    server.create("/q")

    made: Any = server.create("/q/", CreateFlags.PERSISTENT_SEQUENTIAL)
    assert made.path == "/q/0000000000"


def test_a_container_is_created_by_an_operation_of_its_own(server: Server) -> None:
    request = CreateRequest("/c", None, OPEN_ACL, CreateFlags.CONTAINER)

    assert server.prepare(OpCode.CREATE_CONTAINER, request) == CreateContainerTxn("/c", None, OPEN_ACL, 1)


@pytest.mark.parametrize(
    ("path", "flags", "error"),
    [
        ("/a", 0, NodeExists),
        ("/", 0, NodeExists),
        ("/absent/child", 0, NoNode),
        ("/e/child", 0, NoChildrenForEphemerals),
        ("relative", 0, BadArguments),
        ("", 0, BadArguments),
        ("/a/", 0, BadArguments),
        ("/a/..", 0, BadArguments),
        ("/b", 7, BadArguments),
        ("/b", -1, BadArguments),
        ("/b", CreateFlags.PERSISTENT_WITH_TTL, Unimplemented),
        ("/b", CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL, Unimplemented),
    ],
)
def test_what_cannot_be_created(server: Server, path: str, flags: int, error: type[KeeperError]) -> None:
    server.create("/a")
    server.create("/e", CreateFlags.EPHEMERAL)

    with pytest.raises(error):
        server.prepare(OpCode.CREATE, CreateRequest(path, b"", OPEN_ACL, flags))


def test_znodes_with_a_time_to_live_are_rejected_as_zookeeper_does_by_default(server: Server) -> None:
    with pytest.raises(Unimplemented):
        server.prepare(OpCode.CREATE_TTL, CreateTtlRequest("/t", b"", OPEN_ACL, 5, 60_000))


def test_versions_are_compared_unless_any_will_do(server: Server) -> None:
    server.create("/a")
    server.do(OpCode.SET_DATA, SetDataRequest("/a", b"", -1))

    assert server.prepare(OpCode.SET_DATA, SetDataRequest("/a", b"x", 1)) == SetDataTxn("/a", b"x", 2)
    assert server.prepare(OpCode.SET_DATA, SetDataRequest("/a", b"x", -1)) == SetDataTxn("/a", b"x", 2)
    for kind, request in (
        (OpCode.SET_DATA, SetDataRequest("/a", b"x", 0)),
        (OpCode.DELETE, DeleteRequest("/a", 0)),
        (OpCode.CHECK, CheckVersionRequest("/a", 0)),
    ):
        with pytest.raises(BadVersion, match="/a has version 1, not 0"):
            server.prepare(kind, request)


def test_the_acl_is_compared_by_its_own_version(server: Server) -> None:
    server.create("/a")

    assert server.prepare(OpCode.SET_ACL, SetAclRequest("/a", READ_ACL, 0)) == SetAclTxn("/a", READ_ACL, 1)
    with pytest.raises(BadVersion):
        server.prepare(OpCode.SET_ACL, SetAclRequest("/a", READ_ACL, 1))


@pytest.mark.parametrize("path", ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota", "relative"])
def test_what_the_server_needs_cannot_be_deleted(server: Server, path: str) -> None:
    with pytest.raises(BadArguments):
        server.prepare(OpCode.DELETE, DeleteRequest(path, -1))


def test_what_has_children_cannot_be_deleted(server: Server) -> None:
    server.create("/a")
    server.create("/a/b")

    with pytest.raises(NotEmpty, match="/a has 1 children"):
        server.prepare(OpCode.DELETE, DeleteRequest("/a", -1))


@pytest.mark.parametrize(
    ("kind", "request_", "needs"),
    [
        (OpCode.CREATE, CreateRequest("/p/new", b"", OPEN_ACL, 0), 4),
        (OpCode.DELETE, DeleteRequest("/p/child", -1), 8),
        (OpCode.SET_DATA, SetDataRequest("/p", b"", -1), 2),
        (OpCode.SET_ACL, SetAclRequest("/p", OPEN_ACL, -1), 16),
        (OpCode.CHECK, CheckVersionRequest("/p", -1), 1),
    ],
)
def test_each_change_needs_its_own_permission(server: Server, kind: OpCode, request_: JuteRecord, needs: int) -> None:
    """Creating and deleting a child is a right on the parent."""
    server.create("/p")
    server.create("/p/child")
    server.do(OpCode.SET_ACL, SetAclRequest("/p", (Acl(31 - needs, Id("world", "anyone")), Acl(needs, ALICE)), -1))

    with pytest.raises(NoAuth):
        server.prepare(kind, request_)
    server.prepare(kind, request_, Requester(SESSION, [ALICE]))
    server.prepare(kind, request_, SOMEBODY._replace(skip_acl=True))


def test_an_acl_is_checked_before_the_parent_is_looked_for(server: Server) -> None:
    with pytest.raises(InvalidAcl):
        server.prepare(OpCode.CREATE, CreateRequest("/absent/child", b"", (), 0))


def test_reconfiguration_is_disabled(server: Server) -> None:
    with pytest.raises(ReconfigDisabled):
        server.prepare(OpCode.RECONFIG, ReconfigRequest(None, None, "server.1=a:1:2", -1))


def operations_of(record: JuteRecord) -> list[JuteRecord]:
    assert isinstance(record, MultiTxn)
    return [decode_operation(txn) for txn in record.txns]


def test_operations_of_a_multi_see_what_came_before(server: Server) -> None:
    request = MultiRequest(
        (
            Operation(OpCode.CREATE, CreateRequest("/a", b"", OPEN_ACL, 0)),
            Operation(OpCode.CREATE, CreateRequest("/a/n-", b"", OPEN_ACL, CreateFlags.PERSISTENT_SEQUENTIAL)),
            Operation(OpCode.CREATE, CreateRequest("/a/n-", b"", OPEN_ACL, CreateFlags.PERSISTENT_SEQUENTIAL)),
            Operation(OpCode.SET_DATA, SetDataRequest("/a", b"x", 0)),
            Operation(OpCode.CHECK, CheckVersionRequest("/a", 1)),
            Operation(OpCode.DELETE, DeleteRequest("/a/n-0000000000", 0)),
            Operation(OpCode.DELETE, DeleteRequest("/a/n-0000000001", 0)),
            Operation(OpCode.DELETE, DeleteRequest("/a", 1)),
            Operation(OpCode.CREATE, CreateRequest("/a", b"", OPEN_ACL, CreateFlags.EPHEMERAL)),
        )
    )

    prepared = server.do(OpCode.MULTI, request)

    assert operations_of(prepared) == [
        CreateTxn("/a", b"", OPEN_ACL, False, 1),
        CreateTxn("/a/n-0000000000", b"", OPEN_ACL, False, 1),
        CreateTxn("/a/n-0000000001", b"", OPEN_ACL, False, 2),
        SetDataTxn("/a", b"x", 1),
        CheckVersionTxn("/a", 2),
        DeleteTxn("/a/n-0000000000"),
        DeleteTxn("/a/n-0000000001"),
        DeleteTxn("/a"),
        CreateTxn("/a", b"", OPEN_ACL, True, 2),
    ]
    assert server.tree.node("/a").stat.ephemeral_owner == SESSION


def test_a_multi_fails_as_a_whole_and_says_where(server: Server) -> None:
    server.create("/a")
    request = MultiRequest(
        (
            Operation(OpCode.SET_DATA, SetDataRequest("/a", b"x", -1)),
            Operation(OpCode.DELETE, DeleteRequest("/a", 0)),
            Operation(OpCode.CREATE, CreateRequest("/b", b"", OPEN_ACL, 0)),
        )
    )

    prepared = server.prepare(OpCode.MULTI, request)

    assert operations_of(prepared) == [
        SetDataTxn("/a", b"x", 1),
        ErrorTxn(ErrorCode.BAD_VERSION),
        ErrorTxn(ErrorCode.RUNTIME_INCONSISTENCY),
    ]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (CreateRequest("/e", b"", OPEN_ACL, CreateFlags.EPHEMERAL), CreateRequest("/e/child", b"", OPEN_ACL, 0)),
        (CreateRequest("/b", b"", OPEN_ACL, 0), CreateRequest("/b", b"", OPEN_ACL, 0)),
        (DeleteRequest("/a", -1), SetDataRequest("/a", b"", -1)),
        (DeleteRequest("/a", -1), CreateRequest("/a/child", b"", OPEN_ACL, 0)),
        (CreateRequest("/a/child", b"", OPEN_ACL, 0), DeleteRequest("/a", -1)),
        (CreateRequest("/b", b"", READ_ACL, 0), SetDataRequest("/b", b"", -1)),
    ],
)
def test_an_operation_is_checked_against_those_before_it(server: Server, first: JuteRecord, then: JuteRecord) -> None:
    server.create("/a")
    kinds = {CreateRequest: OpCode.CREATE, DeleteRequest: OpCode.DELETE, SetDataRequest: OpCode.SET_DATA}
    request = MultiRequest((Operation(kinds[type(first)], first), Operation(kinds[type(then)], then)))

    _, failed = operations_of(server.prepare(OpCode.MULTI, request))

    assert isinstance(failed, ErrorTxn)


def test_a_container_is_deleted_only_while_it_is_empty(server: Server) -> None:
    server.do(OpCode.CREATE_CONTAINER, CreateRequest("/c", b"", OPEN_ACL, CreateFlags.CONTAINER))
    assert prepare_expiry("/c", TreeView(server.tree)) == DeleteTxn("/c")

    server.create("/c/child")
    with pytest.raises(NotEmpty):
        prepare_expiry("/c", TreeView(server.tree))
    with pytest.raises(BadVersion, match="is neither a container"):
        prepare_expiry("/c/child", TreeView(server.tree))
