"""What reassign-partitions shows, in each form."""

import json

import pytest

from pykafka_cli.model import BrokerId, Reassignment, ReplicaPlace, TopicPartition
from pykafka_cli.output.reassign_partitions import View, names_document, verification_document
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.reassignment import PartitionState, Replica
from tests.support.brokers import broker_ids

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def test_what_continues_is_a_line_or_an_entry_each(capsys: pytest.CaptureFixture[str]) -> None:
    ongoing = {T0: Reassignment(replicas=broker_ids(1, 2, 3), adding=broker_ids(3), removing=broker_ids(1))}

    View(OutputFormat.KAFKA).show_ongoing(ongoing)
    assert capsys.readouterr().out == (
        "Current partition reassignments:\nt-0: replicas: 1,2,3. adding: 3. removing: 1.\n"
    )
    View(OutputFormat.JSON).show_ongoing(ongoing)
    assert json.loads(capsys.readouterr().out) == [
        {"topic": "t", "partition": 0, "replicas": [1, 2, 3], "adding_replicas": [3], "removing_replicas": [1]}
    ]


def test_steps_are_reported_beside_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    View(OutputFormat.KAFKA).report_started([T1, T0])
    View(OutputFormat.YAML).report_cancelled([])

    assert capsys.readouterr() == (
        "Successfully started partition reassignments for t-0,t-1\n",
        "None of the specified partition reassignments are active.\n",
    )


def test_a_verification_names_partitions_and_log_directories() -> None:
    states = {
        T1: PartitionState(broker_ids(1, 2), broker_ids(2), is_done=False),
        T0: PartitionState(broker_ids(1), broker_ids(1), is_done=True),
    }
    moving = Replica(BrokerId(1), T0)

    assert verification_document(states, {moving: "/b"}, {moving: ReplicaPlace("/a", "/b")}) == {
        "partitions": [
            {"topic": "t", "partition": 0, "in_progress": False, "replicas": [1], "target": [1]},
            {"topic": "t", "partition": 1, "in_progress": True, "replicas": [1, 2], "target": [2]},
        ],
        "log_dirs": [{"topic": "t", "partition": 0, "broker": 1, "log_dir": "/a", "moving_to": "/b", "target": "/b"}],
    }
    assert names_document([T1, T0]) == [{"topic": "t", "partition": 0}, {"topic": "t", "partition": 1}]
