"""Each right by itself, granted and withheld: our broker and Apache Kafka's do the same, API by API.

For every right that ACCESS lists for an API, alice has only that one, or all of the API's but that one; or she has all
of them, or none. Both brokers get the same requests, which are about what exists, and respond with the same error codes
and the same names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from kazoo.client import KazooClient

from pykafka_cli.acls import AclOperation, AclPermission, PatternType, ResourceType
from pykafka_cli.broker.access import ACCESS
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.protocol.api_keys import ApiKey
from tests.support.acl_brokers import AclBroker, acl_broker
from tests.support.broker_processes import KafkaBroker, PkBroker
from tests.support.logs import batch
from tests.support.polling import until
from tests.support.raw_requests import RawClient, schema_of
from tests.support.what_brokers_hide import (
    NAMES,
    ONE_REPLICA,
    SECRET,
    about_what_exists,
    codes_in,
    populated,
)

TOPIC, GROUP, ID = NAMES[ResourceType.TOPIC], NAMES[ResourceType.GROUP], NAMES[ResourceType.TRANSACTIONAL_ID]
NEW = "hidden-new"
NO_TOPIC_ID = UUID(int=0)
THE_TOPICS_ID = object()
"""In a request: the id that the topic has on the broker."""
Right = tuple[AclOperation, ResourceType]


class Asked(NamedTuple):
    """A request.

    fields     what is in them, wherever in the request they are; others are as in `about_what_exists`
    version    the newest if it is None
    """

    api: int
    what: str = ""
    fields: Mapping[str, Any] = {}
    version: int | None = None

    def __str__(self) -> str:
        return f"{HANDLERS[self.api].name} {self.what}".strip()

    def request(self, topic_id: UUID) -> tuple[int, Any]:
        version = HANDLERS[self.api].max_version if self.version is None else self.version
        its = {name: topic_id if value is THE_TOPICS_ID else value for name, value in self.fields.items()}
        return version, changed(about_what_exists(schema_of(self.api, version, "request")), its)


def changed(message: Any, its: Mapping[str, Any]) -> Any:
    """A message with other values in fields of these names, wherever they are."""
    values: dict[str, Any] = {}
    for field in fields(message):
        value = getattr(message, field.name)
        if field.name in its:
            value = its[field.name]
        elif is_dataclass(value):
            value = changed(value, its)
        elif isinstance(value, tuple):
            value = tuple(changed(each, its) if is_dataclass(each) else each for each in value)
        values[field.name] = value
    return replace(message, **values)


WHOLE_FETCH = {"session_id": 0, "session_epoch": -1, "fetch_offset": 0, "current_leader_epoch": -1, "max_bytes": 9999,
               "last_fetched_epoch": -1, "log_start_offset": -1, "partition_max_bytes": 9999,
               "forgotten_topics_data": (), "isolation_level": 0, "cluster_id": None}  # fmt: skip
FROM_ZOOKEEPER = {"is_kraft_controller": False}
OF_ALICE = {"resource_type_filter": ResourceType.ANY, "resource_name_filter": None, "host_filter": None,
            "pattern_type_filter": PatternType.ANY, "principal_filter": "User:alice",
            "operation": AclOperation.ANY, "permission_type": AclPermission.ANY}  # fmt: skip
THE_RIGHT = {"resource_pattern_type": PatternType.LITERAL, "host": "*", "principal": "User:alice",
             "operation": AclOperation.READ, "permission_type": AclPermission.ALLOW}  # fmt: skip
BY_NAME = {"topic_id": NO_TOPIC_ID}
ON_BROKER = {"resource_type": 4, "resource_name": "0"}
VARIANTS: Mapping[int, Sequence[Asked]] = {
    ApiKey.PRODUCE: (
        Asked(ApiKey.PRODUCE, "", {"records": bytes(batch(b"x")), "transactional_id": None}),
        Asked(ApiKey.PRODUCE, "in a transaction", {
            "records": bytes(batch(b"x", producer_id=999, producer_epoch=0, base_sequence=0, transactional=True)),
        }),
    ),
    ApiKey.FETCH: (
        Asked(ApiKey.FETCH, "by name", WHOLE_FETCH, version=12),
        Asked(ApiKey.FETCH, "by id", WHOLE_FETCH | {"topic_id": THE_TOPICS_ID}),
        Asked(ApiKey.FETCH, "as a follower", WHOLE_FETCH | {"replica_id": 5}, version=12),
    ),
    ApiKey.LEADER_AND_ISR: (Asked(ApiKey.LEADER_AND_ISR, "", FROM_ZOOKEEPER),),
    ApiKey.STOP_REPLICA: (Asked(ApiKey.STOP_REPLICA, "", FROM_ZOOKEEPER),),
    ApiKey.UPDATE_METADATA: (Asked(ApiKey.UPDATE_METADATA, "", FROM_ZOOKEEPER),),
    ApiKey.CONTROLLED_SHUTDOWN: (Asked(ApiKey.CONTROLLED_SHUTDOWN, "", {"broker_id": 0}),),
    ApiKey.DELETE_RECORDS: (Asked(ApiKey.DELETE_RECORDS, "", {"offset": -1}),),
    ApiKey.DESCRIBE_ACLS: (Asked(ApiKey.DESCRIBE_ACLS, "", OF_ALICE),),
    ApiKey.CREATE_ACLS: (Asked(ApiKey.CREATE_ACLS, "", THE_RIGHT | {"principal": "User:bob"}),),
    ApiKey.DELETE_ACLS: (Asked(ApiKey.DELETE_ACLS, "", OF_ALICE | {"principal_filter": "User:bob"}),),
    ApiKey.METADATA: (
        Asked(ApiKey.METADATA, "of a topic", BY_NAME | {"allow_auto_topic_creation": False}),
        Asked(ApiKey.METADATA, "by id", {"topic_id": THE_TOPICS_ID, "name": None, "allow_auto_topic_creation": False}),
        Asked(ApiKey.METADATA, "of all topics", {"topics": None}),
        Asked(ApiKey.METADATA, "that creates", BY_NAME | {"name": NEW}),
        Asked(ApiKey.METADATA, "of the cluster", {"topics": ()}, version=10),
    ),
    ApiKey.OFFSET_FETCH: (
        Asked(ApiKey.OFFSET_FETCH, "of a topic", {"member_id": None, "member_epoch": -1}),
        Asked(ApiKey.OFFSET_FETCH, "of all topics", {"member_id": None, "member_epoch": -1, "topics": None}),
    ),
    ApiKey.FIND_COORDINATOR: (
        Asked(ApiKey.FIND_COORDINATOR, "of a group", {"key_type": 0, "coordinator_keys": (GROUP,)}),
        Asked(ApiKey.FIND_COORDINATOR, "of transactions", {"key_type": 1, "coordinator_keys": (ID,)}),
    ),
    ApiKey.LIST_GROUPS: (Asked(ApiKey.LIST_GROUPS, "", {"states_filter": (), "types_filter": ()}),),
    ApiKey.CREATE_TOPICS: (
        Asked(ApiKey.CREATE_TOPICS, "with a name that is taken", {"assignments": (), "configs": ()}),
        Asked(ApiKey.CREATE_TOPICS, "", {"assignments": (), "configs": (), "name": NEW}),
    ),
    ApiKey.DELETE_TOPICS: (
        Asked(ApiKey.DELETE_TOPICS, "by name", BY_NAME),
        Asked(ApiKey.DELETE_TOPICS, "by id", {"topic_id": THE_TOPICS_ID, "name": None}),
        Asked(ApiKey.DELETE_TOPICS, "by another id", {"name": None}),
    ),
    ApiKey.INIT_PRODUCER_ID: (
        Asked(ApiKey.INIT_PRODUCER_ID, "for transactions"),
        Asked(ApiKey.INIT_PRODUCER_ID, "without", {"transactional_id": None, "producer_id": -1, "producer_epoch": -1}),
    ),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: (
        Asked(ApiKey.OFFSET_FOR_LEADER_EPOCH, "as a consumer", {"current_leader_epoch": -1, "leader_epoch": 0}),
        Asked(ApiKey.OFFSET_FOR_LEADER_EPOCH, "as a follower", {"replica_id": 5}),
    ),
    ApiKey.ADD_PARTITIONS_TO_TXN: (
        Asked(ApiKey.ADD_PARTITIONS_TO_TXN, "by a client", version=3),
        Asked(ApiKey.ADD_PARTITIONS_TO_TXN, "by a broker", version=4),
    ),
    ApiKey.DESCRIBE_CONFIGS: (
        Asked(ApiKey.DESCRIBE_CONFIGS, "of a topic", {"configuration_keys": None}),
        Asked(ApiKey.DESCRIBE_CONFIGS, "of a broker", {"configuration_keys": ("log.dirs",)} | ON_BROKER),
    ),
    ApiKey.ALTER_CONFIGS: (
        Asked(ApiKey.ALTER_CONFIGS, "of a topic"),
        Asked(ApiKey.ALTER_CONFIGS, "of a broker", ON_BROKER),
    ),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: (
        Asked(ApiKey.INCREMENTAL_ALTER_CONFIGS, "of a topic"),
        Asked(ApiKey.INCREMENTAL_ALTER_CONFIGS, "of a broker", ON_BROKER),
    ),
    ApiKey.CREATE_DELEGATION_TOKEN: (
        Asked(ApiKey.CREATE_DELEGATION_TOKEN, "for another", {"owner_principal_type": "User",
                                                             "owner_principal_name": "bob"}),
    ),
    ApiKey.DESCRIBE_DELEGATION_TOKEN: (
        Asked(ApiKey.DESCRIBE_DELEGATION_TOKEN, "of all", {"owners": None}),
        Asked(ApiKey.DESCRIBE_DELEGATION_TOKEN, "of another", {"principal_type": "User", "principal_name": "bob"}),
    ),
    ApiKey.LIST_TRANSACTIONS: (
        Asked(ApiKey.LIST_TRANSACTIONS, "", {"state_filters": (), "producer_id_filters": (), "duration_filter": -1}),
    ),
}  # fmt: skip
NAMED = {ResourceType.TOPIC: ("hidden-", PatternType.PREFIXED), ResourceType.USER: ("*", PatternType.LITERAL),
         ResourceType.DELEGATION_TOKEN: ("*", PatternType.LITERAL)}  # fmt: skip
"""What a right of a type is granted on; else on what NAMES has."""
ALSO: Mapping[int, Right] = {
    api: (operation, ResourceType.CLUSTER)
    for api, operation in (
        (ApiKey.DESCRIBE_CONFIGS, AclOperation.DESCRIBE_CONFIGS),
        (ApiKey.ALTER_CONFIGS, AclOperation.ALTER_CONFIGS),
        (ApiKey.INCREMENTAL_ALTER_CONFIGS, AclOperation.ALTER_CONFIGS),
    )
}
"""The same operation on brokers, which ACCESS does not list apart."""
OFFERED = [api for api in ACCESS if api in HANDLERS]
ASKED = [each for api in OFFERED for each in VARIANTS.get(api, (Asked(api),))]


DENIED = "authorization_failed"


class Seen(NamedTuple):
    """What a client makes out of a response: error codes and names.

    names    where it was denied, others than those in the request, which Kafka repeats where no client looks for them
    """

    codes: frozenset[str]
    names: frozenset[str]

    @property
    def is_denied(self) -> bool:
        return any(code.endswith(DENIED) for code in self.codes)


VISIBLE = (TOPIC, NEW, GROUP, ID, SECRET, "__consumer_offsets", "__transaction_state", "bob")


def ask(client: RawClient, asked: Asked, topic_id: UUID) -> Seen:
    version, request = asked.request(topic_id)
    answer = client.ask(asked.api, version, request)
    found = codes_in(answer, asked.api, version)
    names = {name for name in VISIBLE if name.encode() in answer}
    if any(code.endswith(DENIED) for code in found):
        names -= {name for name in VISIBLE if name in repr(request)}
    return Seen(frozenset(found), frozenset(names))


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AclBroker, AclBroker]]:
    """Ours, and Apache Kafka's."""
    settings = ONE_REPLICA | {"delegation.token.secret.key": "a-secret"}
    with (
        acl_broker(PkBroker, tmp_path_factory.mktemp("ours"), settings) as ours,
        acl_broker(KafkaBroker, tmp_path_factory.mktemp("theirs"), settings) as theirs,
    ):
        yield populated(ours), populated(theirs)


