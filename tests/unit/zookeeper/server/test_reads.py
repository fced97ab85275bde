import pytest

from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import (
    OPEN_ACL,
    Acl,
    AddWatchMode,
    ClientInfo,
    CreateFlags,
    EventType,
    Id,
    WatcherType,
)
from pykafka_cli.zookeeper.protocol.requests import (
    AddWatchRequest,
    AuthPacket,
    CheckVersionRequest,
    CreateRequest,
    DeleteRequest,
    Empty,
    ErrorResponse,
    GetAclResponse,
    GetAllChildrenNumberResponse,
    GetChildrenResponse,
    GetDataResponse,
    GetEphemeralsRequest,
    GetEphemeralsResponse,
    MultiRequest,
    MultiResponse,
    OpCode,
    Operation,
    PathRequest,
    SetAclRequest,
    SetDataRequest,
    SetWatches,
    SetWatches2,
    WatchableRequest,
    WatchesRequest,
    WhoAmIResponse,
)
from pykafka_cli.zookeeper.server.authentication import digest_of
from tests.support.zookeeper.pipeline import FakeClient, PipelineServer

PRIVATE = (Acl(31, Id("digest", digest_of(b"alice:a"))),)


@pytest.fixture
def server() -> PipelineServer:
    return PipelineServer()


@pytest.fixture
def client(server: PipelineServer) -> FakeClient:
    return server.client()


def create(
    server: PipelineServer, client: FakeClient, path: str, acl: tuple[Acl, ...] = OPEN_ACL, flags: int = 0
) -> None:
    assert server.ask(client, OpCode.CREATE, CreateRequest(path, b"data", acl, flags))[0] == 0


READS: dict[OpCode, JuteRecord] = {
    OpCode.EXISTS: WatchableRequest("/p", True),
    OpCode.GET_DATA: WatchableRequest("/p", True),
    OpCode.GET_CHILDREN: WatchableRequest("/p", True),
    OpCode.GET_CHILDREN2: WatchableRequest("/p", True),
    OpCode.GET_ACL: PathRequest("/p"),
    OpCode.GET_ALL_CHILDREN_NUMBER: PathRequest("/p"),
    OpCode.CHECK: CheckVersionRequest("/p", -1),
}


@pytest.mark.parametrize("kind", READS)
def test_what_is_not_there_cannot_be_read(server: PipelineServer, client: FakeClient, kind: OpCode) -> None:
    assert server.ask(client, kind, READS[kind]) == (ErrorCode.NO_NODE, Empty())


@pytest.mark.parametrize("kind", READS)
def test_what_may_not_be_read_is_not_reported_and_leaves_no_watch(
    server: PipelineServer, client: FakeClient, kind: OpCode
) -> None:
    create(server, client, "/p", PRIVATE)

    assert server.ask(client, kind, READS[kind]) == (ErrorCode.NO_AUTH, Empty())
    assert len(server.pipeline.watches) == 0

    assert server.ask(client, OpCode.AUTH, AuthPacket(0, "digest", b"alice:a"))[0] == 0
    assert server.ask(client, kind, READS[kind])[0] == 0


def test_exists_waits_for_what_is_not_there(server: PipelineServer, client: FakeClient) -> None:
    server.ask(client, OpCode.EXISTS, WatchableRequest("/a", True))

    server.send(server.client(), OpCode.CREATE, CreateRequest("/a", b"", OPEN_ACL, 0))

    assert client.event() == (EventType.NODE_CREATED, "/a")


def test_other_reads_of_what_is_not_there_leave_no_watch(server: PipelineServer, client: FakeClient) -> None:
    server.ask(client, OpCode.GET_DATA, WatchableRequest("/a", True))
    server.ask(client, OpCode.GET_CHILDREN2, WatchableRequest("/a", True))

    assert len(server.pipeline.watches) == 0


