from dataclasses import replace

import pytest
from puresasl.client import SASLClient

from pykafka_cli.zookeeper.protocol.errors import ErrorCode, MarshallingError
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, Reader, read
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, Acl, CreateFlags, EventType, Id
from pykafka_cli.zookeeper.protocol.requests import (
    AuthPacket,
    ConnectRequest,
    ConnectResponse,
    CreateRequest,
    CreateResponse,
    CreateTtlRequest,
    DeleteRequest,
    Empty,
    GetDataResponse,
    MultiRequest,
    OpCode,
    PathRequest,
    ReplyHeader,
    SaslToken,
    SetDataRequest,
    SetWatches,
    WatchableRequest,
    read_response,
    request_frame,
)
from pykafka_cli.zookeeper.protocol.txn_records import (
    CloseSessionTxn,
    CreateSessionTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
)
from pykafka_cli.zookeeper.server.authentication import Authentication, digest_of
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.digest_md5 import REALM, SERVICE
from pykafka_cli.zookeeper.server.pipeline import Rejected
from pykafka_cli.zookeeper.server.sessions import password_of
from pykafka_cli.zookeeper.server.tree import Tree
from tests.support.zookeeper.pipeline import FakeClient, PipelineServer


@pytest.fixture
def server() -> PipelineServer:
    return PipelineServer()


def create(path: str, flags: int = 0) -> CreateRequest:
    return CreateRequest(path, b"", OPEN_ACL, flags)


@pytest.mark.parametrize(("wanted", "agreed"), [(1, 2000), (5000, 5000), (10**6, 20_000)])
def test_a_timeout_is_agreed_within_bounds(server: PipelineServer, wanted: int, agreed: int) -> None:
    response = server.connect(FakeClient(), ConnectRequest(0, 0, wanted, 0, bytes(16)))

    assert response == ConnectResponse(0, agreed, response.session_id, password_of(response.session_id))
    assert server.log[-1].record == CreateSessionTxn(agreed)
    assert server.database.timeouts == {response.session_id: agreed}


def test_a_client_that_comes_back_has_its_session_again(server: PipelineServer) -> None:
    before, after = server.client(), FakeClient()
    server.ask(before, OpCode.CREATE, create("/e", CreateFlags.EPHEMERAL))
    server.ask(before, OpCode.GET_DATA, WatchableRequest("/e", True))
    zxid = server.database.tree.last_zxid

    response = server.connect(after, ConnectRequest(0, zxid, 6000, before.session_id, password_of(before.session_id)))

    assert (response.session_id, response.timeout_ms) == (before.session_id, 6000)
    assert before.ended == "its client has reconnected"
    assert len(server.pipeline.watches) == 0
    assert server.database.tree.last_zxid == zxid
    assert server.ask(after, OpCode.EXISTS, WatchableRequest("/e", False))[0] == 0


def test_the_connection_that_was_left_does_not_take_the_session_with_it(server: PipelineServer) -> None:
    before, after = server.client(), FakeClient()
    server.connect(after, ConnectRequest(0, 0, 6000, before.session_id, password_of(before.session_id)))

    server.pipeline.disconnected(before)

    assert server.pipeline.clients == {after.session_id: after}


@pytest.mark.parametrize("password", [bytes(16), b"", None])
def test_a_session_is_not_given_to_who_lacks_its_password(server: PipelineServer, password: bytes | None) -> None:
    owner, thief = server.client(), FakeClient()

    response = server.connect(thief, ConnectRequest(0, 0, 6000, owner.session_id, password))

    assert response == ConnectResponse(0, 0, 0, bytes(16))
    assert (thief.ended is not None, thief.takes_requests, owner.ended) == (True, False, None)


def test_a_session_that_is_gone_is_not_given_back(server: PipelineServer) -> None:
    client = server.client()
    server.ask(client, OpCode.CLOSE_SESSION, Empty())

    again = FakeClient()
    response = server.connect(again, ConnectRequest(0, 0, 6000, client.session_id, password_of(client.session_id)))

    assert (response.timeout_ms, response.session_id) == (0, 0)
    assert again.ended is not None


def test_a_client_that_has_seen_more_than_there_is_must_look_elsewhere(server: PipelineServer) -> None:
    with pytest.raises(Rejected, match="it has seen transaction 0x9, the last one here is 0x0"):
        server.pipeline.connect(FakeClient(), ConnectRequest(0, 9, 6000, 0, bytes(16)), False, 0.0)