def rights_of(api: int) -> list[Right]:
    return [*((need.operation, need.type) for need in ACCESS[api]), *([ALSO[api]] if api in ALSO else [])]


def holdings(api: int) -> list[frozenset[Right]]:
    """None, each single right, all but each, all: the smaller first."""
    every = frozenset(rights_of(api))
    return sorted({frozenset(), every, *(frozenset({each}) for each in every), *(every - {each} for each in every)},
                  key=lambda held: (len(held), sorted(held)))  # fmt: skip


def grant(broker: AclBroker, held: frozenset[Right]) -> None:
    """Make these alice's only rights."""
    with RawClient(broker.addresses.bootstrap) as admin:
        deleted = ask(admin, Asked(ApiKey.DELETE_ACLS, "", OF_ALICE), NO_TOPIC_ID)
        assert deleted.codes == {"none"}
        for operation, type_ in held:
            name, pattern = NAMED.get(type_) or (NAMES[type_], PatternType.LITERAL)
            its = {"resource_type": type_, "resource_name": name, "resource_pattern_type": pattern,
                   "operation": operation}  # fmt: skip
            created = ask(admin, Asked(ApiKey.CREATE_ACLS, "", THE_RIGHT | its), NO_TOPIC_ID)
            assert created.codes == {"none"}


