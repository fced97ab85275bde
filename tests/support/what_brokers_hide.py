"""Two brokers with the same topics, groups and users, ours and Apache Kafka's, and requests of any API about those.

Alice may do nothing there, or only what an ACL allows.
"""

import struct
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

from kio.schema.errors import ErrorCode
from kio.serial import entity_reader
from kio.static.primitive import i8

from pykafka_cli.acls import CLUSTER_NAME, ResourceType
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.protocol.api_keys import ApiKey
from tests.support.acl_brokers import AclBroker
from tests.support.polling import until
from tests.support.raw_requests import RawClient, schema_of
from tests.support.running import pk
from tests.support.samples import sample

SECRET = "secret-words"
"""In the records and the offsets' metadata that nobody may see."""
NAMES = {ResourceType.TOPIC: "hidden-topic", ResourceType.GROUP: "hidden-group", ResourceType.CLUSTER: CLUSTER_NAME,
         ResourceType.TRANSACTIONAL_ID: "hidden-id"}  # fmt: skip
FIRST_IN_KIO: dict[int, int] = {ApiKey.PRODUCE: 3, ApiKey.FETCH: 4}
LOST_BY_KAFKA = {(ApiKey.OFFSET_FETCH, 1)}
"""Where Apache Kafka's response has no place for the group's error, and ours has it at each partition."""
NO_ANSWER = {ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE}
"""What does not come after a login."""
ONE_REPLICA = {
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
}


def populated(broker: AclBroker) -> AclBroker:
    """With something of each kind."""
    server = ("--bootstrap-server", broker.addresses.bootstrap)
    topic, group, transactional_id = (
        NAMES[each] for each in (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID)
    )
    pk("topics", *server, "--create", "--topic", topic, "--partitions", "1", "--replication-factor", "1")
    produced = pk("console-producer", *server, "--topic", topic, stdin=f"{SECRET}\n")
    read = pk(
        "console-consumer", *server, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", "1"
    )
    assert (produced.returncode, read.stdout) == (0, f"{SECRET}\n"), read.stderr
    with RawClient(broker.addresses.bootstrap) as producer:
        find = schema_of(ApiKey.FIND_COORDINATOR, 3, "request")(key=transactional_id, key_type=i8(1))
        until(
            lambda: producer.answer(ApiKey.FIND_COORDINATOR, 3, find).error_code is ErrorCode.none,
            "no coordinator of transactions",
        )
        init = schema_of(ApiKey.INIT_PRODUCER_ID, 0, "request")
        begin = init(transactional_id=transactional_id, transaction_timeout=timedelta(seconds=60))
        until(lambda: producer.answer(ApiKey.INIT_PRODUCER_ID, 0, begin).error_code is ErrorCode.none, "no producer id")
    return broker


def about_what_exists(schema: Any) -> Any:
    """A request with something in every field, which names what there is."""
    return _named(sample(schema))


def _named(message: Any) -> Any:
    changed: dict[str, Any] = {}
    for field in fields(message):
        value = getattr(message, field.name)
        if is_dataclass(value):
            changed[field.name] = _named(value)
        elif isinstance(value, tuple):
            changed[field.name] = tuple(
                _named(each) if is_dataclass(each) else _name(field.name, each) for each in value
            )
        else:
            changed[field.name] = _name(field.name, value)
    return replace(message, **changed)


def _name(field: str, value: Any) -> Any:
    if isinstance(value, str):
        if "group" in field:
            return NAMES[ResourceType.GROUP]
        if "transactional" in field:
            return NAMES[ResourceType.TRANSACTIONAL_ID]
        if field in ("name", "topic", "topics", "resource_name", "topic_name"):
            return NAMES[ResourceType.TOPIC]
        if "key" in field:
            return NAMES[ResourceType.GROUP]
    if field in ("partition_index", "partition", "index", "partitions", "partition_indexes", "key_type", "replica_id"):
        return -1 if field == "replica_id" else 0 if isinstance(value, int) else value
    return type(value)(2) if field == "resource_type" and isinstance(value, int) else value


def codes(message: Any) -> set[str]:
    """All error codes in a response; whether one for all of it is repeated for each entry is left open."""
    found = set[str]()
    for field in fields(message):
        value = getattr(message, field.name)
        if isinstance(value, ErrorCode):
            found.add(value.name)
        for each in value if isinstance(value, tuple) else (value,):
            if is_dataclass(each):
                found |= codes(each)
    return found


def codes_in(answer: bytes, api_key: int, version: int) -> set[str]:
    """The same of a response as RawClient has it."""
    schema = schema_of(api_key, version, "response")
    start = 5 if schema.__flexible__ and api_key != ApiKey.API_VERSIONS else 4
    if api_key == ApiKey.CREATE_DELEGATION_TOKEN:
        # kio does not read the times of a token that is refused, which are -1; the error code comes first.
        return {ErrorCode(*struct.unpack_from(">h", answer, start)).name}
    return codes(entity_reader(schema)(answer, start)[0])


def versions_of(api_key: int) -> Iterable[int]:
    """All that our broker offers, but for the first ones of Produce and Fetch, which kio does not write."""
    first = FIRST_IN_KIO.get(api_key, HANDLERS[api_key].min_version)
    return range(first, HANDLERS[api_key].max_version + 1)
