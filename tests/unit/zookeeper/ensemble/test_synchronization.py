from collections.abc import Sequence

import pytest

from pykafka_cli.zookeeper.ensemble.packets import PacketType
from pykafka_cli.zookeeper.ensemble.synchronization import LoggedTxn, Synchronization, plan_synchronization

E1, E2 = 1 << 32, 2 << 32


def txns(*zxids: int) -> list[LoggedTxn]:
    return [LoggedTxn(zxid, b"%d" % zxid) for zxid in zxids]


RECENT = txns(E1 + 5, E1 + 6, E2 + 1, E2 + 2)
FILES = txns(*range(E1 + 1, E1 + 7), E2 + 1, E2 + 2)


def plan(last_zxid: int, recent: Sequence[LoggedTxn] = RECENT, files: Sequence[LoggedTxn] = ()) -> Synchronization:
    return plan_synchronization(last_zxid, recent[-1].zxid if recent else E2, recent, lambda _zxid: files)


@pytest.mark.parametrize(
    ("last_zxid", "kind", "zxid", "following"),
    [
        (E2 + 2, PacketType.DIFF, E2 + 2, []),
        (E2 + 1, PacketType.DIFF, E2 + 2, [E2 + 2]),
        (E1 + 5, PacketType.DIFF, E2 + 2, [E1 + 6, E2 + 1, E2 + 2]),
        (E2, PacketType.DIFF, E2 + 2, [E2 + 1, E2 + 2]),
        (E2 + 9, PacketType.TRUNC, E2 + 2, []),
        (E1 + 7, PacketType.SNAP, E2 + 2, []),
        (E1 + 4, PacketType.SNAP, E2 + 2, []),
        (0, PacketType.SNAP, E2 + 2, []),
    ],
)
def test_from_memory(last_zxid: int, kind: PacketType, zxid: int, following: list[int]) -> None:
    found = plan(last_zxid)

    assert (found.beginning.type, found.beginning.zxid) == (kind, zxid)
    assert [txn.zxid for txn in found.txns] == following


def test_what_only_the_learner_has_in_the_middle_is_cut() -> None:
    recent = txns(E1 + 1, E1 + 2, E1 + 5)

    found = plan(E1 + 3, recent)

    assert (found.beginning.type, found.beginning.zxid) == (PacketType.TRUNC, E1 + 2)
    assert [txn.zxid for txn in found.txns] == [E1 + 5]


def test_from_the_log_files() -> None:
    found = plan(E1 + 2, files=FILES)

    assert (found.beginning.type, found.beginning.zxid) == (PacketType.DIFF, E2 + 2)
    assert [txn.zxid for txn in found.txns] == [E1 + 3, E1 + 4, E1 + 5, E1 + 6, E2 + 1, E2 + 2]


@pytest.mark.parametrize("files", [txns(E1 + 3, E1 + 4, E1 + 5), txns(E1 + 1, E1 + 2, E1 + 3), []])
def test_log_files_that_do_not_lead_from_one_to_the_other_are_not_used(files: list[LoggedTxn]) -> None:
    assert plan(E1 + 2, files=files).beginning.type is PacketType.SNAP


def test_nothing_in_memory() -> None:
    assert plan(E2, recent=[]).beginning.type is PacketType.DIFF
    assert plan(E1 + 1, recent=[], files=FILES).beginning.type is PacketType.SNAP
