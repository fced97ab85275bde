"""The actions of kafka-configs by Kafka's protocol."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.cluster import describe_brokers
from pykafka_cli.clients.admin.configs import Change, Resource, list_client_metrics, list_groups_with_configs
from pykafka_cli.clients.admin.configs import alter_configs as alter_resources
from pykafka_cli.clients.admin.configs import describe_configs as describe_resources
from pykafka_cli.clients.admin.credentials import NewCredential, alter_credentials, describe_credentials
from pykafka_cli.clients.admin.quotas import (
    CLIENT_ID,
    IP,
    USER,
    QuotaComponent,
    QuotaEntity,
    alter_quotas,
    describe_quotas,
)
from pykafka_cli.clients.admin.topics import list_topics
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import AlterConfigOp, ConfigEntry, ConfigResourceType
from pykafka_cli.output.configs import show_altered, show_limits, show_missing, show_settings
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.config_arguments import (
    BROKER_LOGGERS,
    BROKERS,
    CLIENT_METRICS,
    CLIENTS,
    DEFAULT_ENTITY,
    GROUPS,
    IPS,
    SCRAM_MECHANISMS,
    TOPICS,
    USERS,
    BadConfigArgument,
    Entity,
    ensure_ip_configs,
    ensure_no_secret_is_lost,
    ensure_present,
    ensure_user_or_client_configs,
    parse_credential,
    parse_quota,
)
from pykafka_cli.topic_names import why_invalid
from pykafka_cli.transport.errors import ConnectionFailed

RESOURCE_TYPES = {
    TOPICS: ConfigResourceType.TOPIC,
    BROKERS: ConfigResourceType.BROKER,
    BROKER_LOGGERS: ConfigResourceType.BROKER_LOGGER,
    CLIENT_METRICS: ConfigResourceType.CLIENT_METRICS,
    GROUPS: ConfigResourceType.GROUP,
}
NOUNS = {CLIENT_METRICS: "client-metric", GROUPS: "group"}
QUOTA_TYPES = {USERS: USER, CLIENTS: CLIENT_ID, IPS: IP}


class ConfigRequest(NamedTuple):
    """The entities of the command line: one, or a user and a client."""

    entities: list[Entity]
    added: Mapping[str, str]
    deleted: Sequence[str]
    shows_all: bool
    output: OutputFormat


class Limits(NamedTuple):
    """Quotas by entity, and SCRAM iterations by user."""

    quotas: dict[QuotaEntity, dict[str, float]]
    credentials: dict[str, dict[str, int] | ApiError]


async def describe_configs(request: ConfigRequest, session: Session) -> None:
    """Show settings.

    raises    ApiError, after the header of the entity that cannot be described
    """
    if request.entities[0].type in QUOTA_TYPES:
        async with session:
            limits = await _limits(request, session)
            show_limits(request.output, limits.quotas, limits.credentials)
        return
    problem: ApiError | ConnectionFailed | None = None
    found: list[tuple[Resource, list[ConfigEntry]]] = []
    async with session:
        if await _is_missing(entity := request.entities[0], session):
            show_missing(request.output, NOUNS[entity.type], entity.name or "")
            return
        for resource in await _resources(request.entities[0], session):
            try:
                found.append((resource, await _entries(session, resource, shows_all=request.shows_all)))
            except (ApiError, ConnectionFailed) as error:
                if request.output is OutputFormat.KAFKA:
                    found.append((resource, []))  # the script prints its header first
                problem = error
                break
    show_settings(request.output, request.entities[0].type, found, shows_all=request.shows_all)
    if problem:
        raise problem


async def alter_configs(request: ConfigRequest, session: Session) -> None:
    """Change settings of one entity.

    raises    BadConfigArgument, ApiError
    """
    entity = request.entities[0]
    async with session:
        if entity.type in QUOTA_TYPES:
            await _alter_limits(request, session)
        else:
            await _alter_resource(request, session)
    show_altered(request.output, request.entities, request.added, request.deleted)


# ---- settings of topics, brokers, loggers and metrics


async def _resources(entity: Entity, session: Session) -> list[Resource]:
    """The entity itself, or all of its type."""
    kind = RESOURCE_TYPES[entity.type]
    if entity.name is not None:
        return [Resource(kind, entity.name)]
    if kind is ConfigResourceType.TOPIC:
        return [Resource(kind, listing.topic) for listing in await list_topics(session)]
    if entity.type in NOUNS:
        return [Resource(kind, name) for name in await _names(entity.type, session)]
    brokers = [Resource(kind, str(broker.id)) for broker in await describe_brokers(session)]
    return [*brokers, Resource(kind, DEFAULT_ENTITY)]


async def _names(type_: str, session: Session) -> list[str]:
    """Everything of a type that exists or has settings."""
    if type_ == CLIENT_METRICS:
        return await list_client_metrics(session)
    from pykafka_cli.clients.admin.groups import list_all_groups

    groups = [group.group for group in await list_all_groups(session)]
    return sorted({*groups, *await list_groups_with_configs(session)})


async def _is_missing(entity: Entity, session: Session) -> bool:
    """Whether the entity is missing, if Kafka 4's script reports that."""
    if entity.type not in NOUNS or not entity.name or not await session.is_kafka_4():
        return False
    return entity.name not in await _names(entity.type, session)


