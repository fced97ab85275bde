import pytest

from pykafka_cli.zookeeper.protocol.errors import ErrorCode, NoNode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, encode
from pykafka_cli.zookeeper.protocol.records import CONTAINER, OPEN_ACL, READ_ACL, EventType, Stat
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import (
    CheckVersionTxn,
    CloseSessionTxn,
    CreateContainerTxn,
    CreateTtlTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    SetAclTxn,
    SetDataTxn,
    Txn,
    TxnHeader,
)
from pykafka_cli.zookeeper.server.tree import Event, Outcome, Tree

SESSION = 0x100


class Applied:
    """A tree, and the transactions it was given, numbered from 1, a second apart."""

    def __init__(self) -> None:
        self.tree = Tree()
        self.events: list[Event] = []

    def __call__(self, kind: OpCode, record: JuteRecord | None, session_id: int = SESSION) -> Outcome:
        zxid = self.tree.last_zxid + 1
        return self.tree.apply(TxnHeader(session_id, 0, zxid, zxid * 1000, kind), record, self.events)

    def create(self, path: str, data: bytes | None = b"", *, ephemeral: bool = False, cversion: int = 1) -> Outcome:
        return self(OpCode.CREATE, CreateTxn(path, data, OPEN_ACL, ephemeral, cversion))


@pytest.fixture
def apply() -> Applied:
    return Applied()


def test_an_empty_tree_has_the_znodes_that_zookeeper_has() -> None:
    tree = Tree()

    assert list(tree.nodes) == ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]
    assert tree.nodes["/zookeeper/config"].acl == READ_ACL
    assert tree.nodes["/zookeeper"].client_stat() == Stat(0, 0, 0, 0, 0, -2, 0, 0, 0, 2, 0)
    assert tree.nodes["/zookeeper/config"].client_stat().aversion == -1


def test_a_creation_is_counted_in_child_and_parent(apply: Applied) -> None:
    outcome = apply.create("/a", b"data")

    assert outcome.stat == Stat(1, 1, 1000, 1000, 0, 0, 0, 0, 4, 0, 1)
    assert apply.tree.node("/").client_stat()[5:] == (0, 0, 0, 0, 2, 1)
    assert apply.tree.last_zxid == 1


def test_a_change_of_data_is_counted(apply: Applied) -> None:
    apply.create("/a", b"data")

    outcome = apply(OpCode.SET_DATA, SetDataTxn("/a", b"longer data", 1))

    assert outcome.stat == Stat(1, 2, 1000, 2000, 1, 0, 0, 0, 11, 0, 1)


def test_null_data_is_kept_apart_from_empty(apply: Applied) -> None:
    apply.create("/null", None)
    apply.create("/empty", b"", cversion=2)

    assert apply.tree.node("/null").data is None
    assert apply.tree.node("/null").client_stat().data_length == 0
    assert apply.tree.node("/empty").data == b""


def test_creations_and_deletions_of_children_are_counted_together(apply: Applied) -> None:
    apply.create("/a")
    apply.create("/a/b")
    apply.create("/a/c", cversion=2)

    apply(OpCode.DELETE, DeleteTxn("/a/b"))

    stat = apply.tree.node("/a").client_stat()
    assert (stat.cversion, stat.num_children, stat.pzxid) == (3, 1, 4)


def test_the_acl_has_a_version_of_its_own(apply: Applied) -> None:
    apply.create("/a")

    outcome = apply(OpCode.SET_ACL, SetAclTxn("/a", READ_ACL, 1))

    assert outcome.stat == Stat(1, 1, 1000, 1000, 0, 0, 1, 0, 0, 0, 1)
    assert apply.tree.node("/a").acl == READ_ACL


def test_the_end_of_a_session_takes_its_ephemerals_with_it(apply: Applied) -> None:
    apply.create("/e", ephemeral=True)
    apply.create("/f", ephemeral=True, cversion=2)
    apply(OpCode.CREATE, CreateTxn("/other", b"", OPEN_ACL, True, 3), session_id=0x200)
    assert apply.tree.node("/e").client_stat().ephemeral_owner == SESSION

    apply(OpCode.CLOSE_SESSION, CloseSessionTxn(("/e", "/f")))

    assert not {"/e", "/f"} & set(apply.tree.nodes)
    assert apply.tree.ephemerals == {0x200: {"/other": None}}


