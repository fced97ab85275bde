"""The state of a cluster, as far as declarations can express it: topics, quotas, users and ACLs."""

from collections.abc import Collection, Iterable, Mapping, Set

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.cluster import describe_brokers
from pykafka_cli.clients.admin.configs import Resource, describe_configs
from pykafka_cli.clients.admin.offsets import list_offsets
from pykafka_cli.clients.admin.topics import describe_all_topics
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import ConfigResourceType, OffsetSpec, TopicDescription, TopicPartition
from pykafka_cli.rules.apply_plan import Seen, SeenTopic
from pykafka_cli.rules.declarations.model import Acl, Declarations, QuotaEntity
from pykafka_cli.topic_names import is_internal
from pykafka_cli.transport.errors import VersionUnsupported

OWN_CONFIG = "DYNAMIC_TOPIC_CONFIG"
_AT_ONCE = 1000
"""Number of topics in one request for configs."""


class StateUnknown(Exception):
    """A part of the cluster's state cannot be read; the message says which, and why."""


async def look_for(session: Session, declared: Declarations) -> Seen:
    """The part of the state that a file is about.

    raises    StateUnknown, ConnectionFailed
    """
    topics = await describe_all_topics(session)
    existing = {topic.topic: topic for topic in topics}
    configs = await topic_configs(session, [name for name in declared.topics if name in existing])
    written = await _written(session, [existing[name] for name in declared.records if name in existing])
    return Seen(
        topics={
            name: SeenTopic(
                topic.partitions,
                configs.get(name, {}),
                topic.is_internal or is_internal(name),
                name not in declared.records or name in written,
            )
            for name, topic in existing.items()
        },
        brokers=await describe_brokers(session),
        quotas=await all_quotas(session) if declared.quotas else {},
        credentials=await all_credentials(session, declared.users) if declared.users else {},
        acls=await all_acls(session) if declared.acls else frozenset(),
    )


async def look_at_all(session: Session, topics: Collection[str] | None, kinds: Set[str]) -> Seen:
    """The state of a whole cluster without internal topics, or of only some topics (if not None).

    kinds     which parts of it: topics, users, quotas, acls
    raises    StateUnknown if a topic does not exist, or something cannot be read; ConnectionFailed
    """
    if topics is None and "topics" not in kinds:
        return await _limits_and_users(session, {}, kinds)
    described = {topic.topic: topic for topic in await describe_all_topics(session)}
    if absent := sorted(set(topics or ()) - described.keys()):
        raise StateUnknown(f"there is no topic {absent[0]}")
    wanted = {
        name: topic
        for name, topic in described.items()
        if name in (topics or ()) or (topics is None and not (topic.is_internal or is_internal(name)))
    }
    configs = await topic_configs(session, wanted)
    seen = {name: SeenTopic(topic.partitions, configs[name]) for name, topic in wanted.items()}
    return await _limits_and_users(session, seen, kinds if topics is None else frozenset())


async def _limits_and_users(session: Session, topics: Mapping[str, SeenTopic], kinds: Set[str]) -> Seen:
    return Seen(
        topics=topics,
        quotas=await all_quotas(session) if "quotas" in kinds else {},
        credentials=await all_credentials(session, ()) if "users" in kinds else {},
        acls=await _acls_if_any(session) if "acls" in kinds else frozenset(),
    )


async def topic_configs(session: Session, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """The configs that topics override, by topic.

    raises    StateUnknown
    """
    names = list(topics)
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(names), _AT_ONCE):
        resources = [Resource(ConfigResourceType.TOPIC, name) for name in names[start : start + _AT_ONCE]]
        for resource, entries in (await describe_configs(session, resources, synonyms=True)).items():
            if isinstance(entries, ApiError):
                raise StateUnknown(f"cannot read the configs of topic {resource.name}: {entries}")
            own = {entry.name: entry.value or "" for entry in entries if entry.source == OWN_CONFIG}
            found[resource.name] = dict(sorted(own.items()))
    return found


async def _written(session: Session, topics: Iterable[TopicDescription]) -> set[str]:
    """Topics to which something has been written: a partition has an end other than 0.

    raises    StateUnknown
    """
    partitions = [TopicPartition(topic.topic, each.partition) for topic in topics for each in topic.partitions]
    ends = await list_offsets(session, dict.fromkeys(partitions, OffsetSpec.LATEST))
    for partition, end in ends.items():
        if isinstance(end, ApiError):
            raise StateUnknown(f"cannot read the end of {partition}: {end}")
    return {partition.topic for partition, end in ends.items() if end != 0}


async def all_quotas(session: Session) -> Mapping[QuotaEntity, Mapping[str, float]]:
    """raises    StateUnknown"""
    from pykafka_cli.clients.admin.quotas import describe_quotas

    try:
        found = await describe_quotas(session, ())
    except ApiError as error:
        raise StateUnknown(f"cannot read the quotas: {error}") from None
    return {tuple((type_, name or "") for type_, name in entity): limits for entity, limits in found.items()}


async def all_credentials(session: Session, users: Collection[str]) -> dict[str, dict[str, int]]:
    """SCRAM iterations by user and mechanism, of these users, or of all that have a credential.

    raises    StateUnknown
    """
    from pykafka_cli.clients.admin.credentials import describe_credentials

    try:
        found = await describe_credentials(session, users)
    except ApiError as error:
        raise StateUnknown(f"cannot read the credentials: {error}") from None
    known = {}
    for user, iterations in found.items():
        if isinstance(iterations, ApiError):
            raise StateUnknown(f"cannot read the credentials of {user}: {iterations}")
        known[user] = iterations
    return known


async def all_acls(session: Session) -> frozenset[Acl]:
    """raises    StateUnknown"""
    from pykafka_cli.procedures import declared_acls

    try:
        return await declared_acls.all_acls(session)
    except (ApiError, VersionUnsupported) as error:
        raise StateUnknown(f"cannot read the ACLs: {error}") from None


async def _acls_if_any(session: Session) -> frozenset[Acl]:
    """The ACLs; none if the cluster has no authorizer.

    raises    StateUnknown
    """
    from pykafka_cli.procedures import declared_acls

    try:
        return await declared_acls.all_acls(session)
    except (ApiError, VersionUnsupported) as error:
        if isinstance(error, VersionUnsupported) or error.code == ErrorCode.security_disabled:
            return frozenset()
        raise StateUnknown(f"cannot read the ACLs: {error}") from None