def topic_id_of(admin: RawClient) -> UUID:
    version, request = Asked(ApiKey.METADATA, "", BY_NAME | {"allow_auto_topic_creation": False}).request(NO_TOPIC_ID)
    found: UUID | None = admin.answer(ApiKey.METADATA, version, request).topics[0].topic_id
    return found or NO_TOPIC_ID


def restore(broker: AclBroker) -> UUID:
    """Create again what a request that was allowed has deleted; the id of the topic."""
    create = Asked(ApiKey.CREATE_TOPICS, "", {"assignments": (), "configs": (), "validate_only": False})
    commit = Asked(ApiKey.OFFSET_COMMIT, "", {
        "generation_id_or_member_epoch": -1, "member_id": "", "group_instance_id": None, "committed_leader_epoch": -1,
    })  # fmt: skip
    with RawClient(broker.addresses.bootstrap) as admin:

        def is_there() -> bool:
            ask(admin, create, NO_TOPIC_ID)
            return ask(admin, commit, NO_TOPIC_ID).codes == {"none"}

        until(is_there, f"no offset of {GROUP} in {TOPIC}")
        return topic_id_of(admin)


def state_of(broker: AclBroker) -> dict[str, Any]:
    """What a request that is denied may not change: znodes, logs, groups and transactions."""
    zookeeper = KazooClient(broker.addresses.zookeeper)
    zookeeper.start()
    try:
        found = {path: zookeeper.get(path)[0] for path in _paths(zookeeper, "/")}
    finally:
        zookeeper.stop()
        zookeeper.close()
    logs = {str(file): file.stat().st_size for file in broker.process.logs.glob("*-[0-9]/*.log")}
    with RawClient(broker.addresses.bootstrap) as admin:
        told = [ask(admin, Asked(api), NO_TOPIC_ID) for api in (ApiKey.DESCRIBE_GROUPS, ApiKey.DESCRIBE_TRANSACTIONS)]
    return {"znodes": found, "logs": logs, "told": told}


def _paths(zookeeper: KazooClient, path: str) -> Iterator[str]:
    yield path
    for child in zookeeper.get_children(path):
        yield from _paths(zookeeper, f"{path.rstrip('/')}/{child}")


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_right_allows_what_it_allows_with_kafka(asked: Asked, brokers: tuple[AclBroker, AclBroker]) -> None:
    """And what is denied changes nothing."""
    ours, theirs = (outcomes(asked, broker) for broker in brokers)

    assert ours == theirs


def outcomes(asked: Asked, broker: AclBroker) -> dict[str, Seen]:
    """By the rights that alice has."""
    topic_id, is_ours = restore(broker), isinstance(broker.process, PkBroker)
    seen: dict[str, Seen] = {}
    for held in holdings(asked.api):
        grant(broker, held)
        before = state_of(broker) if is_ours else None
        with RawClient(str(broker.addresses.sasl_bootstrap), "alice") as alice:
            outcome = ask(alice, asked, topic_id)
        seen[" ".join(sorted(f"{operation.title}:{type_.title}" for operation, type_ in held))] = outcome
        if not outcome.is_denied:
            topic_id = restore(broker)
        elif is_ours:
            assert state_of(broker) == before
    return seen
