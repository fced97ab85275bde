"""SCRAM credentials as Kafka keeps them."""

import pytest

from pykafka_cli.broker.metadata import scram_credentials
from pykafka_cli.broker.metadata.config_store import ConfigStore
from pykafka_cli.broker.metadata.scram_credentials import Deletion, Upsertion
from tests.fakes.zookeeper import FakeZooKeeper


@pytest.fixture
def store() -> ConfigStore:
    return ConfigStore(FakeZooKeeper().client())


def upsertion(user: str = "alice", mechanism: int = 1, iterations: int = 4096) -> Upsertion:
    return Upsertion(user, mechanism, iterations, b"salt", b"salted password")


async def test_credentials_are_set_described_and_deleted_beside_quotas(store: ConfigStore) -> None:
    await store.write("users/alice", {"producer_byte_rate": "1"})

    assert await scram_credentials.alter(store, [upsertion(), upsertion(mechanism=2)], []) == {"alice": None}
    assert await scram_credentials.describe(store, ["alice"]) == {"alice": [(1, 4096), (2, 4096)]}
    assert await scram_credentials.alter(store, [], [Deletion("alice", 1)]) == {"alice": None}

    assert await scram_credentials.describe(store, None) == {"alice": [(2, 4096)]}
    assert (await store.read("users/alice"))["producer_byte_rate"] == "1"


@pytest.mark.parametrize(
    ("upsertions", "deletions", "message"),
    [
        ([upsertion(user="")], [], "unacceptable_credential: Username must not be empty"),
        ([upsertion(mechanism=9)], [], "unsupported_sasl_mechanism: Unknown SCRAM mechanism"),
        ([upsertion(iterations=4095)], [], "unacceptable_credential: Too few iterations"),
        ([upsertion(iterations=16385)], [], "unacceptable_credential: Too many iterations"),
        (
            [upsertion(), upsertion()],
            [],
            "duplicate_resource: A user credential cannot be altered twice in the same request",
        ),
        (
            [upsertion(mechanism=2)],
            [Deletion("alice", 1)],
            "resource_not_found: Attempt to delete a user credential that does not exist",
        ),
    ],
)
async def test_a_user_with_one_bad_change_is_left_alone(
    store: ConfigStore, upsertions: list[Upsertion], deletions: list[Deletion], message: str
) -> None:
    outcomes = await scram_credentials.alter(store, [*upsertions, upsertion(user="bob")], deletions)

    bad = outcomes[upsertions[0].user]
    assert f"{bad.code.name}: {bad}" == message
    assert outcomes["bob"] is None
    assert list(await scram_credentials.describe(store, None)) == ["bob"]


async def test_describing_names_what_cannot_be_described(store: ConfigStore) -> None:
    outcomes = await scram_credentials.describe(store, ["", "nobody", "twice", "twice"])

    assert {user: outcome.code.name for user, outcome in outcomes.items()} == {
        "": "resource_not_found",
        "nobody": "resource_not_found",
        "twice": "duplicate_resource",
    }
