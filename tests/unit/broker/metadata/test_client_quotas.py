"""Quotas of users, clients and addresses in ZooKeeper."""

import pytest

from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.metadata import client_quotas
from pykafka_cli.broker.metadata.client_quotas import CLIENT_ID, IP, USER, Change, Component, Match
from pykafka_cli.broker.metadata.config_store import ConfigStore
from tests.fakes.zookeeper import FakeZooKeeper

ALICE, APP, ANY_USER, ADDRESS = (USER, "alice"), (CLIENT_ID, "app/1"), (USER, None), (IP, "127.0.0.9")


@pytest.fixture
def zookeeper() -> FakeZooKeeper:
    return FakeZooKeeper()


@pytest.fixture
async def store(zookeeper: FakeZooKeeper) -> ConfigStore:
    """As in the recorded cluster."""
    store = ConfigStore(zookeeper.client())
    for entity, change in [
        ([ALICE], Change("producer_byte_rate", 1024.0)),
        ([ANY_USER], Change("consumer_byte_rate", 2048.0)),
        ([ALICE, APP], Change("request_percentage", 50.0)),
        ([APP], Change("producer_byte_rate", 4096.0)),
        ([ADDRESS], Change("connection_creation_rate", 20.0)),
    ]:
        assert await client_quotas.alter(store, entity, [change], validate_only=False) is None
    return store


async def test_quotas_are_stored_byte_for_byte_as_kafka_stored_them(
    zookeeper: FakeZooKeeper, store: ConfigStore
) -> None:
    tree = zookeeper.tree()

    assert {path: data for path, data in tree.items() if data and not path.startswith("/config/changes")} == {
        "/config/clients/app%2F1": b'{"version":1,"config":{"producer_byte_rate":"4096"}}',
        "/config/ips/127.0.0.9": b'{"version":1,"config":{"connection_creation_rate":"20"}}',
        "/config/users/<default>": b'{"version":1,"config":{"consumer_byte_rate":"2048"}}',
        "/config/users/alice": b'{"version":1,"config":{"producer_byte_rate":"1024"}}',
        "/config/users/alice/clients/app%2F1": b'{"version":1,"config":{"request_percentage":"50.0"}}',
    }
    assert tree["/config/changes/config_change_0000000002"] == (
        b'{"version":2,"entity_path":"users/alice/clients/app%2F1"}'
    )


@pytest.mark.parametrize(
    ("components", "strict", "found"),
    [
        ([], False, [[ALICE], [ALICE, APP], [ANY_USER], [APP], [ADDRESS]]),
        ([Component(USER, Match.EXACT, "alice")], False, [[ALICE], [ALICE, APP]]),
        ([Component(USER, Match.EXACT, "alice")], True, [[ALICE]]),
        ([Component(USER, Match.DEFAULT, None)], True, [[ANY_USER]]),
        ([Component(USER, Match.ANY, None)], True, [[ALICE], [ANY_USER]]),
        ([Component(USER, Match.ANY, None), Component(CLIENT_ID, Match.EXACT, "app/1")], True, [[ALICE, APP]]),
        ([Component(CLIENT_ID, Match.ANY, None)], True, [[APP]]),
        ([Component(IP, Match.EXACT, "127.0.0.9")], True, [[ADDRESS]]),
        ([Component(IP, Match.EXACT, "127.0.0.8")], True, []),
    ],
)
async def test_a_filter_finds_what_matches_every_component(
    store: ConfigStore, components: list[Component], strict: bool, found: list[list[tuple[str, str | None]]]
) -> None:
    described = await client_quotas.describe(store, components, strict=strict)

    assert sorted(map(repr, described)) == sorted(repr(tuple(entity)) for entity in found)


async def test_a_quota_is_removed_and_the_entity_with_its_last(store: ConfigStore) -> None:
    await client_quotas.alter(store, [ALICE, APP], [Change("request_percentage", None)], validate_only=False)

    assert (ALICE, APP) not in await client_quotas.describe(store, [], strict=False)


async def test_checking_changes_nothing(store: ConfigStore) -> None:
    assert await client_quotas.alter(store, [APP], [Change("producer_byte_rate", 1.0)], validate_only=True) is None

    assert (await client_quotas.describe(store, [], strict=False))[APP,] == {"producer_byte_rate": 4096.0}


@pytest.mark.parametrize(
    ("entity", "change", "message"),
    [
        ([], Change("producer_byte_rate", 1.0), "Invalid empty client quota entity"),
        ([("group", "g")], Change("producer_byte_rate", 1.0), "Unhandled client quota entity type: group"),
        ([(USER, "")], Change("producer_byte_rate", 1.0), "Empty user not supported"),
        ([ALICE], Change("nosuch", 1.0), "Invalid configuration key nosuch"),
        ([ALICE], Change("producer_byte_rate", 1.5), "Configuration producer_byte_rate must be a LONG value"),
        ([ADDRESS, ALICE], Change("connection_creation_rate", 1.0), "Invalid quota entity combination"),
        ([ADDRESS], Change("producer_byte_rate", 1.0), "Invalid configuration key producer_byte_rate"),
    ],
)
async def test_what_makes_no_sense_is_rejected(
    store: ConfigStore, entity: list[tuple[str, str | None]], change: Change, message: str
) -> None:
    refused = await client_quotas.alter(store, entity, [change], validate_only=False)

    assert str(refused).startswith(message)


@pytest.mark.parametrize(
    ("components", "code"),
    [
        ([Component("", Match.ANY, None)], "invalid_request"),
        ([Component("planet", Match.ANY, None)], "unsupported_version"),
        ([Component(USER, Match.ANY, None), Component(USER, Match.DEFAULT, None)], "invalid_request"),
        ([Component(USER, Match.ANY, None), Component(IP, Match.ANY, None)], "invalid_request"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_rejected(
    store: ConfigStore, components: list[Component], code: str
) -> None:
    with pytest.raises(BrokerError) as refused:
        await client_quotas.describe(store, components, strict=False)

    assert refused.value.code.name == code
