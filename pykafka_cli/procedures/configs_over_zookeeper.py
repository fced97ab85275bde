"""`pk configs --zookeeper`: kafka-configs.sh as it was up to Kafka 2.2, through znodes."""

from collections.abc import Sequence

from pykafka_cli.clients.admin.credentials import NewCredential, new_stored_credential
from pykafka_cli.clients.admin.zookeeper import ZooKeeperAdmin, ZooKeeperError, ZooKeeperUnreachable
from pykafka_cli.model import BrokerId
from pykafka_cli.output.configs import show_zookeeper_change, show_zookeeper_settings
from pykafka_cli.procedures.configs import ConfigRequest
from pykafka_cli.procedures.zookeeper_security import security_of
from pykafka_cli.rules.config_arguments import (
    BROKERS,
    CLIENTS,
    DEFAULT_ENTITY,
    IP_QUOTAS,
    IPS,
    QUOTAS,
    SCRAM_MECHANISMS,
    TOPICS,
    USERS,
    BadConfigArgument,
    Entity,
    ensure_present,
    parse_credential,
)
from pykafka_cli.rules.topic_arguments import BadArgument, parse_topic_configs
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.zookeeper.kafka_znodes import DEFAULT_ENTITY as DEFAULT_NAME
from pykafka_cli.zookeeper.kafka_znodes import desanitized, sanitized

KINDS = (TOPICS, CLIENTS, USERS, BROKERS, IPS)
SHOWN_KINDS = {USERS: "user-principal", CLIENTS: "client-id", TOPICS: "topic"}
REPLICATION_RATES = (
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
)
"""Configs of running brokers that may be set in ZooKeeper; others go through the brokers."""


async def through_zookeeper(
    request: ConfigRequest, connect: str, *, is_alter: bool, tls_file: str | None = None
) -> None:
    """Show or change settings.

    tls_file    of --zk-tls-config-file
    raises      BadConfigArgument; ScriptError if no ZooKeeper responds
    """
    entities, security = _in_order(request.entities), security_of(tls_file)
    try:
        async with ZooKeeperAdmin(connect, security) as zookeeper:
            if is_alter:
                await _alter(request, entities, zookeeper)
            else:
                await _describe(request, entities, zookeeper)
    except ZooKeeperUnreachable as error:
        raise ScriptError(str(error), hint="`pk up` starts one on this machine, with a broker.") from None
    except ZooKeeperError as error:
        raise ScriptError(f"ZooKeeper refused: {error}") from None


async def _alter(request: ConfigRequest, entities: Sequence[Entity], zookeeper: ZooKeeperAdmin) -> None:
    kind, path = entities[0].type, _path(entities)
    added = dict(request.added)
    if kind == TOPICS:
        if entities[0].name not in await zookeeper.topics():
            raise BadConfigArgument(f'Topic "{entities[0].name}" does not exist.')
        try:
            added = parse_topic_configs(f"{name}={value}" for name, value in added.items())
        except BadArgument as error:
            raise BadConfigArgument(str(error)) from None
    elif kind == BROKERS:
        await _ensure_stopped(entities[0], [name for name in added if name not in REPLICATION_RATES], zookeeper)
    else:
        known = {USERS: (*QUOTAS, *SCRAM_MECHANISMS), CLIENTS: QUOTAS, IPS: IP_QUOTAS}[
            kind if len(entities) == 1 else CLIENTS
        ]
        if unknown := [name for name in added if name not in known]:
            raise BadConfigArgument(f"requirement failed: Unknown Dynamic Configuration: Set({', '.join(unknown)}).")
        for mechanism in SCRAM_MECHANISMS:
            if mechanism in added:
                credential = NewCredential(*parse_credential(mechanism, added[mechanism]))
                added[mechanism] = new_stored_credential(mechanism, credential)
    current = await zookeeper.configs(path)
    ensure_present(request.deleted, current)
    changed = {name: value for name, value in {**current, **added}.items() if name not in request.deleted}
    await zookeeper.change_configs(path, changed)
    show_zookeeper_change(request.output, _named(entities), path, changed)


async def _describe(request: ConfigRequest, entities: Sequence[Entity], zookeeper: ZooKeeperAdmin) -> None:
    all_users = len(entities) == 1 and entities[0] == Entity(USERS, None)
    found = [(each, await zookeeper.configs(_path(each))) for each in await _expanded(entities, zookeeper)]
    # A user may have a znode only because clients of that user have configs.
    found = [(each, configs) for each, configs in found if configs or not all_users]
    show_zookeeper_settings(request.output, [(_named(each), _path(each), configs) for each, configs in found])


async def _expanded(entities: Sequence[Entity], zookeeper: ZooKeeperAdmin) -> list[Sequence[Entity]]:
    """The entities themselves, or all entities in place of an omitted name."""
    paths: list[list[Entity]] = [[]]
    for kind, name in entities:
        longer: list[list[Entity]] = []
        for path in paths:
            names = [name] if name is not None else await _configured([*path, Entity(kind, None)], zookeeper)
            longer.extend([*path, Entity(kind, each)] for each in names)
        paths = longer
    return list(paths)


async def _configured(entities: Sequence[Entity], zookeeper: ZooKeeperAdmin) -> list[str]:
    names = await zookeeper.configured(_path(entities))
    return [DEFAULT_ENTITY if name == DEFAULT_NAME else desanitized(name) for name in names]


async def _ensure_stopped(broker: Entity, names: Sequence[str], zookeeper: ZooKeeperAdmin) -> None:
    """Reject direct changes of brokers' configs while the brokers run, as they would not check them."""
    if not names:
        return
    wanted = f"--bootstrap-server option must be specified to update broker configs Set({', '.join(names)})."
    if broker.name and await zookeeper.is_broker_alive(BrokerId(int(broker.name))):
        raise BadConfigArgument(f"requirement failed: {wanted} when broker {broker.name} is running.")
    if not broker.name and await zookeeper.brokers():
        raise BadConfigArgument(f"requirement failed: {wanted} for default cluster if any broker is running.")


def _in_order(entities: Sequence[Entity]) -> list[Entity]:
    """Users before their clients, whichever was given first.

    raises    BadConfigArgument for types without configs in ZooKeeper
    """
    for entity in entities:
        if entity.type not in KINDS:
            raise BadConfigArgument(
                f"Invalid entity type {entity.type}, the entity type must be one of {', '.join(KINDS)} "
                "with a --zookeeper argument"
            )
    return sorted(entities, key=lambda entity: entity.type != USERS)


def _path(entities: Sequence[Entity]) -> str:
    """The path below /config; an omitted name is omitted at the end."""
    parts: list[str] = []
    for kind, name in entities:
        parts.append(kind)
        if name is not None:
            parts.append(DEFAULT_NAME if name == DEFAULT_ENTITY else sanitized(name))
    return "/".join(parts)


def _named(entities: Sequence[Entity]) -> str:
    words = []
    for kind, name in entities:
        shown = SHOWN_KINDS.get(kind, kind)
        words.append(kind if name is None else f"default {shown}" if name == DEFAULT_ENTITY else f"{shown} '{name}'")
    return ", ".join(words)