def test_the_end_of_a_session_is_answered_and_ends_the_connection(server: PipelineServer) -> None:
    client = server.client()
    server.ask(client, OpCode.CREATE, create("/e", CreateFlags.EPHEMERAL))

    assert server.ask(client, OpCode.CLOSE_SESSION, Empty()) == (0, Empty())

    assert server.log[-1].record == CloseSessionTxn(("/e",))
    assert (client.ended, client.takes_requests) == ("it has closed its session", False)
    assert server.database.timeouts == {}


def test_a_silent_session_expires_with_its_ephemerals_and_others_are_notified(server: PipelineServer) -> None:
    silent, other = server.client(timeout_ms=4000), server.client(timeout_ms=20_000)
    server.ask(silent, OpCode.CREATE, create("/e", CreateFlags.EPHEMERAL))
    server.ask(other, OpCode.EXISTS, WatchableRequest("/e", True))

    server.pipeline.expire_sessions(4.9)
    assert silent.ended is None
    server.pipeline.expire_sessions(5.0)

    assert (silent.ended, silent.takes_requests) == ("its session expired", False)
    assert other.event() == (EventType.NODE_DELETED, "/e")
    assert other.ended is None


def test_a_ping_keeps_a_session_alive(server: PipelineServer) -> None:
    client = server.client(timeout_ms=4000)
    server.clock.advance(3)
    assert server.ask(client, OpCode.PING, Empty()) == (0, Empty())

    server.pipeline.expire_sessions(7.9)

    assert client.ended is None


def test_a_session_without_a_connection_expires_too(server: PipelineServer) -> None:
    client = server.client()
    server.ask(client, OpCode.CREATE, create("/e", CreateFlags.EPHEMERAL))
    server.pipeline.disconnected(client)

    server.pipeline.expire_sessions(60)

    assert "/e" not in server.database.tree.nodes


def test_nothing_is_reported_before_it_is_durable(server: PipelineServer) -> None:
    writer, reader = server.client(), server.client()
    server.ask(writer, OpCode.CREATE, create("/a"))
    server.ask(reader, OpCode.GET_DATA, WatchableRequest("/a", True))

    server.hold()
    server.send(writer, OpCode.SET_DATA, SetDataRequest("/a", b"new", -1))
    server.send(reader, OpCode.GET_DATA, WatchableRequest("/a", False))
    assert (writer.received(), reader.received()) == (None, None)
    assert writer.expected > 0

    server.release()
    assert writer.received() is not None
    assert writer.expected == reader.expected == 0


def test_a_watch_fires_before_its_client_sees_the_new_data(server: PipelineServer) -> None:
    writer, reader = server.client(), server.client()
    server.ask(writer, OpCode.CREATE, create("/a"))
    server.ask(reader, OpCode.GET_DATA, WatchableRequest("/a", True))

    server.hold()
    server.send(writer, OpCode.SET_DATA, SetDataRequest("/a", b"new", -1))
    server.send(reader, OpCode.GET_DATA, WatchableRequest("/a", False))
    server.release()

    assert reader.event() == (EventType.NODE_DATA_CHANGED, "/a")
    answer = reader.received()
    assert answer is not None
    assert read(GetDataResponse, Reader(answer, 16)).data == b"new"


def test_an_event_precedes_the_answer_to_the_change_that_caused_it(server: PipelineServer) -> None:
    client = server.client()
    server.ask(client, OpCode.GET_CHILDREN, WatchableRequest("/", True))

    server.send(client, OpCode.CREATE, create("/a"), xid=7)

    assert client.event() == (EventType.NODE_CHILDREN_CHANGED, "/")
    answer = client.received()
    assert answer is not None
    assert read(ReplyHeader, Reader(answer)).xid == 7


def test_a_change_that_fails_is_a_transaction_all_the_same(server: PipelineServer) -> None:
    client = server.client()

    assert server.ask(client, OpCode.SET_DATA, SetDataRequest("/absent", b"", -1)) == (ErrorCode.NO_NODE, Empty())

    assert server.log[-1].record == ErrorTxn(ErrorCode.NO_NODE)
    assert server.database.tree.last_zxid == 2


