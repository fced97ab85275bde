import json
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.clients.producing.partitioning import KeyPartitioner, Partitioner, RoundRobin, StickyPartition, murmur2

VECTORS = Path(__file__).parents[3] / "vectors"
LINES: list[dict[str, Any]] = json.loads((VECTORS / "partitions.json").read_text())
KEYED = [line for line in LINES if "key" in line]


@pytest.mark.parametrize("count", sorted({int(count) for line in KEYED for count in line["partitions"]}))
def test_keys_go_where_the_java_producer_sends_them(count: int) -> None:
    keys = [bytes.fromhex(line["key"]) for line in KEYED]

    assert KeyPartitioner(count).partitions(keys) == [line["partitions"][str(count)] for line in KEYED]


@pytest.mark.parametrize("line", KEYED, ids=lambda line: line["key"][:16])
def test_a_hash_is_javas(line: dict[str, Any]) -> None:
    assert murmur2([bytes.fromhex(line["key"])]) == [line["murmur2"] % 2**32]


@given(st.integers(0, 21).flatmap(lambda size: st.lists(st.binary(min_size=size, max_size=size), max_size=30)))
def test_keys_hashed_together_and_alone_are_the_same(keys: list[bytes]) -> None:
    assert murmur2(keys) == [murmur2([key])[0] for key in keys]


def test_forgotten_keys_are_hashed_again() -> None:
    forgetful, mindful = KeyPartitioner(7, remember=2), KeyPartitioner(7)
    keys = [b"%d" % number for number in range(100)]

    assert [forgetful.partitions(keys), forgetful.partitions(keys)] == [mindful.partitions(keys)] * 2


def test_records_without_a_key_stay_together_for_a_batch() -> None:
    sticky = StickyPartition(batch_size=100, choose=lambda count: count - 1)

    first = sticky.next_partition([0, 1, 2])
    sticky.sent(99)
    assert sticky.next_partition([0, 1, 2]) == first == 2
    sticky.sent(1)
    assert sticky.next_partition([0, 1, 2]) == 1


def test_a_partition_that_lost_its_leader_is_left() -> None:
    choices = cycle([1, 0])
    sticky = StickyPartition(batch_size=100, choose=lambda count: next(choices) % count)

    assert sticky.next_partition([0, 1]) == 1
    assert sticky.next_partition([0]) == 0


def test_a_single_partition_is_always_the_one() -> None:
    sticky = StickyPartition(batch_size=10, choose=lambda count: 0)

    assert sticky.next_partition([0]) == 0
    sticky.sent(10)
    assert sticky.next_partition([0]) == 0


def partitioner(count: int, *, batch_size: int = 1000, ignore_keys: bool = False) -> Partitioner:
    made = Partitioner(batch_size, choose=lambda below: below - 1, ignore_keys=ignore_keys)
    made.partition_count = count
    return made


def test_records_without_keys_are_spread_a_batch_at_a_time() -> None:
    values = [b"x" * 92] * 25

    assert list(partitioner(3).runs(values, [0, 1, 2])) == [(2, 0, 10), (1, 10, 20), (2, 20, 25)]
    assert list(partitioner(1).runs(values, [0])) == [(0, 0, 25)]
    assert list(partitioner(3).runs([], [0, 1])) == []


def test_a_batch_continues_where_the_last_records_stopped() -> None:
    some = partitioner(3)

    first = list(some.runs([b"x" * 92] * 6, [0, 1, 2]))
    then = list(some.runs([b"x" * 92] * 6, [0, 1, 2]))

    assert (first, then) == ([(2, 0, 6)], [(2, 0, 4), (1, 4, 6)])


def test_keys_decide_and_records_without_one_stay_together() -> None:
    some = partitioner(7)
    hashed = KeyPartitioner(7).partitions([b"a", b"b"])

    assert some.places([b"1", b"2"], [b"a", b"b"], [0, 1]) == hashed
    assert some.places([b"1", b"2", None], [b"a", None, None], [0, 1]) == [hashed[0], 1, 1]
    assert some.places([b"1", b"2"], None, [0, 1]) == [1, 1]
    assert some.places([b"1", b"2"], [b"b", b"a"], [0, 1]) == hashed[::-1]


def test_keys_can_be_ignored() -> None:
    assert partitioner(7, ignore_keys=True).places([b"1", b"2"], [b"a", b"b"], [3]) == [3, 3]


def test_partitions_may_take_turns_whatever_the_keys_are() -> None:
    partitioner = RoundRobin()

    assert partitioner.places([b"a", b"b", b"c"], [b"k", b"k", b"k"], [0, 1]) == [0, 1, 0]
    assert list(partitioner.runs([b"d", b"e"], [0, 1])) == [(1, 0, 1), (0, 1, 2)]
    assert partitioner.places([b"f"], None, [3, 4]) == [4]
