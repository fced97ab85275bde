"""All znodes of Kafka: their paths, and their bytes, encoded and decoded.

    /cluster/id                             {"version":"1","id":CLUSTER}
    /brokers/ids/N                  (e)     registration: endpoints, rack; its czxid is the broker epoch
    /brokers/topics/T                       replicas of each partition, topic id, reassignments in flight
    /brokers/topics/T/partitions/P/state    leader, leader epoch, ISR; its version is the partition epoch
    /controller                     (e)     the controller; written in one multi with
    /controller_epoch                       the number of controllers so far, in decimal digits
    /config/topics/T                        overrides, {"version":1,"config":{...}}; likewise /config/brokers/N,
                                            /config/clients/C, /config/users/U, /config/users/U/clients/C, /config/ips/A
    /config/changes/config_change_          (s) which of them changed, {"version":2,"entity_path":"topics/T"}
    /admin/delete_topics/T                  T will be deleted
    /admin/reassign_partitions              target replicas, requested by the tools before 2.4
    /admin/preferred_replica_election       elections, requested likewise
    /isr_change_notification/isr_change_    (s) partitions whose leader wrote their state itself (before KIP-497)
    /log_dir_event_notification/log_dir_event_    (s) a broker whose log directory failed
    /latest_producer_id_block               the last assigned block of producer ids
    /feature                                finalized features; none in ZooKeeper mode

(e) ephemeral, (s) a number is added. Keys have Kafka's order, so that the bytes equal what Kafka would write. Names of
users, clients and addresses are percent-encoded. Parents have null data.

source  kafka.zk.ZkData of Apache Kafka 3.9
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote

from pykafka_cli.java_hash import java_hash_order
from pykafka_cli.model import (
    UNKNOWN_BROKER_EPOCH,
    BrokerEpoch,
    BrokerId,
    ControllerEpoch,
    ProducerId,
    Timestamp,
)
from pykafka_cli.zookeeper.znode_data import BadZnode, base64_text, decoded, encoded, number

CONSUMERS = "/consumers"
BROKERS = "/brokers"
BROKER_IDS = "/brokers/ids"
BROKER_SEQUENCE = "/brokers/seqid"
TOPICS = "/brokers/topics"
CLUSTER_ID = "/cluster/id"
CONTROLLER = "/controller"
CONTROLLER_EPOCH = "/controller_epoch"
CONFIG = "/config"
CONFIG_CHANGES = "/config/changes"
CONFIG_CHANGE = "/config/changes/config_change_"
DELETE_TOPICS = "/admin/delete_topics"
REASSIGN_PARTITIONS = "/admin/reassign_partitions"
PREFERRED_REPLICA_ELECTION = "/admin/preferred_replica_election"
ISR_CHANGES = "/isr_change_notification"
ISR_CHANGE = "/isr_change_notification/isr_change_"
LOG_DIR_EVENTS = "/log_dir_event_notification"
LOG_DIR_EVENT = "/log_dir_event_notification/log_dir_event_"
PRODUCER_ID_BLOCK = "/latest_producer_id_block"
FEATURE = "/feature"

CONFIG_TYPES = ("topics", "clients", "users", "brokers", "ips")
DEFAULT_ENTITY = "<default>"

PERSISTENT_PATHS = (
    CONSUMERS,
    BROKER_IDS,
    TOPICS,
    CONFIG_CHANGES,
    DELETE_TOPICS,
    BROKER_SEQUENCE,
    ISR_CHANGES,
    PRODUCER_ID_BLOCK,
    LOG_DIR_EVENTS,
    *(f"{CONFIG}/{kind}" for kind in CONFIG_TYPES),
)
"""Paths that a broker creates at its start, in Kafka's order."""

SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""Names of the security protocols; the index in this list is the number in UpdateMetadata."""


# ---- cluster, controller, brokers


def new_cluster_id() -> str:
    """22 characters that encode 16 random bytes."""
    return base64_text(uuid.uuid4())


def encode_cluster_id(cluster_id: str) -> bytes:
    return encoded({"version": "1", "id": cluster_id})


def decode_cluster_id(data: bytes | None) -> str:
    value = decoded(CLUSTER_ID, data)
    if not isinstance(value.get("id"), str):
        raise BadZnode(f"{CLUSTER_ID} contains no cluster id but {data!r}")
    return str(value["id"])


def encode_controller(broker_id: BrokerId, now_ms: Timestamp) -> bytes:
    return encoded({"version": 2, "brokerid": broker_id, "timestamp": str(now_ms), "kraftControllerEpoch": -1})


def decode_controller(data: bytes | None) -> BrokerId:
    """Id of the controller."""
    return BrokerId(number(CONTROLLER, decoded(CONTROLLER, data).get("brokerid")))


def encode_controller_epoch(epoch: ControllerEpoch) -> bytes:
    return str(epoch).encode()


def decode_controller_epoch(data: bytes | None) -> ControllerEpoch:
    try:
        return ControllerEpoch(int(data or b"0"))
    except ValueError:
        raise BadZnode(f"{CONTROLLER_EPOCH} contains no number but {data!r}") from None


class Endpoint(NamedTuple):
    """One advertised listener of a broker."""

    listener: str
    security_protocol: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class BrokerRegistration:
    """A live broker, as its znode describes it. `epoch` is the znode's czxid; it is not in the data."""

    id: BrokerId
    endpoints: tuple[Endpoint, ...]
    rack: str | None = None
    epoch: BrokerEpoch = UNKNOWN_BROKER_EPOCH
    jmx_port: int = -1

    def endpoint(self, listener: str) -> Endpoint | None:
        """The broker's endpoint on a listener."""
        return next((endpoint for endpoint in self.endpoints if endpoint.listener == listener), None)