def test_hashes_are_shown_to_administrators_only(server: PipelineServer, client: FakeClient) -> None:
    create(server, client, "/a", (*PRIVATE, Acl(1, Id("world", "anyone"))))

    _, answer = server.ask(client, OpCode.GET_ACL, PathRequest("/a"))
    assert isinstance(answer, GetAclResponse)
    assert answer.acl[0].id == Id("digest", "alice:x")

    server.ask(client, OpCode.AUTH, AuthPacket(0, "digest", b"alice:a"))
    _, answer = server.ask(client, OpCode.GET_ACL, PathRequest("/a"))
    assert isinstance(answer, GetAclResponse)
    assert answer.acl[0] == PRIVATE[0]


def test_a_multi_read_answers_each_read_for_itself(server: PipelineServer, client: FakeClient) -> None:
    create(server, client, "/a")
    create(server, client, "/a/b")
    reads = MultiRequest(
        (
            Operation(OpCode.GET_DATA, WatchableRequest("/a", False)),
            Operation(OpCode.GET_DATA, WatchableRequest("/absent", False)),
            Operation(OpCode.GET_CHILDREN, WatchableRequest("/a", False)),
        )
    )

    err, answer = server.ask(client, OpCode.MULTI_READ, reads)

    assert err == 0
    assert isinstance(answer, MultiResponse)
    (kind, data), failed, (_, children) = answer.results
    assert kind is OpCode.GET_DATA
    assert isinstance(data, GetDataResponse)
    assert data.data == b"data"
    assert failed == (OpCode.ERROR, ErrorResponse(ErrorCode.NO_NODE))
    assert children == GetChildrenResponse(("b",))


def test_ephemerals_are_those_of_the_own_session(server: PipelineServer, client: FakeClient) -> None:
    for path in ("/x", "/y"):
        create(server, client, path)
        create(server, client, f"{path}/e", flags=CreateFlags.EPHEMERAL)
    create(server, server.client(), "/x/other", flags=CreateFlags.EPHEMERAL)

    def ephemerals(prefix: str | None) -> object:
        return server.ask(client, OpCode.GET_EPHEMERALS, GetEphemeralsRequest(prefix))[1]

    assert ephemerals("/") == ephemerals(None) == GetEphemeralsResponse(("/x/e", "/y/e"))
    assert ephemerals("/y") == GetEphemeralsResponse(("/y/e",))


def test_all_below_a_path_is_counted(server: PipelineServer, client: FakeClient) -> None:
    create(server, client, "/a")
    create(server, client, "/a/b")
    create(server, client, "/a/b/c")

    answer = server.ask(client, OpCode.GET_ALL_CHILDREN_NUMBER, PathRequest("/a"))

    assert answer == (0, GetAllChildrenNumberResponse(2))


def test_a_check_by_itself_makes_no_transaction(server: PipelineServer, client: FakeClient) -> None:
    create(server, client, "/a")
    logged = len(server.log)

    assert server.ask(client, OpCode.CHECK, CheckVersionRequest("/a", 0)) == (0, Empty())
    assert server.ask(client, OpCode.CHECK, CheckVersionRequest("/a", 1)) == (ErrorCode.BAD_VERSION, Empty())
    assert len(server.log) == logged


def test_watches_that_stay_are_added_looked_for_and_removed(server: PipelineServer, client: FakeClient) -> None:
    other = server.client()
    recursive = AddWatchRequest("/", AddWatchMode.PERSISTENT_RECURSIVE)
    assert server.ask(client, OpCode.ADD_WATCH, recursive) == (0, ErrorResponse(0))
    create(server, other, "/a")
    create(server, other, "/a/b")
    assert [client.event(), client.event()] == [(EventType.NODE_CREATED, "/a"), (EventType.NODE_CREATED, "/a/b")]

    both = WatchesRequest("/", WatcherType.ANY)
    assert server.ask(client, OpCode.CHECK_WATCHES, both) == (0, Empty())
    assert server.ask(client, OpCode.REMOVE_WATCHES, both) == (0, Empty())

    create(server, other, "/c")
    assert client.event() is None
    assert server.ask(client, OpCode.CHECK_WATCHES, both)[0] == ErrorCode.NO_WATCHER
    assert server.ask(client, OpCode.REMOVE_WATCHES, both)[0] == ErrorCode.NO_WATCHER


