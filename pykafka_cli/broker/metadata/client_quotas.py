"""Quotas of users, clients and addresses (KIP-546): which entities have them, and how they are changed.

An entity is a user, a client id, both together, or an address; a name of None means all without their
own quota. In ZooKeeper a quota is one key of the entity's config, next to SCRAM credentials.

source  kafka.server.ZkAdminManager, DynamicConfig
"""

import socket
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from pykafka_cli.broker.errors import BrokerError, InvalidRequest, UnsupportedVersion
from pykafka_cli.broker.metadata.config_store import ConfigStore
from pykafka_cli.properties.keys import DOUBLE, INT, LONG, MAX_INT, MAX_LONG, Key, KeyTable
from pykafka_cli.zookeeper.kafka_znodes import DEFAULT_ENTITY, desanitized, sanitized

USER, CLIENT_ID, IP = "user", "client-id", "ip"

CLIENT_KEYS = KeyTable(
    (
        Key(LONG, MAX_LONG, "Bytes a second that may be produced.", name="producer_byte_rate"),
        Key(LONG, MAX_LONG, "Bytes a second that may be consumed.", name="consumer_byte_rate"),
        Key(DOUBLE, float(MAX_INT), "Share of the broker's request threads, in percent.", name="request_percentage"),
        Key(
            DOUBLE, float(MAX_INT), "Partitions a second that may be made or deleted.", name="controller_mutation_rate"
        ),
    )
)
IP_KEYS = KeyTable((Key(INT, MAX_INT, "Connections a second from one address.", name="connection_creation_rate"),))

_EPSILON = 1e-6


class Match(IntEnum):
    """How a filter's component matches a name."""

    EXACT = 0
    DEFAULT = 1
    ANY = 2


class Component(NamedTuple):
    entity_type: str
    match: int
    name: str | None


Entity = tuple[tuple[str, str | None], ...]
"""Types and names, such as ((USER, "alice"), (CLIENT_ID, None))."""


class Change(NamedTuple):
    """A new value for a quota; None removes it."""

    key: str
    value: float | None


async def describe(
    store: ConfigStore, components: Sequence[Component], *, strict: bool
) -> dict[Entity, dict[str, float]]:
    """Quotas of the entities that match every component; `strict`: and have no other part.

    raises  InvalidRequest, UnsupportedVersion for a filter that makes no sense
    """
    _ensure_sensible(components)
    found = {}
    for entity, config in (await _all_entities(store)).items():
        keys = IP_KEYS if entity[0][0] == IP else CLIENT_KEYS
        quotas = {key: float(value) for key, value in config.items() if key in keys}
        if quotas and _matches(dict(entity), components, strict=strict):
            found[entity] = quotas
    return found


def _ensure_sensible(components: Sequence[Component]) -> None:
    types = [component.entity_type for component in components]
    for entity_type in types:
        if not entity_type:
            raise InvalidRequest("Unexpected empty filter component entity type")
        if entity_type not in (USER, CLIENT_ID, IP):
            raise UnsupportedVersion(f"Custom entity type '{entity_type}' not supported")
        if types.count(entity_type) > 1:
            name = "client" if entity_type == CLIENT_ID else entity_type
            raise InvalidRequest(f"Duplicate {name} filter component entity type")
    if IP in types and len(types) > 1:
        raise InvalidRequest(
            "Invalid entity filter component combination, IP filter component should not be used with "
            "user or clientId filter component."
        )


def _matches(entity: Mapping[str, str | None], components: Iterable[Component], *, strict: bool) -> bool:
    for component in components:
        if component.entity_type not in entity:
            return False
        name = entity[component.entity_type]
        if component.match == Match.EXACT and name != component.name:
            return False
        if component.match == Match.DEFAULT and name is not None:
            return False
    return not strict or entity.keys() == {component.entity_type for component in components}


async def _all_entities(store: ConfigStore) -> dict[Entity, dict[str, str]]:
    found: dict[Entity, dict[str, str]] = {}
    for user_path in await store.entities("users"):
        user = (USER, _name(user_path))
        found[user,] = await store.read(user_path)
        for client_path in await store.entities(f"{user_path}/clients"):
            found[user, (CLIENT_ID, _name(client_path))] = await store.read(client_path)
    for folder, entity_type in ("clients", CLIENT_ID), ("ips", IP):
        for path in await store.entities(folder):
            found[(entity_type, _name(path)),] = await store.read(path)
    return found


def _name(path: str) -> str | None:
    name = path.rpartition("/")[2]
    return None if name == DEFAULT_ENTITY else desanitized(name)


async def alter(
    store: ConfigStore, entity: Sequence[tuple[str, str | None]], changes: Iterable[Change], *, validate_only: bool
) -> BrokerError | None:
    """Change an entity's quotas; None where it was done, else why not."""
    try:
        path = _path(entity)
        keys = IP_KEYS if path.startswith("ips/") else CLIENT_KEYS
        config = await store.read(path)
        for change in changes:
            if change.value is None:
                config.pop(change.key, None)
            else:
                config[change.key] = _as_stored(keys, change.key, change.value)
    except BrokerError as error:
        return error
    if not validate_only:
        await store.write(path, config)
    return None


def _path(entity: Sequence[tuple[str, str | None]]) -> str:
    if not entity:
        raise InvalidRequest("Invalid empty client quota entity")
    names: dict[str, str] = {}
    for entity_type, name in entity:
        if entity_type not in (USER, CLIENT_ID, IP):
            raise InvalidRequest(f"Unhandled client quota entity type: {entity_type}")
        if name == "":
            raise InvalidRequest(f"Empty {entity_type} not supported")
        names[entity_type] = DEFAULT_ENTITY if name is None else sanitized(name)
    match names:
        case {"ip": ip} if len(names) == 1:
            _ensure_address(desanitized(ip))
            return f"ips/{ip}"
        case {"ip": _}:
            raise InvalidRequest(
                "Invalid quota entity combination, IP entity should not be used with user/client ID entity."
            )
        case {"user": user, "client-id": client}:
            return f"users/{user}/clients/{client}"
        case {"user": user}:
            return f"users/{user}"
        case _:
            return f"clients/{names[CLIENT_ID]}"


def _ensure_address(ip: str) -> None:
    if ip != DEFAULT_ENTITY:
        try:
            socket.getaddrinfo(ip, None)
        except OSError:
            raise InvalidRequest(f"{ip} is not a valid IP or resolvable host.") from None


def _as_stored(keys: KeyTable, name: str, value: float) -> str:
    """As Java writes it: whole numbers for byte rates, `50.0` for shares."""
    if name not in keys:
        raise InvalidRequest(f"Invalid configuration key {name}")
    key = keys[name]
    if key.type is DOUBLE:
        return key.format(value) or ""
    whole = int(value + _EPSILON)
    if abs(whole - value) > _EPSILON:
        raise InvalidRequest(f"Configuration {name} must be a {key.type.name} value")
    return str(whole)