@pytest.mark.parametrize("kind", [OpCode.CREATE, OpCode.GET_DATA, OpCode.MULTI, OpCode.MULTI_READ, OpCode.SET_WATCHES])
def test_a_request_that_cannot_be_read_is_reported_so(server: PipelineServer, kind: OpCode) -> None:
    client = server.client()

    assert server.ask(client, kind, PathRequest("x")) == (ErrorCode.MARSHALLING_ERROR, Empty())
    assert client.ended is None


def test_a_frame_without_a_header_is_the_connections_end(server: PipelineServer) -> None:
    with pytest.raises(MarshallingError):
        server.pipeline.submit(server.client(), b"\0\0\0", 0.0)


@pytest.mark.parametrize("number", [0, 10, 999, -1, -10])
def test_an_operation_that_nobody_has_ends_the_connection(server: PipelineServer, number: int) -> None:
    client = server.client()

    server.pipeline.submit(
        client, request_frame(5, OpCode.PING, Empty())[4:8] + number.to_bytes(4, "big", signed=True), 0
    )

    answer = client.received()
    assert answer is not None
    assert read(ReplyHeader, Reader(answer)) == ReplyHeader(5, 1, ErrorCode.UNIMPLEMENTED)
    assert client.ended == f"it sent operation {number}, which this server does not support"


def test_requests_of_a_session_that_is_gone_are_rejected(server: PipelineServer) -> None:
    client = server.client()
    server.pipeline.sessions.remove(client.session_id)

    assert server.ask(client, OpCode.GET_DATA, WatchableRequest("/", False))[0] == ErrorCode.UNKNOWN_SESSION
    assert server.ask(client, OpCode.CREATE, create("/a"))[0] == ErrorCode.UNKNOWN_SESSION


def test_a_failed_authentication_ends_the_connection(server: PipelineServer) -> None:
    client = server.client()

    assert server.ask(client, OpCode.AUTH, AuthPacket(0, "sasl", b"x")) == (ErrorCode.AUTH_FAILED, Empty())
    assert client.ended is not None


def test_an_authentication_counts_for_the_connection_only(server: PipelineServer) -> None:
    client = server.client()
    server.ask(client, OpCode.AUTH, AuthPacket(0, "digest", b"alice:a"))
    server.ask(client, OpCode.AUTH, AuthPacket(0, "digest", b"alice:a"))

    assert client.identities == [Id("ip", "127.0.0.1"), Id("digest", digest_of(b"alice:a"))]
    assert FakeClient().identities == [Id("ip", "127.0.0.1")]


def test_acls_are_kept_and_not_obeyed_where_so_configured() -> None:
    server = PipelineServer(skip_acl=True)
    client = server.client()
    nobody = (Acl(0, Id("ip", "10.0.0.1")),)

    server.ask(client, OpCode.CREATE, CreateRequest("/a", b"", nobody, 0))

    assert server.ask(client, OpCode.GET_DATA, WatchableRequest("/a", True))[0] == 0
    server.send(client, OpCode.SET_DATA, SetDataRequest("/a", b"", -1))
    assert client.event() == (EventType.NODE_DATA_CHANGED, "/a")


def test_the_super_user_may_do_everything() -> None:
    server = PipelineServer(authentication=Authentication(super_digest=digest_of(b"super:secret")))
    client = server.client()
    server.ask(client, OpCode.CREATE, CreateRequest("/a", b"", (Acl(0, Id("ip", "10.0.0.1")),), 0))

    server.ask(client, OpCode.AUTH, AuthPacket(0, "digest", b"super:secret"))

    assert server.ask(client, OpCode.SET_DATA, SetDataRequest("/a", b"", -1))[0] == 0


def logged_in(server: PipelineServer, client: FakeClient, user: str, password: str) -> int:
    """The error that the last step of a login was answered with."""
    asking = SASLClient(REALM, SERVICE, mechanism="DIGEST-MD5", username=user, password=password)
    _, challenge = server.ask(client, OpCode.SASL, SaslToken(b""))
    assert isinstance(challenge, SaslToken)
    return server.ask(client, OpCode.SASL, SaslToken(asking.process(challenge.token)))[0]


USERS = Authentication(
    frozenset({"digest", "ip", "sasl"}), passwords={"kafka": "secret", "admin": "a"}, super_users=frozenset({"admin"})
)


