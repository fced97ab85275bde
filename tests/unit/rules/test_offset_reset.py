from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import Offset, TopicPartition
from pykafka_cli.rules.offset_reset import (
    BadDateTime,
    BadDuration,
    InvalidPlan,
    InvalidScope,
    TopicScope,
    current,
    parse_date_time,
    parse_duration,
    parse_group_plan,
    parse_scope,
    shifted,
    within_log,
    write_plan,
)

T0, T1, U0 = TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("u", 0)


@pytest.mark.parametrize(
    ("argument", "scope"),
    [
        ("t", TopicScope("t", None)),
        ("t:0", TopicScope("t", (0,))),
        ("t:0,1,2", TopicScope("t", (0, 1, 2))),
        ("t:0,", TopicScope("t", (0,))),
        ("t:-1", TopicScope("t", (-1,))),
    ],
)
def test_a_scope_is_a_topic_or_some_of_its_partitions(argument: str, scope: TopicScope) -> None:
    assert parse_scope(argument) == scope


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("t:x", "Invalid partition 'x' specified in topic arg 't:x''"),
        ("t:0,,1", "Invalid partition '' specified in topic arg 't:0,,1''"),
        ("t:0:1", "Invalid topic arg 't:0:1', expected topic name and partitions"),
        ("t:", "Invalid topic arg 't:', expected topic name and partitions"),
    ],
)
def test_a_scope_that_cannot_be_understood_is_rejected_in_the_scripts_words(argument: str, message: str) -> None:
    with pytest.raises(InvalidScope) as raised:
        parse_scope(argument)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00.000", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1970-01-01T02:00:00.000+02:00", 0),
        ("1970-01-01T02:00:00.000+0200", 0),
        ("1970-01-01T02:00:00.000+02", 0),
        ("1969-12-31T23:00:00.000-01:00", 0),
        ("2020-1-1T0:0:0.5", 1_577_836_800_005),
        ("2099-12-31T23:59:59.999Z", 4_102_444_799_999),
    ],
)
def test_date_and_time_are_utc_unless_a_zone_says_otherwise(text: str, ms: int) -> None:
    assert parse_date_time(text) == ms


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2020-01-01", "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format"),
        ("2020-01-01T", "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format"),
        ("2020-01-01T00:00:00Z", 'Unparseable date: "2020-01-01T00:00:00Z"'),
        ("2020-01-01T00:00:00", 'Unparseable date: "2020-01-01T00:00:00Z"'),
        ("2020-13-01T00:00:00.000", 'Unparseable date: "2020-13-01T00:00:00.000Z"'),
        ("2020-02-30T00:00:00.000Z", 'Unparseable date: "2020-02-30T00:00:00.000Z"'),
        ("2020-01-01T00:00:00.1000Z", 'Unparseable date: "2020-01-01T00:00:00.1000Z"'),
        ("todayTomorrow-1", 'Unparseable date: "todayTomorrow-1"'),
    ],
)
def test_other_dates_are_rejected_in_the_scripts_words(text: str, message: str) -> None:
    with pytest.raises(BadDateTime) as raised:
        parse_date_time(text)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT1H", timedelta(hours=1)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("pt0s", timedelta()),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("PT-1,25S", -timedelta(milliseconds=1250)),
        ("-PT1H", -timedelta(hours=1)),
        ("P-1D", -timedelta(days=1)),
        ("PT-6H+3M", timedelta(hours=-6, minutes=3)),
        ("P2D", timedelta(days=2)),
    ],
)
def test_durations_are_days_to_seconds(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["1h", "", "P", "PT", "P1DT", "P1M", "P1Y", "PT1H ", "P1.5D", "PT1M1H", "P9999999999D"]
)
def test_other_durations_are_rejected(text: str) -> None:
    with pytest.raises(BadDuration, match="Text cannot be parsed to a Duration"):
        parse_duration(text)


def test_offsets_outside_the_log_are_moved_to_its_edge_with_a_warning() -> None:
    offsets, warnings = within_log(
        {T0: Offset(1000), T1: Offset(-5), U0: Offset(3)},
        {T0: Offset(0), T1: Offset(2), U0: Offset(0)},
        {T0: Offset(6), T1: Offset(4), U0: Offset(3)},
    )

    assert offsets == {T0: 6, T1: 2, U0: 3}
    assert warnings == [
        "New offset (1000) is higher than latest offset for topic partition t-0. Value will be set to 6",
        "New offset (-5) is lower than earliest offset for topic partition t-1. Value will be set to 2",
    ]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**40), st.integers(0, 2**40))
