"""What a Streams application's reset decides; which words the script uses was recorded (tests/cli/golden/streams-*)."""

import pytest

from pykafka_cli.model import Offset, TopicPartition
from pykafka_cli.rules.streams_reset import (
    MalformedPlan,
    UnfitPlan,
    UnreadableNumber,
    comma_separated,
    ensure_complete,
    internal_topics,
    parse_streams_plan,
    within_log,
)

FIRST, SECOND = TopicPartition("t", 0), TopicPartition("t", 1)


@pytest.mark.parametrize(
    ("arguments", "values"),
    [([], []), (["a,b", "c"], ["a", "b", "c"]), ([",a,,b,"], ["a", "b"]), ([""], [""]), ([",,"], [",,"])],
)
def test_lists_may_be_repeated_and_lose_what_is_empty(arguments: list[str], values: list[str]) -> None:
    assert comma_separated(arguments) == values


@pytest.mark.parametrize(
    "topic",
    [
        "app-store-changelog",
        "app-words-repartition",
        "app-join-subscription-registration-topic",
        "app-join-subscription-response-topic",
        "app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000012-topic",
        "app-x-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-7-topic",
        "app-changelog",
    ],
)
def test_what_streams_has_made_is_known_by_its_name(topic: str) -> None:
    assert internal_topics("app", [topic], []) == [topic]


@pytest.mark.parametrize(
    "topic",
    [
        "app-store",
        "app.other-changelog",
        "other-app-changelog",
        "app-changelog-2",
        "app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-x-topic",
        "app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-1-topic-2",
    ],
)
def test_what_streams_has_not_made_is_left_alone(topic: str) -> None:
    assert internal_topics("app", [topic], []) == []


def test_a_topic_that_its_user_named_is_not_deleted_whatever_it_is_called() -> None:
    assert internal_topics("app", ["app-a-changelog", "app-b-changelog"], ["app-a-changelog"]) == ["app-b-changelog"]


@pytest.mark.parametrize(
    ("offset", "moved", "remark"),
    [
        (4, 4, None),
        (2, 2, "New offset (2) is lower than earliest offset. Value will be set to 2"),
        (1, 2, "New offset (1) is lower than earliest offset. Value will be set to 2"),
        (9, 9, "New offset (9) is higher than latest offset. Value will be set to 9"),
        (10, 9, "New offset (10) is higher than latest offset. Value will be set to 9"),
    ],
)
def test_an_offset_is_kept_within_the_log(offset: int, moved: int, remark: str | None) -> None:
    assert within_log({FIRST: Offset(offset)}, {FIRST: Offset(2)}, {FIRST: Offset(9)}) == (
        {FIRST: moved},
        [remark] if remark else [],
    )


def test_in_an_empty_log_there_is_one_place_only() -> None:
    offsets, remarks = within_log({FIRST: Offset(0)}, {FIRST: Offset(0)}, {FIRST: Offset(0)})

    assert offsets == {FIRST: 0}
    assert remarks == ["New offset (0) is higher than latest offset. Value will be set to 0"]


def test_a_plan_is_a_line_for_each_partition() -> None:
    assert parse_streams_plan("t,0,3\nt,1,+4\n\n") == {FIRST: 3, SECOND: 4}


@pytest.mark.parametrize("text", ["", "\n", "t,0\n", "t,0,1,2\n", "t,0,1\n\nt,1,1\n", "t,0,\n"])
def test_what_is_no_plan_is_rejected(text: str) -> None:
    with pytest.raises(MalformedPlan):
        parse_streams_plan(text)


@pytest.mark.parametrize("text", ["t,x,1", "t,0,x", "t,0, 1", "t,2147483648,0", "t,0,9223372036854775808", "t,0,1\r\n"])
def test_what_is_no_number_is_rejected(text: str) -> None:
    with pytest.raises(UnreadableNumber):
        parse_streams_plan(text)


def test_a_plan_must_be_for_the_partitions_that_there_are() -> None:
    with pytest.raises(UnfitPlan, match="t-1"):
        within_log({SECOND: Offset(1)}, {FIRST: Offset(0)}, {FIRST: Offset(9)})
    with pytest.raises(UnfitPlan, match="t-1"):
        ensure_complete({FIRST: Offset(1)}, [FIRST, SECOND])
