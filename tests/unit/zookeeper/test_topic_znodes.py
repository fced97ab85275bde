"""Topics and their replicas in znodes; what Kafka's brokers left there is in test_kafka_znodes.py."""

import json
import uuid

from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.topic_znodes import ReplicaAssignment
from tests.support.brokers import broker_ids


def test_a_topic_of_an_older_broker_has_no_id() -> None:
    topic = topic_znodes.decode_topic("t", b'{"version":1,"partitions":{"1":[2],"0":[1,2]}}')

    assert topic.topic_id is None
    assert list(topic.partitions.items()) == [
        (0, ReplicaAssignment(broker_ids(1, 2))),
        (1, ReplicaAssignment(broker_ids(2))),
    ]


def test_a_topic_id_is_text_of_22_characters_without_a_dash_in_front() -> None:
    ids = [topic_znodes.new_topic_id() for _ in range(200)]

    texts = [
        json.loads(
            topic_znodes.encode_topic(topic_znodes.TopicAssignment({0: ReplicaAssignment(broker_ids(0))}, topic_id))
        )["topic_id"]
        for topic_id in ids
    ]
    assert all(len(text) == 22 and text[0] != "-" for text in texts)
    assert (
        topic_znodes.decode_topic("t", b'{"partitions":{},"topic_id":"' + texts[0].encode() + b'"}').topic_id == ids[0]
    )


def test_a_reassignment_names_what_is_wanted_and_then_what_is_to_go() -> None:
    moving = ReplicaAssignment(broker_ids(0, 1)).reassign_to(broker_ids(2, 1))

    assert moving == ReplicaAssignment(broker_ids(2, 1, 0), adding=broker_ids(2), removing=broker_ids(0))
    assert (moving.target, moving.origin) == ((2, 1), (1, 0))
    assert moving.without(BrokerId(0)) == ReplicaAssignment(broker_ids(2, 1), adding=broker_ids(2))


def test_a_second_reassignment_starts_from_the_replicas_that_were_there_before_the_first() -> None:
    moving = ReplicaAssignment(broker_ids(0, 1)).reassign_to(broker_ids(2, 1))

    assert moving.reassign_to(broker_ids(3, 1)) == ReplicaAssignment(
        broker_ids(3, 1, 0), adding=broker_ids(3), removing=broker_ids(0)
    )
    assert not moving.reassign_to(moving.origin).is_being_reassigned


def test_requests_by_znode_are_read() -> None:
    wanted = {TopicPartition("moved", 0): broker_ids(1, 0)}

    assert topic_znodes.decode_reassignment(topic_znodes.encode_reassignment(wanted)) == wanted
    assert (
        topic_znodes.encode_partitions([TopicPartition("t", 0)])
        == b'{"version":1,"partitions":[{"topic":"t","partition":0}]}'
    )


def test_two_topics_never_get_the_same_id() -> None:
    assert isinstance(topic_znodes.new_topic_id(), uuid.UUID)
    assert topic_znodes.new_topic_id() != topic_znodes.new_topic_id()
