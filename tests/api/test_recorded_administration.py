"""What Kafka's admin scripts asked of a Kafka broker, asked of ours: the responses must say the same.

The broker's settings are those that the recorded broker had, which it reported by DescribeConfigs. Topic ids, ports
and the cluster's id are each broker's own; lists that Kafka gives in hash order are compared in one order; the texts of
documentation are ours.
"""

import asyncio
import dataclasses
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kio.index import load_response_schema
from kio.serial import entity_reader

from tests.fakes.controlled_cluster import ControlledCluster

WIRE = Path(__file__).resolve().parents[1] / "vectors" / "wire"

ADMINISTRATION = {
    "Metadata", "DescribeCluster", "CreateTopics", "CreatePartitions", "DeleteTopics", "DescribeConfigs",
    "AlterConfigs", "IncrementalAlterConfigs", "ElectLeaders", "AlterPartitionReassignments",
    "ListPartitionReassignments",
    "DescribeClientQuotas", "AlterClientQuotas", "DescribeUserScramCredentials", "AlterUserScramCredentials",
    "UpdateFeatures",
}  # fmt: skip

STATIC_BROKER_CONFIG = 4
BROKER = 4

EACH_BROKERS_OWN = {"topic_id", "port", "cluster_id", "documentation"}
REFUSED = "authorizer.class.name"  # the recorded broker had one; ours does not start where one is counted on


def exchanges(name: str) -> Iterator[tuple[str, str, bytes, Any]]:
    """Step, API, request and decoded answer, in the order of the requests."""
    step, asked = "", {}
    with gzip.open(WIRE / f"{name}.jsonl.gz", "rt") as lines:
        recorded = [json.loads(line) for line in lines]
    for line in recorded:
        if line.get("d") == "response":
            asked[line["c"], line["id"]] = line
    for line in recorded:
        if line.get("step", "end") != "end":
            step = line["step"]
        if line.get("d") == "request" and line["api"] in ADMINISTRATION and (line["c"], line["id"]) in asked:
            answer = bytes.fromhex(asked[line["c"], line["id"]]["hex"])[4:]
            yield step, line["api"], bytes.fromhex(line["hex"])[4:], decoded(line["key"], line["v"], answer)


def decoded(api_key: int, version: int, answer: bytes) -> Any:
    response = load_response_schema(api_key, version)
    _, position = entity_reader(response.__header_schema__)(answer, 0)
    return entity_reader(response)(answer, position)[0]


def meaning(value: object) -> object:
    """The response without what is each broker's own, and with all lists in one order."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: meaning(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name not in EACH_BROKERS_OWN
        }
    if isinstance(value, tuple):
        return sorted((meaning(element) for element in value if getattr(element, "name", "") != REFUSED), key=repr)
    return value


def recorded_settings() -> dict[str, str]:
    """What the recorded broker had in its server.properties, but for what ties it to its machine."""
    for _, api, _, answer in exchanges("admin"):
        if api == "DescribeConfigs":
            for result in answer.results:
                if result.resource_type == BROKER and result.resource_name == "0":
                    return {
                        entry.name: entry.value
                        for entry in result.configs
                        if entry.config_source == STATIC_BROKER_CONFIG and entry.value is not None
                    }
    raise AssertionError("no DescribeConfigs of a broker in the recording")


async def test_every_administrative_answer_says_what_kafkas_said() -> None:
    settings = recorded_settings()
    # Kafka calls them sensitive, as it does every key it does not know.
    del settings[REFUSED]
    settings |= {"super.users": "User:ANONYMOUS", "allow.everyone.if.no.acl.found": "true"}
    cluster = ControlledCluster(listener="CLIENT", **settings)
    await cluster.start(0)
    compared = 0

    for step, api, request, theirs in exchanges("admin"):
        if api == "Metadata":
            # Kafka's own topics were made by FindCoordinator, which is not asked here.
            internal = [topic.name for topic in theirs.topics if topic.is_internal]
            await cluster.brokers[0].topics.auto_create(internal)
            await cluster.settle()
        asking = asyncio.ensure_future(cluster.brokers[0].serve(request))
        await cluster.settle()
        ours = decoded(type(theirs).__api_key__, type(theirs).__version__, await asking)
        assert meaning(ours) == meaning(theirs), f"{api} in step {step}"
        compared += 1

    assert compared == 196
    await cluster.close()
