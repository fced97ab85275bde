import logging

import pytest

from pykafka_cli.zookeeper.protocol.errors import ErrorCode, QuotaExceeded
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL
from pykafka_cli.zookeeper.protocol.requests import CreateRequest, DeleteRequest, OpCode, SetDataRequest
from pykafka_cli.zookeeper.server.quotas import Quotas, more_stats, stats
from pykafka_cli.zookeeper.server.tree import Tree
from tests.support.zookeeper.pipeline import FakeClient, PipelineServer

APP = "/zookeeper/quota/app/zookeeper_limits"


def test_the_deepest_quota_above_a_znode_counts() -> None:
    quotas = Quotas([APP, "/zookeeper/quota/app/deep/zookeeper_limits", "/zookeeper/quota/zookeeper_limits"])

    assert quotas.limiting("/app") == "/app"
    assert quotas.limiting("/app/a/b") == "/app"
    assert quotas.limiting("/app/deep/c") == "/app/deep"
    assert quotas.limiting("/application") is None
    assert quotas.limiting("/") is None


def test_a_quota_that_is_deleted_counts_no_more() -> None:
    quotas = Quotas([APP])

    quotas.deleted(APP)

    assert quotas.limiting("/app") is None


@pytest.mark.parametrize(
    ("limits", "count", "size", "is_allowed"),
    [
        (b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=3", 1, 0, True),
        (b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2", 1, 0, False),
        (b"count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=-1", 0, 10, True),
        (b"count=-1,bytes=-1=;byteHardLimit=19;countHardLimit=-1", 0, 10, False),
        (b"count=1,bytes=1", 1, 10, True),
        (b"count=1,bytes=1=;byteHardLimit=0", 0, -5, False),
        (b"count=1,bytes=1=;byteHardLimit=0", 1, 0, True),
        (b"nonsense=,=;", 1, 10, True),
        (b"count=;bytes", 1, 10, True),
        (b"\xff", 1, 10, True),
        (None, 1, 10, True),
    ],
)
def test_hard_limits_forbid_and_soft_ones_do_not(limits: bytes | None, count: int, size: int, is_allowed: bool) -> None:
    def check() -> None:
        Quotas([APP]).check("/app", limits, stats(2, 10), count=count, size=size)

    if is_allowed:
        check()
    else:
        with pytest.raises(QuotaExceeded, match="/app may have"):
            check()


def test_a_soft_limit_is_warned_of_once_until_it_holds_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    quotas, limits = Quotas([APP]), b"count=2,bytes=-1"
    for used in (2, 3, 0, 2):
        quotas.check("/app", limits, stats(used, 0), count=1, size=0)

    assert caplog.text.count("Quota exceeded: /app") == 2


def test_stats_are_what_zookeeper_writes() -> None:
    assert stats(2, 10) == b"count=2,bytes=10"
    assert more_stats(b"count=2,bytes=10", count=-1, size=5) == b"count=1,bytes=15"
    assert more_stats(b"garbage", count=1, size=5) == b"count=0,bytes=4"


# ---- in a server


def create(path: str) -> CreateRequest:
    return CreateRequest(path, b"", OPEN_ACL, 0)


def limited(server: PipelineServer, client: FakeClient, limits: bytes) -> None:
    """A znode /app with a quota, as the shell makes it."""
    server.ask(client, OpCode.CREATE, create("/app"))
    server.ask(client, OpCode.CREATE, create("/zookeeper/quota/app"))
    for name, data in (("limits", limits), ("stats", b"count=0,bytes=0")):
        path = f"/zookeeper/quota/app/zookeeper_{name}"
        assert server.ask(client, OpCode.CREATE, CreateRequest(path, data, OPEN_ACL, 0))[0] == 0


def counted(server: PipelineServer) -> bytes | None:
    return server.database.tree.nodes["/zookeeper/quota/app/zookeeper_stats"].data


def test_what_is_below_a_znode_with_a_quota_is_counted() -> None:
    server = PipelineServer()
    client = server.client()
    limited(server, client, b"count=1,bytes=1=;byteHardLimit=1;countHardLimit=1")
    assert counted(server) == b"count=1,bytes=0"

    server.ask(client, OpCode.CREATE, CreateRequest("/app/a", b"12345", OPEN_ACL, 0))
    server.ask(client, OpCode.SET_DATA, SetDataRequest("/app", b"123", -1))
    server.ask(client, OpCode.CREATE, create("/apple"))
    assert counted(server) == b"count=2,bytes=8"

    server.ask(client, OpCode.DELETE, DeleteRequest("/app/a", -1))
    assert counted(server) == b"count=1,bytes=3"
    restored = Tree.restore(server.database.snapshot().nodes, 1)
    assert restored.nodes["/zookeeper/quota/app/zookeeper_stats"].data == counted(server)
    assert restored.quotas.limiting("/app/b") == "/app"
    assert restored.data_size == server.database.tree.data_size


def test_hard_limits_hold_where_quotas_are_enforced() -> None:
    server = PipelineServer(has_enforced_quotas=True)
    client = server.client()
    limited(server, client, b"count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=2")

    assert server.ask(client, OpCode.CREATE, create("/app/a"))[0] == 0
    assert server.ask(client, OpCode.CREATE, create("/app/b"))[0] == ErrorCode.QUOTA_EXCEEDED
    assert server.ask(client, OpCode.SET_DATA, SetDataRequest("/app/a", bytes(10), -1))[0] == 0
    assert server.ask(client, OpCode.SET_DATA, SetDataRequest("/app/a", bytes(11), -1))[0] == ErrorCode.QUOTA_EXCEEDED
    assert server.ask(client, OpCode.CREATE, create("/other"))[0] == 0
    assert counted(server) == b"count=2,bytes=10"