def test_the_end_of_a_session_that_names_no_paths_takes_all_it_owns(apply: Applied) -> None:
    apply.create("/e", ephemeral=True)

    apply(OpCode.CLOSE_SESSION, None)

    assert "/e" not in apply.tree.nodes


def test_a_container_is_unused_once_its_last_child_is_gone(apply: Applied) -> None:
    apply(OpCode.CREATE_CONTAINER, CreateContainerTxn("/c", b"", OPEN_ACL, 1))
    assert apply.tree.node("/c").stat.ephemeral_owner == CONTAINER
    assert apply.tree.node("/c").client_stat().ephemeral_owner == 0
    assert list(apply.tree.unused_containers()) == []

    apply.create("/c/child")
    assert list(apply.tree.unused_containers()) == []

    apply(OpCode.DELETE, DeleteTxn("/c/child"))
    assert list(apply.tree.unused_containers()) == ["/c"]

    apply(OpCode.DELETE_CONTAINER, DeleteTxn("/c"))
    assert list(apply.tree.unused_containers()) == []


def test_a_znode_with_a_time_to_live_of_another_servers_log_is_read(apply: Applied) -> None:
    apply(OpCode.CREATE_TTL, CreateTtlTxn("/t", b"", OPEN_ACL, 1, 60_000))

    assert apply.tree.node("/t").stat.ephemeral_owner & 0xFFFFFFFFFFFFFFFF == 0xFF00_0000_0000_EA60


def test_a_multi_is_one_transaction(apply: Applied) -> None:
    operations = (
        (OpCode.CREATE, CreateTxn("/a", b"1", OPEN_ACL, False, 1)),
        (OpCode.CREATE2, CreateTxn("/a/b", b"", OPEN_ACL, False, 1)),
        (OpCode.CHECK, CheckVersionTxn("/a", 0)),
        (OpCode.SET_DATA, SetDataTxn("/a", b"22", 1)),
        (OpCode.DELETE, DeleteTxn("/a/b")),
    )

    outcome = apply(OpCode.MULTI, MultiTxn(tuple(Txn(kind, encode(record)) for kind, record in operations)))

    assert [result.type for result in outcome.results] == [kind for kind, _ in operations]
    assert outcome.err == ErrorCode.OK
    assert apply.tree.last_zxid == 1
    assert apply.tree.node("/a").client_stat() == Stat(1, 1, 1000, 1000, 1, 2, 0, 0, 2, 0, 1)


def test_of_a_failed_multi_nothing_takes_place(apply: Applied) -> None:
    before = apply.tree.digest
    operations = (
        (OpCode.CREATE, CreateTxn("/a", b"1", OPEN_ACL, False, 1)),
        (OpCode.ERROR, ErrorTxn(ErrorCode.BAD_VERSION)),
        (OpCode.ERROR, ErrorTxn(ErrorCode.RUNTIME_INCONSISTENCY)),
    )

    outcome = apply(OpCode.MULTI, MultiTxn(tuple(Txn(kind, encode(record)) for kind, record in operations)))

    assert [result.err for result in outcome.results] == [0, -103, -2]
    assert "/a" not in apply.tree.nodes
    assert (apply.tree.digest, apply.events) == (before, [])


def test_watches_learn_of_each_change_in_order(apply: Applied) -> None:
    apply.create("/a")
    apply(OpCode.SET_DATA, SetDataTxn("/a", b"x", 1))
    apply(OpCode.SET_ACL, SetAclTxn("/a", READ_ACL, 1))
    apply(OpCode.DELETE, DeleteTxn("/a"))

    assert apply.events == [
        (EventType.NODE_CREATED, "/a", OPEN_ACL),
        (EventType.NODE_CHILDREN_CHANGED, "/", OPEN_ACL),
        (EventType.NODE_DATA_CHANGED, "/a", OPEN_ACL),
        (EventType.NODE_DELETED, "/a", READ_ACL),
        (EventType.NODE_CHILDREN_CHANGED, "/", OPEN_ACL),
    ]


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (SetDataTxn("/absent", b"", 1), OpCode.SET_DATA),
        (SetAclTxn("/absent", OPEN_ACL, 1), OpCode.SET_ACL),
        (DeleteTxn("/absent"), OpCode.DELETE),
        (CreateTxn("/absent/child", b"", OPEN_ACL, False, 1), OpCode.CREATE),
    ],
)
def test_an_effect_that_cannot_be_had_is_reported_and_nothing_raised(
    apply: Applied, record: JuteRecord, kind: OpCode
) -> None:
    assert apply(kind, record).err == ErrorCode.NO_NODE
    assert apply.tree.last_zxid == 1