def broker_path(broker_id: BrokerId) -> str:
    return f"{BROKER_IDS}/{broker_id}"


def encode_broker(broker: BrokerRegistration, now_ms: Timestamp) -> bytes:
    """host and port, for old clients, are those of the first listener without TLS and SASL; null and -1 without one."""
    plain = next((endpoint for endpoint in broker.endpoints if endpoint.security_protocol == "PLAINTEXT"), None)
    value: dict[str, object] = {
        "features": {},
        "listener_security_protocol_map": {e.listener: e.security_protocol for e in broker.endpoints},
        "endpoints": [f"{e.listener}://{_bracketed(e.host)}:{e.port}" for e in broker.endpoints],
    }
    if broker.rack is not None:
        value["rack"] = broker.rack
    value |= {
        "jmx_port": broker.jmx_port,
        "port": plain.port if plain else -1,
        "host": plain.host if plain else None,
        "version": 5,
        "timestamp": str(now_ms),
    }
    return encoded(value)


def decode_broker(broker_id: BrokerId, data: bytes | None, czxid: int) -> BrokerRegistration:
    """Versions 1 (host and port only) to 5."""
    path = broker_path(broker_id)
    value = decoded(path, data)
    try:
        if "endpoints" not in value:
            endpoints = [Endpoint("PLAINTEXT", "PLAINTEXT", value["host"], value["port"])]
        else:
            protocols = value.get("listener_security_protocol_map") or {name: name for name in SECURITY_PROTOCOLS}
            endpoints = [_endpoint(text, protocols) for text in value["endpoints"]]
        return BrokerRegistration(
            broker_id, tuple(endpoints), value.get("rack"), BrokerEpoch(czxid), value.get("jmx_port", -1)
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadZnode(f"{path} is not a broker's registration: {data!r} ({error!r})") from None


def _endpoint(text: str, protocols: Mapping[str, str]) -> Endpoint:
    listener, _, address = text.partition("://")
    host, _, port = address.rpartition(":")
    return Endpoint(listener, protocols[listener], host.removeprefix("[").removesuffix("]"), int(port))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


# ---- log directories


def encode_log_dir_event(broker_id: BrokerId) -> bytes:
    return encoded({"version": 1, "broker": broker_id, "event": 1})


def decode_log_dir_event(path: str, data: bytes | None) -> BrokerId:
    """Id of the broker that lost a log directory."""
    return BrokerId(number(path, decoded(path, data).get("broker")))


# ---- configs


def sanitized(name: str) -> str:
    """A user's, client's or address's name as part of a path: percent-encoded as Java's URLEncoder does."""
    return quote(name, safe="").replace("~", "%7E")


def desanitized(name: str) -> str:
    return unquote(name)


def config_path(entity: str) -> str:
    """`entity` is a path like topics/T, brokers/0, users/U/clients/C; names in it are sanitized."""
    return f"{CONFIG}/{entity}"


def encode_config(config: Mapping[str, str]) -> bytes:
    return encoded({"version": 1, "config": {key: config[key] for key in java_hash_order(config)}})


def decode_config(path: str, data: bytes | None) -> dict[str, str]:
    """Overrides; none if the znode was created without data."""
    if not data:
        return {}
    config = decoded(path, data).get("config")
    return {key: str(value) for key, value in config.items()} if isinstance(config, dict) else {}


def encode_config_change(entity: str) -> bytes:
    return encoded({"version": 2, "entity_path": entity})


def decode_config_change(path: str, data: bytes | None) -> str:
    """The entity's path; version 1 (brokers before 0.11) has its type and name separately."""
    value = decoded(path, data)
    try:
        if value["version"] == 1:
            return f"{value['entity_type']}/{value['entity_name']}"
        return str(value["entity_path"])
    except KeyError as error:
        raise BadZnode(f"{path} names no changed entity: {data!r} ({error!r})") from None


# ---- producer ids, features


class ProducerIdBlock(NamedTuple):
    """Producer ids `start` to `end` (both included), assigned to one broker."""

    broker: BrokerId
    start: ProducerId
    end: ProducerId


def encode_producer_id_block(block: ProducerIdBlock) -> bytes:
    return encoded({"version": 1, "broker": block.broker, "block_start": str(block.start), "block_end": str(block.end)})


def decode_producer_id_block(data: bytes | None) -> ProducerIdBlock | None:
    """None before the first block is assigned (the znode is created with null data)."""
    if not data:
        return None
    value = decoded(PRODUCER_ID_BLOCK, data)
    try:
        return ProducerIdBlock(
            BrokerId(int(value["broker"])), ProducerId(int(value["block_start"])), ProducerId(int(value["block_end"]))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadZnode(f"{PRODUCER_ID_BLOCK} is not a block of producer ids: {data!r} ({error!r})") from None


def encode_features() -> bytes:
    """No finalized features, with feature versioning enabled (status 1)."""
    return encoded({"features": {}, "version": 2, "status": 1})