def test_modes_and_types_of_watches_that_are_none_are_rejected(server: PipelineServer, client: FakeClient) -> None:
    assert server.ask(client, OpCode.ADD_WATCH, AddWatchRequest("/", 2))[0] == ErrorCode.BAD_ARGUMENTS
    assert server.ask(client, OpCode.REMOVE_WATCHES, WatchesRequest("/", 0))[0] == ErrorCode.BAD_ARGUMENTS


def test_a_client_that_was_away_learns_what_it_missed(server: PipelineServer, client: FakeClient) -> None:
    other = server.client()
    for path in ("/changed", "/deleted", "/same", "/parent", "/quiet"):
        create(server, other, path)
    seen = server.database.tree.last_zxid
    server.ask(other, OpCode.SET_DATA, SetDataRequest("/changed", b"", -1))
    server.ask(other, OpCode.DELETE, DeleteRequest("/deleted", -1))
    create(server, other, "/parent/child")
    create(server, other, "/created")

    request = SetWatches(
        seen,
        data_watches=("/changed", "/deleted", "/same"),
        exist_watches=("/created", "/still-absent"),
        child_watches=("/parent", "/deleted", "/quiet"),
    )
    server.send(client, OpCode.SET_WATCHES, request)

    assert [client.event() for _ in range(5)] == [
        (EventType.NODE_DATA_CHANGED, "/changed"),
        (EventType.NODE_DELETED, "/deleted"),
        (EventType.NODE_CREATED, "/created"),
        (EventType.NODE_CHILDREN_CHANGED, "/parent"),
        (EventType.NODE_DELETED, "/deleted"),
    ]
    assert client.received() is not None  # the response, after the events
    for path in ("/still-absent", "/quiet/child"):
        create(server, other, path)
    server.ask(other, OpCode.SET_DATA, SetDataRequest("/same", b"", -1))
    assert [client.event() for _ in range(3)] == [
        (EventType.NODE_CREATED, "/still-absent"),
        (EventType.NODE_CHILDREN_CHANGED, "/quiet"),
        (EventType.NODE_DATA_CHANGED, "/same"),
    ]


def test_watches_that_stay_are_set_again_too(server: PipelineServer, client: FakeClient) -> None:
    other = server.client()
    request = SetWatches2(0, (), (), (), persistent_watches=("/p",), persistent_recursive_watches=("/r",))
    assert server.ask(client, OpCode.SET_WATCHES2, request) == (0, Empty())

    for path in ("/p", "/p/child", "/r", "/r/child"):
        create(server, other, path)

    assert [client.event() for _ in range(5)] == [
        (EventType.NODE_CREATED, "/p"),
        (EventType.NODE_CHILDREN_CHANGED, "/p"),
        (EventType.NODE_CREATED, "/r"),
        (EventType.NODE_CREATED, "/r/child"),
        None,
    ]


def test_everybody_learns_who_they_are(server: PipelineServer, client: FakeClient) -> None:
    server.ask(client, OpCode.AUTH, AuthPacket(0, "digest", b"alice:a"))

    _, answer = server.ask(client, OpCode.WHO_AM_I, Empty())

    assert answer == WhoAmIResponse((ClientInfo("ip", "127.0.0.1"), ClientInfo("digest", "alice")))


def test_who_may_not_read_a_znode_does_not_learn_of_it(server: PipelineServer, client: FakeClient) -> None:
    other = server.client()
    create(server, other, "/a")
    server.ask(client, OpCode.GET_DATA, WatchableRequest("/a", True))
    server.ask(other, OpCode.SET_ACL, SetAclRequest("/a", (Acl(30, Id("world", "anyone")), *PRIVATE), -1))

    server.ask(other, OpCode.SET_DATA, SetDataRequest("/a", b"", -1))

    assert client.event() is None
