"""JSON files of the scripts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.rules.plan_files import (
    BadPlan,
    PlannedReplicas,
    parse_election_plan,
    parse_reassignment_plan,
    parse_records_plan,
    parse_topics_to_move,
    reassignment_json,
)
from tests.support.brokers import broker_ids

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def test_a_records_plan_gives_offsets_by_partition() -> None:
    text = '{"partitions":[{"topic":"t","partition":0,"offset":3},{"topic":"t","partition":1,"offset":-1}],"version":1}'

    assert parse_records_plan(text) == {T0: 3, T1: -1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "The input string is not a valid JSON"),
        ("[" * 100_000, "The input string is not a valid JSON"),
        ('{"version":1}', "Missing partitions field"),
        ('{"partitions":[],"version":2}', "Not supported version field value 2"),
        ('{"partitions":[{"topic":"t","partition":0}]}', "No such field exists: `offset`"),
        ('{"partitions":[{"topic":"t","partition":"0","offset":1}]}', 'Expected `Integer` value, received "0"'),
        ('{"partitions":[{"topic":1,"partition":0,"offset":1}]}', "Expected `String` value, received 1"),
        (
            '{"partitions":[{"topic":"t","partition":0,"offset":1},{"topic":"t","partition":0,"offset":2}]}',
            "Offset json file contains duplicate topic partitions: t-0",
        ),
        ("[]", "Expected JSON object, received []"),
        ('{"partitions":[],"version":"1"}', 'Expected `Integer` value, received "1"'),
        ('{"partitions":{"topic":"t"}}', 'Expected JSON array, received {"topic":"t"}'),
        ('{"partitions":[{"topic":"t","partition":0,"offset":1.5}]}', "Expected `Long` value, received 1.5"),
        (
            '{"partitions":[{"topic":"t","partition":99999999999,"offset":1}]}',
            "Expected `Integer` value, received 99999999999",
        ),
    ],
)
def test_a_bad_records_plan_is_rejected(text: str, message: str) -> None:
    with pytest.raises(BadPlan) as refusal:
        parse_records_plan(text)

    assert str(refusal.value) == message


def test_an_election_plan_gives_partitions() -> None:
    assert parse_election_plan('{"partitions":[{"topic":"t","partition":1}]}') == [T1]
    with pytest.raises(BadPlan, match='missing "partitions" field'):
        parse_election_plan('{"parts":[]}')
    with pytest.raises(BadPlan, match="Replica election data is empty"):
        parse_election_plan("")


def test_topics_to_move_are_named_once() -> None:
    assert parse_topics_to_move('{"topics":[{"topic":"a"},{"topic":"b"}],"version":1}') == ["a", "b"]
    with pytest.raises(BadPlan, match=r"duplicate entries: \[a\]"):
        parse_topics_to_move('{"topics":[{"topic":"a"},{"topic":"a"}]}')


def test_a_reassignment_plan_may_name_log_directories() -> None:
    first = '{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any","/d"]}'
    text = f'{{"partitions":[{first},{{"topic":"t","partition":1,"replicas":[2]}}]}}'

    assert parse_reassignment_plan(text) == [
        PlannedReplicas(T0, broker_ids(1, 2), ("any", "/d")),
        PlannedReplicas(T1, broker_ids(2), ("any",)),
    ]


def test_a_log_directory_is_needed_for_each_replica_or_none() -> None:
    text = '{"partitions":[{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any"]}]}'

    with pytest.raises(BadPlan) as refusal:
        parse_reassignment_plan(text)

    assert str(refusal.value) == (
        "Size of replicas list [1, 2] is different from size of log dirs list [any] for partition t-0"
    )


def test_what_is_printed_can_be_read_again() -> None:
    printed = reassignment_json({T1: [BrokerId(3)], T0: [BrokerId(1), BrokerId(2)]})

    assert printed == (
        '{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any","any"]},'
        '{"topic":"t","partition":1,"replicas":[3],"log_dirs":["any"]}]}'
    )
    assert [planned.partition for planned in parse_reassignment_plan(printed)] == [T0, T1]


KEYS = st.sampled_from(["partitions", "topics", "topic", "partition", "offset", "replicas", "log_dirs", "version"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)
)


@given(DOCUMENTS)
def test_any_document_gives_a_plan_or_a_refusal(document: object) -> None:
    for parse in (parse_records_plan, parse_election_plan, parse_reassignment_plan, parse_topics_to_move):
        try:
            result = parse(json.dumps(document))
        except BadPlan:
            continue
        assert isinstance(result, dict | list)


def test_an_assignment_names_the_log_directories_that_are_known() -> None:
    t0 = TopicPartition("t", 0)

    assert reassignment_json({t0: broker_ids(1, 2)}, {(BrokerId(2), t0): "/disk2"}) == (
        '{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any","/disk2"]}]}'
    )
