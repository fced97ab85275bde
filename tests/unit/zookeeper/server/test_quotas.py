import logging

import pytest

from pykafka_cli.zookeeper.protocol.errors import QuotaExceeded
from pykafka_cli.zookeeper.server.quotas import Quotas, more_stats, stats

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
