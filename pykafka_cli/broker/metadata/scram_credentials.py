"""SCRAM credentials of users (KIP-554), kept in a user's config as rules/scram_credentials.py draws them.

source  kafka.server.ZkAdminManager, org.apache.kafka.common.security.scram.internals
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pykafka_cli.broker.errors import (
    BrokerError,
    DuplicateResource,
    ResourceNotFound,
    UnacceptableCredential,
    UnsupportedSaslMechanism,
)
from pykafka_cli.broker.metadata.config_store import ConfigStore, user_entity
from pykafka_cli.rules.scram_credentials import stored_credential
from pykafka_cli.zookeeper.kafka_znodes import DEFAULT_ENTITY, desanitized

MIN_ITERATIONS, MAX_ITERATIONS = 4096, 16384


MECHANISMS: Mapping[int, str] = {1: "SCRAM-SHA-256", 2: "SCRAM-SHA-512"}
"""By the number that the protocol has for them."""


class Upsertion(NamedTuple):
    """A credential to be set."""

    user: str
    mechanism: int
    iterations: int
    salt: bytes
    salted_password: bytes


class Deletion(NamedTuple):
    user: str
    mechanism: int


def iterations_of(credential: str) -> int:
    """The iterations in a stored credential."""
    return int(dict(part.split("=", 1) for part in credential.split(","))["iterations"])


def described(config: Mapping[str, str]) -> list[tuple[int, int]]:
    """Mechanism and iterations of each credential in a user's config."""
    return [
        (number, iterations_of(config[mechanism])) for number, mechanism in MECHANISMS.items() if mechanism in config
    ]


async def describe(store: ConfigStore, users: Sequence[str] | None) -> dict[str, list[tuple[int, int]] | BrokerError]:
    """Credentials of the users named, or (None, or none named) of all that have any."""
    if not users:
        found = {}
        for entity in await store.entities("users"):
            name = entity.partition("/")[2]
            if name != DEFAULT_ENTITY and (credentials := described(await store.read(entity))):
                found[desanitized(name)] = credentials
        return {user: found[user] for user in sorted(found)}
    outcomes: dict[str, list[tuple[int, int]] | BrokerError] = {}
    for user in users:
        if not user:
            outcomes[user] = ResourceNotFound("Username must not be empty")
        elif users.count(user) > 1:
            outcomes[user] = DuplicateResource(
                f"Cannot describe SCRAM credentials for the same user twice in a single request: {user}"
            )
        else:
            credentials = described(await store.read(user_entity(user)))
            outcomes[user] = credentials or ResourceNotFound(
                f"Attempt to describe a user credential that does not exist: {user}"
            )
    return outcomes


async def alter(
    store: ConfigStore, upsertions: Sequence[Upsertion], deletions: Sequence[Deletion]
) -> dict[str, BrokerError | None]:
    """An outcome for each user: None where all of the user's changes were made, else why none was."""
    outcomes: dict[str, BrokerError | None] = {}
    for user in dict.fromkeys([*(each.user for each in deletions), *(each.user for each in upsertions)]):
        own_upsertions = [upsertion for upsertion in upsertions if upsertion.user == user]
        own_deletions = [deletion for deletion in deletions if deletion.user == user]
        try:
            _ensure_acceptable(user, own_upsertions, own_deletions)
            config = await store.read(user_entity(user))
            for deletion in own_deletions:
                if config.pop(MECHANISMS[deletion.mechanism], None) is None:
                    raise ResourceNotFound("Attempt to delete a user credential that does not exist")
        except BrokerError as error:
            outcomes[user] = error
            continue
        for each in own_upsertions:
            mechanism = MECHANISMS[each.mechanism]
            config[mechanism] = stored_credential(mechanism, each.salted_password, each.salt, each.iterations)
        await store.write(user_entity(user), config)
        outcomes[user] = None
    return outcomes


def _ensure_acceptable(user: str, upsertions: Sequence[Upsertion], deletions: Sequence[Deletion]) -> None:
    if not user:
        raise UnacceptableCredential("Username must not be empty")
    mechanisms = [*(each.mechanism for each in upsertions), *(each.mechanism for each in deletions)]
    if not set(mechanisms) <= MECHANISMS.keys():
        raise UnsupportedSaslMechanism("Unknown SCRAM mechanism")
    for upsertion in upsertions:
        if upsertion.iterations < MIN_ITERATIONS:
            raise UnacceptableCredential("Too few iterations")
        if upsertion.iterations > MAX_ITERATIONS:
            raise UnacceptableCredential("Too many iterations")
    if len(set(mechanisms)) < len(mechanisms):
        raise DuplicateResource("A user credential cannot be altered twice in the same request")
