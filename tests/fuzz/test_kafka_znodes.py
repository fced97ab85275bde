"""Znodes that anybody may have written: a value or BadZnode, never anything else."""

import contextlib
import json
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch, TopicPartition
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment, TopicAssignment
from pykafka_cli.zookeeper.znode_data import BadZnode

TP = TopicPartition("t", 0)
DECODERS: dict[str, Callable[[bytes | None], object]] = {
    "cluster id": znodes.decode_cluster_id,
    "controller": znodes.decode_controller,
    "controller epoch": znodes.decode_controller_epoch,
    "broker": lambda data: znodes.decode_broker(BrokerId(1), data, 7),
    "topic": partial(topic_znodes.decode_topic, "t"),
    "state": lambda data: topic_znodes.decode_partition_state(TP, data, 0),
    "reassignment": topic_znodes.decode_reassignment,
    "partitions": partial(topic_znodes.decode_partitions, "/p"),
    "log directory": partial(znodes.decode_log_dir_event, "/p"),
    "config": partial(znodes.decode_config, "/p"),
    "config change": partial(znodes.decode_config_change, "/p"),
    "producer ids": znodes.decode_producer_id_block,
}
WORDS = [
    "version", "id", "brokerid", "endpoints", "host", "port", "rack", "listener_security_protocol_map", "partitions",
    "adding_replicas", "removing_replicas", "topic_id", "leader", "leader_epoch", "isr", "controller_epoch", "topic",
    "partition", "replicas", "broker", "config", "entity_path", "entity_type", "block_start", "block_end",
    "leader_recovery_state", "jmx_port",
]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["0", "P://h:1"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, "0"]), inner, max_size=6),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(WORDS), JSON, max_size=8)
NUMBERS = st.integers(0, 2**31 - 1)
BROKERS = st.lists(NUMBERS, unique=True, max_size=4).map(tuple)


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.none() | st.binary(max_size=30) | OBJECTS.map(lambda value: json.dumps(value).encode()))
def test_whatever_lies_in_a_znode_is_a_value_or_rejected(name: str, data: bytes | None) -> None:
    with contextlib.suppress(BadZnode):
        DECODERS[name](data)


@given(NUMBERS, NUMBERS, BROKERS, NUMBERS, st.sampled_from([0, 1]), NUMBERS)
def test_states_are_read_as_they_were_written(
    leader: int, leader_epoch: int, isr: tuple[BrokerId, ...], controller_epoch: int, recovering: int, version: int
) -> None:
    state = PartitionState(
        BrokerId(leader),
        LeaderEpoch(leader_epoch),
        isr,
        ControllerEpoch(controller_epoch),
        recovering,
        PartitionEpoch(version),
    )
    assert topic_znodes.decode_partition_state(TP, topic_znodes.encode_partition_state(state), version) == state


@given(
    st.dictionaries(NUMBERS, st.builds(ReplicaAssignment, BROKERS, BROKERS, BROKERS), max_size=12),
    st.none() | st.uuids(),
)
def test_assignments_are_read_as_they_were_written(partitions: dict[int, ReplicaAssignment], topic_id: object) -> None:
    topic = TopicAssignment(partitions, topic_id)  # type: ignore[arg-type]
    assert topic_znodes.decode_topic("t", topic_znodes.encode_topic(topic)) == topic


@given(st.dictionaries(st.text(), st.text(), max_size=20))
def test_configs_are_read_as_they_were_written(config: dict[str, str]) -> None:
    with contextlib.suppress(UnicodeEncodeError):  # half a surrogate pair, which no client can send
        assert znodes.decode_config("/p", znodes.encode_config(config)) == config
