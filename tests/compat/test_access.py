"""What users without rights are refused: by every API of our broker, and by Apache Kafka's, with the same error codes.

Both brokers have the same topics, groups and users; alice may do nothing, or only what an ACL allows.
"""

from collections.abc import Iterator
from dataclasses import fields, replace

import pytest

from pykafka_cli.acls import CLUSTER_NAME
from pykafka_cli.broker.access import ACCESS
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.message_fields import structure_of
from tests.support.acl_brokers import AclBroker, acl_broker
from tests.support.broker_processes import KafkaBroker, PkBroker
from tests.support.raw_requests import RawClient, schema_of
from tests.support.running import pk
from tests.support.samples import sample
from tests.support.what_brokers_hide import (
    LOST_BY_KAFKA,
    NAMES,
    NO_ANSWER,
    ONE_REPLICA,
    SECRET,
    about_what_exists,
    codes_in,
    populated,
    versions_of,
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclBroker]:
    with acl_broker(PkBroker, tmp_path_factory.mktemp("ours"), ONE_REPLICA) as broker:
        yield populated(broker)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclBroker]:
    with acl_broker(KafkaBroker, tmp_path_factory.mktemp("theirs"), ONE_REPLICA) as broker:
        yield populated(broker)


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
                answers.append(codes_in(alice.ask(api, version, request), api, version))
        assert answers[0] == answers[1], f"version {version}"
