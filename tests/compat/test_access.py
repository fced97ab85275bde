"""What users without rights are refused: by every API of our broker, and by Apache Kafka's, with the same error codes.

Both brokers have the same topics, groups and users; alice may do nothing, or only what an ACL allows.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.static.primitive import i8

from pykafka_cli.acls import CLUSTER_NAME, ResourceType
from pykafka_cli.broker.access import ACCESS
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.message_fields import structure_of
from tests.support.acl_brokers import AclBroker, acl_broker
from tests.support.broker_processes import KafkaBroker, PkBroker
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
    pk("topics", *server, "--create", "--topic", topic, "--partitions", "2", "--replication-factor", "1")
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


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclBroker]:
    with acl_broker(PkBroker, tmp_path_factory.mktemp("ours"), ONE_REPLICA) as broker:
        yield populated(broker)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclBroker]:
    with acl_broker(KafkaBroker, tmp_path_factory.mktemp("theirs"), ONE_REPLICA) as broker:
        yield populated(broker)


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


def codes_of_answer(client: RawClient, api_key: int, version: int, request: Any) -> set[str]:
    """The same of the response to a request."""
    if api_key != ApiKey.CREATE_DELEGATION_TOKEN:
        return codes(client.answer(api_key, version, request))
    # kio does not read the times of a token that is refused, which are -1; the error code comes first.
    start = 5 if schema_of(api_key, version, "response").__flexible__ else 4
    return {ErrorCode(*struct.unpack_from(">h", client.ask(api_key, version, request), start)).name}


def versions_of(api_key: int) -> Iterable[int]:
    """All that our broker offers, but for the first ones of Produce and Fetch, which kio does not write."""
    first = FIRST_IN_KIO.get(api_key, HANDLERS[api_key].min_version)
    return range(first, HANDLERS[api_key].max_version + 1)


def state_of(broker: AclBroker) -> list[str]:
    """What all users may not have changed."""
    server = ("--bootstrap-server", broker.addresses.bootstrap)
    return [
        pk(*words).stdout
        for words in (
            ("topics", *server, "--describe"),
            ("get-offsets", *server),
            ("consumer-groups", *server, "--describe", "--all-groups", "--offsets"),
            ("configs", *server, "--describe", "--entity-type", "topics", "--all", "--entity-name", "hidden-topic"),
            ("configs", *server, "--describe", "--entity-type", "users"),
            ("acls", *server, "--list"),
            ("transactions", *server, "list"),
            ("zookeeper-shell", broker.addresses.zookeeper, "ls", "-R", "/config"),
        )
    ]


def test_no_api_changes_or_shows_anything_to_who_has_no_rights(ours: AclBroker) -> None:
    before = state_of(ours)
    told: dict[tuple[str, int], bytes] = {}

    for api_key in HANDLERS.keys() - NO_ANSWER:
        for version in versions_of(api_key):
            with RawClient(str(ours.addresses.sasl_bootstrap), "alice") as alice:
                request = about_what_exists(schema_of(api_key, version, "request"))
                try:
                    told[HANDLERS[api_key].name, version] = alice.ask(api_key, version, request)
                except ConnectionError:
                    continue  # it was told nothing

    assert state_of(ours) == before
    assert [where for where, answer in told.items() if SECRET.encode() in answer] == []
    assert len(told) > 200


def test_what_is_listed_has_no_names_for_who_has_no_rights(ours: AclBroker) -> None:
    told = b""
    for api_key in (ApiKey.METADATA, ApiKey.LIST_GROUPS, ApiKey.LIST_TRANSACTIONS, ApiKey.OFFSET_FETCH):
        for version in versions_of(api_key):
            empty = sample(schema_of(api_key, version, "request"))
            arrays = {
                each.name: None if version and api_key == ApiKey.METADATA else ()
                for each in fields(empty)
                if structure_of(each)[1] and each.name != "groups"
            }
            with RawClient(str(ours.addresses.sasl_bootstrap), "alice") as alice:
                told += alice.ask(api_key, version, replace(empty, **arrays))

    assert [name for name in NAMES.values() if name != CLUSTER_NAME and name.encode() in told] == []


COMPARED = [
    api
    for api in ACCESS
    if api in HANDLERS and api not in (ApiKey.FETCH, ApiKey.PRODUCE, ApiKey.LEADER_AND_ISR, ApiKey.UPDATE_METADATA)
]


@pytest.mark.parametrize("api", COMPARED, ids=lambda api: HANDLERS[api].name)
def test_who_has_no_rights_gets_kafkas_error_codes(api: int, ours: AclBroker, theirs: AclBroker) -> None:
    for version in versions_of(api):
        if (api, version) in LOST_BY_KAFKA:
            continue
        request = about_what_exists(schema_of(api, version, "request"))
        answers = []
        for broker in (ours, theirs):
            with RawClient(str(broker.addresses.sasl_bootstrap), "alice") as alice:
                answers.append(codes_of_answer(alice, api, version, request))
        assert answers[0] == answers[1], f"version {version}"
