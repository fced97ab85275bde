"""Brokers, and the configs of a broker or topic."""

from typing import Any

from kio.schema.metadata.v12.request import MetadataRequest

from pykafka_cli.clients.admin.configs import Resource, describe_configs
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, ConfigEntry, ConfigResourceType, Seconds
from pykafka_cli.ui.views import BadQuery, Document, Query, of_each_broker

RESPONSE_S = Seconds(1.0)
"""How long the list of brokers waits for each of them."""


async def overview(session: Session, query: Query) -> Document:  # noqa: ARG001
    """Brokers with the partitions that they lead and have, including brokers that are down but have replicas.

    `missing` are brokers that do not respond: the cluster needs longer to notice that they are down.
    """
    answer = await session.metadata(None)
    partitions = [partition for topic in answer.topics for partition in topic.partitions]
    alive = {broker.node_id: broker for broker in answer.brokers}
    _, missing = await of_each_broker(list(alive), lambda broker: _reach(session, broker))
    ids = sorted({*alive, *(replica for each in partitions for replica in each.replica_nodes)})
    brokers = {number: _broker(number, alive.get(number)) for number in ids}
    for each in partitions:
        if each.leader_id in brokers:
            brokers[each.leader_id]["leaders"] += 1
        for replica in each.replica_nodes:
            brokers[replica]["replicas"] += 1
        for replica in each.isr_nodes:
            if replica in brokers:
                brokers[replica]["in_sync"] += 1
    return {
        "cluster_id": answer.cluster_id,
        "controller": None if answer.controller_id < 0 else int(answer.controller_id),
        "brokers": list(brokers.values()),
        "missing": missing,
        "topics": len(answer.topics),
        "partitions": len(partitions),
        "leaderless": sum(each.leader_id not in alive for each in partitions),
        "under_replicated": sum(len(each.isr_nodes) < len(each.replica_nodes) for each in partitions),
    }


async def _reach(session: Session, broker: BrokerId) -> None:
    """raises    ConnectionFailed"""
    request = MetadataRequest(topics=(), allow_auto_topic_creation=False, include_topic_authorized_operations=False)
    await session.ask(request, broker=broker, oldest=1, timeout=RESPONSE_S)


def _broker(number: int, found: Any) -> Document:
    return {
        "broker": int(number),
        "is_alive": found is not None,
        "host": found and found.host,
        "port": found and int(found.port),
        "rack": found and found.rack,
        "leaders": 0,
        "replicas": 0,
        "in_sync": 0,
    }


async def configs(session: Session, query: Query) -> Document:
    """The configs of `topic` or `broker`, those that differ from Kafka's defaults first.

    raises    BadQuery, ApiError
    """
    if "topic" in query:
        resource, kind = Resource(ConfigResourceType.TOPIC, query["topic"]), "topic"
    elif (number := query.get("broker", "")).isdecimal():
        resource, kind = Resource(ConfigResourceType.BROKER, number), "broker"
    else:
        raise BadQuery("The address lacks topic= or broker=")
    entries = (await describe_configs(session, [resource]))[resource]
    if isinstance(entries, ApiError):
        raise entries
    found = sorted(entries, key=lambda each: (each.is_default, each.name))
    return {kind: resource.name, "configs": [_entry(each) for each in found]}


def _entry(entry: ConfigEntry) -> Document:
    return {
        "name": entry.name,
        "value": None if entry.is_sensitive else entry.value,
        "source": entry.source,
        "is_default": entry.is_default,
        "is_sensitive": entry.is_sensitive,
        "is_read_only": entry.is_read_only,
    }