def test_a_login_adds_its_user_to_the_connection() -> None:
    server = PipelineServer(authentication=USERS)
    client = server.client()

    assert logged_in(server, client, "kafka", "secret") == 0

    assert client.identities == [Id("ip", "127.0.0.1"), Id("sasl", "kafka")]
    only_kafka = (Acl(31, Id("auth", "")),)
    server.ask(client, OpCode.CREATE, CreateRequest("/a", b"", only_kafka, 0))
    assert server.ask(server.client(), OpCode.GET_DATA, WatchableRequest("/a", False))[0] == ErrorCode.NO_AUTH
    assert server.ask(client, OpCode.GET_DATA, WatchableRequest("/a", False))[0] == 0


def test_a_super_user_of_sasl_may_do_everything() -> None:
    server = PipelineServer(authentication=USERS)
    client = server.client()
    server.ask(client, OpCode.CREATE, CreateRequest("/a", b"", (Acl(0, Id("sasl", "kafka")),), 0))

    logged_in(server, client, "admin", "a")

    assert server.ask(client, OpCode.SET_DATA, SetDataRequest("/a", b"", -1))[0] == 0


@pytest.mark.parametrize(
    ("required", "code"),
    [((), ErrorCode.AUTH_FAILED), (("sasl",), ErrorCode.SESSION_CLOSED_REQUIRE_SASL_AUTH)],
)
def test_a_login_that_fails_ends_the_connection(required: tuple[str, ...], code: ErrorCode) -> None:
    server = PipelineServer(authentication=replace(USERS, required=frozenset(required)))
    client = server.client()

    assert logged_in(server, client, "kafka", "guess") == code

    assert client.ended == "its login failed: unknown user or wrong password"
    assert not client.takes_requests


def test_where_nobody_can_log_in_an_attempt_fails(server: PipelineServer) -> None:
    client = server.client()

    assert server.ask(client, OpCode.SASL, SaslToken(b""))[0] == ErrorCode.AUTH_FAILED

    assert "no JAAS entry" in str(client.ended)


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (OpCode.EXISTS, WatchableRequest("/", False)),
        (OpCode.CREATE, CreateRequest("/a", b"", OPEN_ACL, 0)),
        (OpCode.PING, Empty()),
        (OpCode.CLOSE_SESSION, Empty()),
        (OpCode.SET_WATCHES, SetWatches(0, ("/",), (), ())),
    ],
)
def test_who_must_authenticate_is_answered_nothing_before(kind: OpCode, record: JuteRecord) -> None:
    server = PipelineServer(authentication=replace(USERS, required=frozenset({"sasl"})))
    client = server.client()
    before = server.database.tree.last_zxid

    server.send(client, kind, record)

    frame = client.received()
    assert frame is not None
    assert read_response(kind, frame)[0] == (1, 0, ErrorCode.SESSION_CLOSED_REQUIRE_SASL_AUTH)
    assert client.ended == "it has not authenticated by sasl"
    assert server.database.tree.last_zxid == before


def test_who_must_authenticate_and_does_is_served() -> None:
    server = PipelineServer(authentication=replace(USERS, required=frozenset({"sasl", "digest"})))
    client, another = server.client(), server.client()

    logged_in(server, client, "kafka", "secret")
    server.ask(another, OpCode.AUTH, AuthPacket(0, "digest", b"a:b"))

    assert server.ask(client, OpCode.EXISTS, WatchableRequest("/", False))[0] == 0
    assert server.ask(another, OpCode.EXISTS, WatchableRequest("/", False))[0] == 0


def test_unused_containers_are_deleted_from_the_inside(server: PipelineServer) -> None:
    client = server.client()
    for path in ("/c", "/c/d"):
        server.ask(client, OpCode.CREATE_CONTAINER, create(path, CreateFlags.CONTAINER))
    server.ask(client, OpCode.CREATE, create("/c/d/e", CreateFlags.EPHEMERAL))
    server.pipeline.delete_expired()
    assert "/c/d" in server.database.tree.nodes

    server.ask(client, OpCode.CLOSE_SESSION, Empty())
    server.pipeline.delete_expired()
    server.pipeline.delete_expired()

    assert [entry.record for entry in server.log[-2:]] == [DeleteTxn("/c/d"), DeleteTxn("/c")]


