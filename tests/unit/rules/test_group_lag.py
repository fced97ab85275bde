"""Rows of a group's lag."""

from pykafka_cli.model import Broker, BrokerId, GroupDescription, GroupLag, MemberDescription, Offset, TopicPartition
from pykafka_cli.rules.group_lag import lag_rows, partitions_of

A0, A1, A2, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("a", 2), TopicPartition("b", 0)
ONE = MemberDescription("one", None, "c", "/h", (A1,))
TWO = MemberDescription("two", None, "c", "/h", (A2, A0))


def group(*members: MemberDescription) -> GroupDescription:
    return GroupDescription("g", "Stable", "range", Broker(BrokerId(0), "h", 1, None), members)


def test_members_come_by_their_number_of_partitions_then_by_id() -> None:
    zero = MemberDescription("a-zero", None, "c", "/h", (B0,))

    rows = lag_rows(group(ONE, TWO, zero), {}, {})

    assert [(row.partition, row.member and row.member.member_id) for row in rows] == [
        (A0, "two"), (A2, "two"), (B0, "a-zero"), (A1, "one"),
    ]  # fmt: skip


def test_offsets_that_nobody_reads_come_last() -> None:
    rows = lag_rows(
        group(ONE), {B0: Offset(1), A0: Offset(2), A1: Offset(3)}, {A1: Offset(10), A0: Offset(2), B0: Offset(7)}
    )

    assert rows == [
        GroupLag("g", A1, Offset(3), Offset(10), ONE),
        GroupLag("g", A0, Offset(2), Offset(2), None),
        GroupLag("g", B0, Offset(1), Offset(7), None),
    ]
    assert [row.lag for row in rows] == [7, 0, 6]


def test_without_an_offset_or_a_log_there_is_no_lag() -> None:
    rows = lag_rows(group(ONE), {B0: Offset(1)}, {A1: Offset(10)})

    assert [(row.current_offset, row.log_end_offset, row.lag) for row in rows] == [(None, 10, None), (1, None, None)]


def test_ends_are_needed_of_what_is_read_and_what_was_committed() -> None:
    assert partitions_of(group(ONE), [B0, A1]) == {A1, B0}
