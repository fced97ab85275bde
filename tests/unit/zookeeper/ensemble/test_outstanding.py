import random

import pytest

from pykafka_cli.zookeeper.ensemble.outstanding import OutstandingView
from pykafka_cli.zookeeper.protocol.errors import KeeperError, NoNode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, READ_ACL, CreateFlags
from pykafka_cli.zookeeper.protocol.requests import (
    CheckVersionRequest,
    CreateRequest,
    DeleteRequest,
    MultiRequest,
    OpCode,
    Operation,
    SetAclRequest,
    SetDataRequest,
)
from pykafka_cli.zookeeper.protocol.txn_records import CloseSessionTxn, CreateTxn, DeleteTxn, TxnHeader
from pykafka_cli.zookeeper.server.transactions import Requester, prepare
from pykafka_cli.zookeeper.server.tree import Tree

SESSIONS = (1, 2)


class Proposals:
    """A tree, and transactions that are proposed and not applied to it yet."""

    def __init__(self) -> None:
        self.tree = Tree()
        self.view = OutstandingView(self.tree)
        self.waiting: list[tuple[TxnHeader, JuteRecord, int]] = []
        self.last = 0

    def propose(self, kind: OpCode, record: JuteRecord, session_id: int = 1) -> None:
        self.last += 1
        header = TxnHeader(session_id, 0, self.last, 1000 + self.last, kind)
        self.waiting.append((header, record, self.view.note(header, record)))

    def apply_one(self) -> None:
        header, record, digest = self.waiting.pop(0)
        self.tree.apply(header, record, [])
        self.view.applied(header.zxid)
        assert self.tree.digest == digest


def create(path: str, *, ephemeral: bool = False, cversion: int = 1) -> CreateTxn:
    return CreateTxn(path, b"x", OPEN_ACL, ephemeral, cversion)


def test_what_is_proposed_is_seen_before_it_is_applied() -> None:
    proposals = Proposals()
    proposals.propose(OpCode.CREATE, create("/a"))

    assert proposals.view.exists("/a")
    assert proposals.view.facts("/").children == 2
    assert not proposals.tree.nodes.get("/a")
    proposals.propose(OpCode.DELETE, DeleteTxn("/a"))
    assert not proposals.view.exists("/a")
    with pytest.raises(NoNode):
        proposals.view.facts("/a")


def test_a_session_ends_with_the_ephemerals_that_it_will_have() -> None:
    proposals = Proposals()
    proposals.propose(OpCode.CREATE, create("/kept", ephemeral=True))
    proposals.propose(OpCode.CREATE, create("/gone", ephemeral=True, cversion=2))
    proposals.apply_one()
    proposals.apply_one()
    proposals.propose(OpCode.DELETE, DeleteTxn("/gone"))
    proposals.propose(OpCode.CREATE, create("/new", ephemeral=True, cversion=3))
    proposals.propose(OpCode.CREATE, create("/other", ephemeral=True, cversion=4), session_id=2)

    assert proposals.view.ephemerals(1) == ("/kept", "/new")


@pytest.mark.parametrize("seed", range(20))
def test_the_digest_of_what_is_proposed_is_that_of_the_tree_afterwards(seed: int) -> None:
    chance = random.Random(seed)
    proposals = Proposals()
    for _ in range(300):
        session_id = chance.choice(SESSIONS)
        if proposals.waiting and chance.random() < 0.5:
            proposals.apply_one()
        elif chance.random() < 0.03:
            proposals.propose(OpCode.CLOSE_SESSION, CloseSessionTxn(proposals.view.ephemerals(session_id)), session_id)
        else:
            kind, request = drawn_request(chance)
            requester = Requester(session_id, (), skip_acl=True)
            try:
                record = prepare(kind, request, requester, proposals.view)
            except KeeperError:
                continue
            proposals.propose(kind, record, session_id)
    while proposals.waiting:
        proposals.apply_one()
    assert len(proposals.tree.nodes) > 4


def drawn_request(chance: random.Random, depth: int = 0) -> tuple[OpCode, JuteRecord]:
    path = chance.choice(("", "/a", "/b")) + chance.choice(("/a", "/b", "/c", "/n-"))
    kind = chance.choice(
        (
            OpCode.CREATE,
            OpCode.CREATE,
            OpCode.CREATE_CONTAINER,
            OpCode.DELETE,
            OpCode.SET_DATA,
            OpCode.SET_ACL,
            OpCode.MULTI,
        )
    )
    match kind:
        case OpCode.CREATE:
            flags = chance.choice((CreateFlags.PERSISTENT, CreateFlags.EPHEMERAL, CreateFlags.PERSISTENT_SEQUENTIAL))
            return kind, CreateRequest(path, b"1", OPEN_ACL, flags)
        case OpCode.CREATE_CONTAINER:
            return kind, CreateRequest(path, None, READ_ACL, CreateFlags.CONTAINER)
        case OpCode.DELETE:
            return kind, DeleteRequest(path, -1)
        case OpCode.SET_ACL:
            return kind, SetAclRequest(path, READ_ACL, -1)
        case OpCode.MULTI if depth == 0:
            operations = [drawn_request(chance, 1) for _ in range(3)]
            allowed = [Operation(*each) for each in operations if each[0] is not OpCode.SET_ACL]
            return kind, MultiRequest((*allowed, Operation(OpCode.CHECK, CheckVersionRequest("/", -1))))
    return OpCode.SET_DATA, SetDataRequest(path, b"%d" % chance.randrange(1000), -1)