def create_ttl(path: str, ttl: int, flags: int = CreateFlags.PERSISTENT_WITH_TTL) -> CreateTtlRequest:
    return CreateTtlRequest(path, b"", OPEN_ACL, flags, ttl)


def test_a_znode_with_a_time_to_live_is_deleted_when_it_is_over() -> None:
    server = PipelineServer(has_extended_types=True)
    client = server.client()
    for path in ("/t", "/u"):
        assert server.ask(client, OpCode.CREATE_TTL, create_ttl(path, 1000))[0] == 0
    server.ask(client, OpCode.CREATE, create("/u/child"))

    server.clock.advance(1.0)
    server.pipeline.delete_expired()
    assert "/t" in server.database.tree.nodes

    server.ask(client, OpCode.SET_DATA, SetDataRequest("/t", b"", -1))
    server.clock.advance(0.9)
    server.pipeline.delete_expired()
    assert "/t" in server.database.tree.nodes

    server.clock.advance(0.2)
    server.pipeline.delete_expired()
    assert "/t" not in server.database.tree.nodes
    assert "/u" in server.database.tree.nodes
    server.ask(client, OpCode.DELETE, DeleteRequest("/u/child", -1))
    server.pipeline.delete_expired()
    assert "/u" not in server.database.tree.nodes


@pytest.mark.parametrize(
    ("ttl", "flags", "code"),
    [
        (0, CreateFlags.PERSISTENT_WITH_TTL, ErrorCode.BAD_ARGUMENTS),
        (1 << 40, CreateFlags.PERSISTENT_WITH_TTL, ErrorCode.BAD_ARGUMENTS),
        (1000, CreateFlags.PERSISTENT, ErrorCode.BAD_ARGUMENTS),
        ((1 << 40) - 1, CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL, ErrorCode.OK),
    ],
)
def test_a_time_to_live_has_bounds_and_its_modes(ttl: int, flags: CreateFlags, code: ErrorCode) -> None:
    server = PipelineServer(has_extended_types=True)

    assert server.ask(server.client(), OpCode.CREATE_TTL, create_ttl("/t", ttl, flags))[0] == code


def test_without_extended_types_nothing_has_a_time_to_live(server: PipelineServer) -> None:
    assert server.ask(server.client(), OpCode.CREATE_TTL, create_ttl("/t", 1))[0] == ErrorCode.UNIMPLEMENTED


def test_a_time_to_live_survives_a_restart_and_is_no_session() -> None:
    server = PipelineServer(has_extended_types=True)
    server.ask(server.client(), OpCode.CREATE_TTL, create_ttl("/t", 1000))
    image = server.database.snapshot()
    database = Database(Tree.restore(image.nodes, server.database.tree.last_zxid))

    assert database.remove_orphans() == []

    again = PipelineServer(database, has_extended_types=True)
    again.clock.advance(2.0)
    again.pipeline.delete_expired()
    assert "/t" not in database.tree.nodes


def test_a_container_that_is_never_used_may_be_deleted_too() -> None:
    server = PipelineServer(max_never_used_ms=1000)
    server.ask(server.client(), OpCode.CREATE_CONTAINER, create("/c", CreateFlags.CONTAINER))
    server.pipeline.delete_expired()
    assert "/c" in server.database.tree.nodes

    server.clock.advance(1.1)
    server.pipeline.delete_expired()

    assert "/c" not in server.database.tree.nodes


def test_an_empty_multi_works(server: PipelineServer) -> None:
    assert server.ask(server.client(), OpCode.MULTI, MultiRequest(()))[0] == 0


def test_the_log_alone_makes_the_same_tree(server: PipelineServer) -> None:
    client = server.client()
    assert server.ask(client, OpCode.CREATE, create("/a")) == (0, CreateResponse("/a"))
    server.ask(client, OpCode.CREATE, create("/a/n-", CreateFlags.EPHEMERAL_SEQUENTIAL))
    server.ask(client, OpCode.CREATE, create("/a"))
    server.ask(client, OpCode.SET_DATA, SetDataRequest("/a", b"x", 0))
    server.ask(client, OpCode.CLOSE_SESSION, Empty())

    replayed = Tree()
    for header, record, digest in server.log:
        replayed.apply(header, record, [])
        assert digest is None or digest.tree_digest == replayed.digest

    assert replayed.image() == server.database.tree.image()
    assert server.log[1].record == CreateTxn("/a", b"", OPEN_ACL, False, 1)
