import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.clients.member_messages import (
    BadMemberMessage,
    Subscription,
    decode_assignment,
    decode_subscription,
    encode_assignment,
    encode_subscription,
    sticky_user_data,
)
from pykafka_cli.model import TopicPartition

VECTORS = Path(__file__).parents[2] / "vectors"
RECORDED: list[dict[str, Any]] = json.loads((VECTORS / "assignments.json").read_text())
OWNING = [
    member
    for line in RECORDED
    if line["assignor"] == "sticky"
    for member in line["members"].values()
    if member["userData"]
]

partitions = st.lists(st.builds(TopicPartition, st.sampled_from(["t", "ü"]), st.integers(0, 2**31 - 1)), unique=True)


@given(partitions)
def test_an_assignment_reads_back(assigned: list[TopicPartition]) -> None:
    assert sorted(decode_assignment(encode_assignment(assigned))) == sorted(assigned)


@given(partitions, st.lists(st.text(max_size=5)), st.integers(-1, 100))
def test_a_subscription_reads_back(owned: list[TopicPartition], topics: list[str], generation: int) -> None:
    read = decode_subscription(encode_subscription(Subscription(tuple(topics), owned, generation, "i")), "i")

    assert (read.topics, sorted(read.owned), read.generation, read.instance) == (
        tuple(topics), sorted(owned), generation, "i",
    )  # fmt: skip


def test_a_newer_version_is_read_as_ours() -> None:
    data = encode_subscription(Subscription(("t",), [TopicPartition("t", 1)], 4))
    newer = struct.pack(">h", 9) + data[2:] + b"whatever comes"

    assert decode_subscription(newer, None) == Subscription(("t",), [TopicPartition("t", 1)], 4)


def test_the_oldest_version_has_only_topics_and_user_data() -> None:
    data = struct.pack(">hih1si", 0, 1, 1, b"t", -1)

    assert decode_subscription(data, None) == Subscription(("t",), [], -1)


def test_a_member_without_partitions_may_get_no_bytes() -> None:
    assert decode_assignment(b"") == []


@pytest.mark.parametrize("member", OWNING, ids=lambda member: ",".join(member["owned"]))
def test_the_sticky_assignors_memory_is_that_of_kafkas(member: dict[str, Any]) -> None:
    owned = [TopicPartition(name, int(index)) for name, index in (each.rsplit("-", 1) for each in member["owned"])]

    data = sticky_user_data(owned, member["generation"])

    assert data.hex() == member["userData"]
    read = decode_subscription(encode_subscription(Subscription(("t",), user_data=data)), None)
    assert (sorted(read.owned), read.generation) == (sorted(owned), member["generation"])


@given(st.binary(max_size=40))
def test_any_bytes_are_an_assignment_or_rejected(data: bytes) -> None:
    with suppress(BadMemberMessage):
        assert all(isinstance(each, TopicPartition) for each in decode_assignment(data))


@given(st.binary(max_size=40))
def test_any_bytes_are_a_subscription_or_rejected(data: bytes) -> None:
    with suppress(BadMemberMessage):
        assert isinstance(decode_subscription(data, None), Subscription)
