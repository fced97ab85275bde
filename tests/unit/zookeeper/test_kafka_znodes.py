"""Kafka's znodes, against the trees that three Kafka brokers left in ZooKeeper, step by step."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.model import BrokerEpoch, BrokerId, Timestamp, TopicPartition
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.kafka_znodes import Endpoint
from pykafka_cli.zookeeper.znode_data import BadZnode

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "znodes"


def recorded() -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    for step in sorted(VECTORS.glob("*.json")):
        for znode in json.loads(step.read_text())["znodes"]:
            if znode.get("data"):
                yield znode["path"], znode["data"].encode(), znode


def again_controller(match: re.Match[str], data: bytes, znode: dict[str, Any]) -> bytes:
    return znodes.encode_controller(znodes.decode_controller(data), Timestamp(int(json.loads(data)["timestamp"])))


def again_broker(match: re.Match[str], data: bytes, znode: dict[str, Any]) -> bytes:
    broker = znodes.decode_broker(BrokerId(int(match[1])), data, znode["czxid"])
    return znodes.encode_broker(broker, Timestamp(int(json.loads(data)["timestamp"])))


def again_state(match: re.Match[str], data: bytes, znode: dict[str, Any]) -> bytes:
    partition = TopicPartition(match[1], int(match[2]))
    return topic_znodes.encode_partition_state(topic_znodes.decode_partition_state(partition, data, znode["version"]))


def again_producer_id_block(match: re.Match[str], data: bytes, znode: dict[str, Any]) -> bytes:
    block = znodes.decode_producer_id_block(data)
    assert block
    return znodes.encode_producer_id_block(block)


KINDS: dict[str, Callable[[re.Match[str], bytes, dict[str, Any]], bytes]] = {
    r"/brokers/ids/(\d+)": again_broker,
    r"/brokers/topics/([^/]+)": lambda match, data, _: topic_znodes.encode_topic(
        topic_znodes.decode_topic(match[1], data)
    ),
    r"/brokers/topics/([^/]+)/partitions/(\d+)/state": again_state,
    r"/controller": again_controller,
    r"/controller_epoch": lambda _, data, __: znodes.encode_controller_epoch(znodes.decode_controller_epoch(data)),
    r"/cluster/id": lambda _, data, __: znodes.encode_cluster_id(znodes.decode_cluster_id(data)),
    r"/config/changes/config_change_\d+": lambda match, data, _: znodes.encode_config_change(
        znodes.decode_config_change(match[0], data)
    ),
    r"/config/(?:topics|brokers|clients|users|ips)/.+": lambda match, data, _: znodes.encode_config(
        # as if set in another order: what is written must not depend on it
        dict(sorted(znodes.decode_config(match[0], data).items()))
    ),
    r"/latest_producer_id_block": again_producer_id_block,
    r"/feature": lambda _, __, ___: znodes.encode_features(),
}


def test_every_recorded_znode_is_read_and_written_again_byte_for_byte() -> None:
    counts = dict.fromkeys(KINDS, 0)

    for path, data, znode in recorded():
        if path.startswith("/kafka-acl"):
            continue
        kind, match = next((kind, found) for kind in KINDS if (found := re.fullmatch(kind, path)))
        assert KINDS[kind](match, data, znode) == data, path
        counts[kind] += 1

    assert all(counts.values()), counts


def test_a_registration_keeps_its_rack_and_its_brackets() -> None:
    broker = znodes.BrokerRegistration(
        BrokerId(7), (Endpoint("SSL", "SSL", "::1", 9093),), rack="r1", epoch=BrokerEpoch(9)
    )

    data = znodes.encode_broker(broker, now_ms=Timestamp(5))

    assert data == (
        b'{"features":{},"listener_security_protocol_map":{"SSL":"SSL"},"endpoints":["SSL://[::1]:9093"],"rack":"r1",'
        b'"jmx_port":-1,"port":-1,"host":null,"version":5,"timestamp":"5"}'
    )
    assert znodes.decode_broker(BrokerId(7), data, czxid=9) == broker


@pytest.mark.parametrize(
    ("data", "endpoints"),
    [
        (
            b'{"version":1,"host":"h","port":9092,"jmx_port":9999,"timestamp":"1"}',
            (Endpoint("PLAINTEXT", "PLAINTEXT", "h", 9092),),
        ),
        (
            b'{"version":2,"host":"h","port":1,"jmx_port":-1,"timestamp":"1","endpoints":["PLAINTEXT://h:1","SSL://i:2"]}',
            (Endpoint("PLAINTEXT", "PLAINTEXT", "h", 1), Endpoint("SSL", "SSL", "i", 2)),
        ),
    ],
)
def test_registrations_of_older_brokers_are_read(data: bytes, endpoints: tuple[Endpoint, ...]) -> None:
    assert znodes.decode_broker(BrokerId(0), data, czxid=1).endpoints == endpoints


@pytest.mark.parametrize(
    ("name", "path"), [("app/1", "app%2F1"), ("a b+*~", "a%20b%2B%2A%7E"), ("é", "%C3%A9"), ("a.b-c_d", "a.b-c_d")]
)
def test_names_in_config_paths_are_percent_encoded(name: str, path: str) -> None:
    assert znodes.sanitized(name) == path
    assert znodes.desanitized(path) == name


@pytest.mark.parametrize(
    "decode",
    [
        lambda data: topic_znodes.decode_topic("t", data),
        lambda data: znodes.decode_broker(BrokerId(1), data, 1),
        lambda data: topic_znodes.decode_partition_state(TopicPartition("t", 0), data, 1),
        topic_znodes.decode_reassignment,
        lambda data: znodes.decode_config_change("/config/changes/c", data),
    ],
)
@pytest.mark.parametrize(
    "data", [None, b"", b"[]", b"{}", b"\xff", b'{"partitions":7,"version":5,"endpoints":[1]}', b"[" * 100_000]
)
def test_what_kafka_would_not_write_is_named_with_its_path(
    decode: Callable[[bytes | None], object], data: bytes | None
) -> None:
    with pytest.raises(BadZnode, match=r"^/"):
        decode(data)


def test_no_data_is_no_config_and_no_block() -> None:
    assert znodes.decode_config("/config/topics/t", None) == {}
    assert znodes.decode_producer_id_block(None) is None


def test_a_broker_that_lost_a_log_directory_is_named() -> None:
    assert znodes.decode_log_dir_event("/p", znodes.encode_log_dir_event(BrokerId(3))) == 3