def test_a_child_that_a_fuzzy_snapshot_had_already_is_counted_in_its_parent(apply: Applied) -> None:
    apply.create("/a")
    parent = apply.tree.node("/").stat

    outcome = apply.create("/a", cversion=5)

    assert outcome.err == ErrorCode.NODE_EXISTS
    assert parent.cversion == 1
    assert (apply.tree.node("/").stat.cversion, apply.tree.node("/").stat.pzxid) == (5, 2)


def test_a_parent_that_a_fuzzy_snapshot_took_up_later_does_not_go_back(apply: Applied) -> None:
    apply.create("/a", cversion=9)

    apply.create("/b", cversion=2)

    assert (apply.tree.node("/").stat.cversion, apply.tree.node("/").stat.pzxid) == (9, 1)


def test_the_digest_follows_from_the_znodes_alone(apply: Applied) -> None:
    empty = apply.tree.digest
    apply.create("/a", b"x")
    restored = Tree.restore(apply.tree.image(), apply.tree.last_zxid)

    assert restored.digest == apply.tree.digest != empty


def test_what_happens_below_zookeeper_is_not_in_the_digest(apply: Applied) -> None:
    before = apply.tree.digest

    apply(OpCode.SET_DATA, SetDataTxn("/zookeeper/config", b"server.1", 1))

    assert apply.tree.digest == before


def test_an_image_is_not_changed_by_what_comes_later(apply: Applied) -> None:
    apply.create("/a", b"before")
    image = apply.tree.image()

    apply(OpCode.SET_DATA, SetDataTxn("/a", b"after", 1))
    apply.create("/a/b")

    restored = Tree.restore(image, 1)
    assert restored.node("/a").data == b"before"
    assert "/a/b" not in restored.nodes
    assert restored.node("/a").stat.version == 0


def test_a_restored_tree_knows_ephemerals_containers_and_sizes(apply: Applied) -> None:
    apply(OpCode.CREATE_CONTAINER, CreateContainerTxn("/c", b"", OPEN_ACL, 1))
    apply.create("/c/e", b"1234", ephemeral=True)

    restored = Tree.restore(apply.tree.image(), 2)

    assert restored.ephemerals == apply.tree.ephemerals == {SESSION: {"/c/e": None}}
    assert list(restored.containers) == ["/c"]
    assert restored.data_size == apply.tree.data_size
    assert restored.node("/c").client_stat() == apply.tree.node("/c").client_stat()


def test_an_image_without_a_parent_is_rejected(apply: Applied) -> None:
    apply.create("/a")
    apply.create("/a/b")
    image = [node for node in apply.tree.image() if node.path != "/a"]

    with pytest.raises(NoNode, match="/a"):
        Tree.restore(image, 2)


def test_znodes_below_a_path_are_counted_at_all_depths(apply: Applied) -> None:
    apply.create("/a")
    apply.create("/a/b")
    apply.create("/a/b/c")
    apply.create("/ab", cversion=2)

    assert apply.tree.count_below("/a") == 2
    assert apply.tree.count_below("/") == 7


def test_two_billion_children_later_versions_continue_from_the_lowest(apply: Applied) -> None:
    apply.create("/a")
    apply.create("/a/b", cversion=2**30)

    assert apply.tree.node("/a").client_stat().cversion == 2**31 - 1
    apply.create("/a/c", cversion=2**30 + 1)
    assert apply.tree.node("/a").client_stat().cversion == -(2**31)