async def _entries(session: Session, resource: Resource, *, shows_all: bool) -> list[ConfigEntry]:
    """Configs sorted by name: those set dynamically on this resource, or all.

    raises    ApiError
    """
    if resource.type is ConfigResourceType.TOPIC and (why := why_invalid(resource.name)):
        raise ApiError(ErrorCode.invalid_topic_exception, f"Topic name is invalid: {why}")
    entries = (await describe_resources(session, [resource], synonyms=True))[resource]
    if isinstance(entries, ApiError):
        raise entries
    source = {
        ConfigResourceType.TOPIC: "DYNAMIC_TOPIC_CONFIG",
        ConfigResourceType.BROKER: "DYNAMIC_BROKER_CONFIG" if resource.name else "DYNAMIC_DEFAULT_BROKER_CONFIG",
        ConfigResourceType.CLIENT_METRICS: "DYNAMIC_CLIENT_METRICS_CONFIG",
        ConfigResourceType.GROUP: "DYNAMIC_GROUP_CONFIG",
    }.get(resource.type)
    return sorted(entry for entry in entries if shows_all or source is None or entry.source == source)


async def _alter_resource(request: ConfigRequest, session: Session) -> None:
    entity = request.entities[0]
    resource = Resource(RESOURCE_TYPES[entity.type], entity.name or DEFAULT_ENTITY)
    present = {entry.name: entry.value for entry in await _entries(session, resource, shows_all=False)}
    if entity.type == BROKER_LOGGERS:
        if unknown := [name for name in (*request.deleted, *request.added) if name not in present]:
            raise BadConfigArgument(f"Invalid broker logger(s): {','.join(unknown)}")
    else:
        ensure_present(request.deleted, present)
    if entity.type == BROKERS:
        ensure_no_secret_is_lost(present, request.added, request.deleted)
    changes = [
        *(Change(name, AlterConfigOp.SET, value) for name, value in request.added.items()),
        *(Change(name, AlterConfigOp.DELETE) for name in request.deleted),
    ]
    await alter_resources(session, {resource: changes})


# ---- limits and credentials


def _components(entities: Sequence[Entity]) -> QuotaEntity:
    return tuple(QuotaComponent(QUOTA_TYPES[entity.type], entity.name) for entity in entities)


async def _limits(request: ConfigRequest, session: Session) -> Limits:
    """The requested configs; credentials only of users, and not of their default."""
    quotas = await describe_quotas(session, _components(request.entities))
    credentials: dict[str, dict[str, int] | ApiError] = {}
    types, names = zip(*request.entities, strict=True)
    if set(types) == {USERS} and DEFAULT_ENTITY not in names:
        credentials = await describe_credentials(session, [name for name in names if name])
    return Limits(quotas, credentials)


async def _alter_limits(request: ConfigRequest, session: Session) -> None:
    entities, added, deleted = request.entities, request.added, request.deleted
    if entities[0].type == IPS:
        ensure_ip_configs((*added, *deleted))
    else:
        ensure_user_or_client_configs(entities, added, deleted)
    if any(name in SCRAM_MECHANISMS for name in (*added, *deleted)):
        credentials = {name: NewCredential(*parse_credential(name, value)) for name, value in added.items()}
        await alter_credentials(session, entities[0].name or DEFAULT_ENTITY, credentials, deleted)
        return
    entity = _components(entities)
    present = next(iter((await describe_quotas(session, entity)).values()), {})
    ensure_present(deleted, present)
    values: dict[str, float | None] = {name: parse_quota(name, value) for name, value in added.items()}
    await alter_quotas(session, entity, {**values, **dict.fromkeys(deleted)})