def test_what_comes_out_lies_within_the_log(requested: int, start: int, length: int) -> None:
    offsets, warnings = within_log({T0: Offset(requested)}, {T0: Offset(start)}, {T0: Offset(start + length)})

    assert start <= offsets[T0] <= start + length
    assert bool(warnings) == (offsets[T0] != requested)


def test_a_shift_needs_a_committed_offset() -> None:
    assert shifted([T0, T1], {T0: Offset(4), T1: Offset(6)}, -2) == {T0: 2, T1: 4}
    with pytest.raises(InvalidScope, match="Cannot shift offset for partition u-0 since there is no current committed"):
        shifted([T0, U0], {T0: Offset(4)}, 1)


def test_to_current_takes_the_end_where_nothing_is_committed() -> None:
    assert current([T0, U0], {T0: Offset(4)}, {U0: Offset(9)}) == {T0: 4, U0: 9}


def test_a_plan_is_written_a_line_a_partition() -> None:
    plan = {"g": {T1: Offset(4), T0: Offset(0)}}

    assert write_plan(plan, with_group=False) == "t,1,4\nt,0,0\n"
    assert write_plan(plan, with_group=True) == "g,t,1,4\ng,t,0,0\n"


@pytest.mark.parametrize(
    ("topic", "field"),
    [
        ("a.very.long.topic.name.here.x", '"a.very.long.topic.name.here.x"'),
        ("x" * 24, "x" * 24),
        ("x" * 25, '"' + "x" * 25 + '"'),
        ("a b", '"a b"'),
        ('say "hi"', '"say ""hi"""'),
        ("a-b_c.d", "a-b_c.d"),
    ],
)
def test_fields_are_quoted_when_long_or_with_a_character_below_the_hyphen(topic: str, field: str) -> None:
    assert write_plan({"g": {TopicPartition(topic, 0): Offset(0)}}, with_group=False) == f"{field},0,0\n"


names = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1)


@given(
    st.dictionaries(
        names, st.dictionaries(st.builds(TopicPartition, names, st.integers(0, 2**31 - 1)), st.integers(min_value=0))
    )
)
def test_a_plan_reads_back(plan: dict[str, dict[TopicPartition, Offset]]) -> None:
    written = write_plan(plan, with_group=True)

    assert parse_group_plan(written, ["g", "h"]) == {group: offsets for group, offsets in plan.items() if offsets}


def test_one_groups_plan_may_leave_its_name_out_or_name_it() -> None:
    assert parse_group_plan("t,0,5\nt,1,1\n", ["g"]) == {"g": {T0: 5, T1: 1}}
    assert parse_group_plan("g,t,0,5\nh,t,1,1\n", ["g"]) == {"g": {T0: 5}, "h": {T1: 1}}


@pytest.mark.parametrize(
    ("text", "groups", "message"),
    [
        ("t;0;5\n", ["g"], "line 1 is not group,topic,partition,offset: t;0;5"),
        ("t,0,5\nt,x,1\n", ["g"], "line 2 is not topic,partition,offset: t,x,1"),
        ("t,0\n", ["g"], "line 1 is not group,topic,partition,offset: t,0"),
        ("t,0,5,6,7\n", ["g"], "line 1 is not group,topic,partition,offset: t,0,5,6,7"),
    ],
)
def test_a_plan_that_cannot_be_read_names_the_line(text: str, groups: list[str], message: str) -> None:
    with pytest.raises(InvalidPlan) as raised:
        parse_group_plan(text, groups)

    assert str(raised.value) == message


@pytest.mark.parametrize(("text", "groups"), [("t,0,5\n", ["g", "h"]), ("t,x,5\n", ["g"])])
def test_a_line_in_the_other_layout_is_about_another_group(text: str, groups: list[str]) -> None:
    assert list(parse_group_plan(text, groups)) == ["t"]


def test_an_offset_below_0_is_the_command_lines_fault() -> None:
    with pytest.raises(InvalidScope, match="Invalid negative offset"):
        parse_group_plan("t,0,-5\n", ["g"])


def test_an_empty_plan_has_no_groups() -> None:
    assert parse_group_plan("\n", ["g"]) == {}
