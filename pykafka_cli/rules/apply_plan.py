"""Plans the changes by which a cluster gets what a file declares. Pure: the cluster's state is an argument.

Nothing is deleted unless `prune` is set. Then topics that the file does not declare are deleted, except internal ones,
if
it declares any; so is whatever else declared topics, users, quotas and principals have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from pykafka_cli.model import Broker, BrokerId, PartitionDescription, TopicPartition
from pykafka_cli.rules.declarations.documents import BadDeclarations, Place, Problem
from pykafka_cli.rules.declarations.model import (
    DEFAULT_ITERATIONS,
    Acl,
    Declarations,
    DeclaredCredential,
    DeclaredTopic,
    Password,
    QuotaEntity,
    SeedRecord,
    entity_text,
)
from pykafka_cli.rules.replica_changes import TooFewBrokers, change_replicas, load_of, settled_replicas


class SeenTopic(NamedTuple):
    """A topic in the cluster; `configs` are its overrides."""

    partitions: tuple[PartitionDescription, ...]
    configs: Mapping[str, str]
    is_internal: bool = False
    was_written: bool = True
    """Whether a record has ever been written to it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A cluster's state, as far as it matters to a file.

    topics    all of them
    quotas, credentials, acls    of declared entities, and perhaps others; iterations by user and mechanism
    """

    topics: Mapping[str, SeenTopic] = field(default_factory=dict)
    brokers: Sequence[Broker] = ()
    quotas: Mapping[QuotaEntity, Mapping[str, float]] = field(default_factory=dict)
    credentials: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    acls: frozenset[Acl] = frozenset()


class Action(StrEnum):
    """Kinds of changes."""

    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"


class Detail(NamedTuple):
    """A changed field, with its old and new values; None if it is added or removed."""

    field: str
    before: str | None
    after: str | None

    @property
    def action(self) -> Action:
        if self.before is None:
            return Action.ADD
        return Action.DELETE if self.after is None else Action.CHANGE


class Change(NamedTuple):
    """A topic, user, quota or acl (its `kind`) that is added, changed or deleted."""

    action: Action
    kind: str
    name: str
    details: tuple[Detail, ...] = ()


class NewTopic(NamedTuple):
    """None: the broker's default."""

    partitions: int | None
    replication_factor: int | None
    configs: Mapping[str, str]


class NewPassword(NamedTuple):
    """A credential to be set."""

    iterations: int
    password: Password
    place: Place


@dataclass(slots=True)
class Plan:
    """The changes by kind, and how to show them. An empty plan changes nothing."""

    changes: list[Change] = field(default_factory=list)
    topics: dict[str, NewTopic] = field(default_factory=dict)
    partition_counts: dict[str, int] = field(default_factory=dict)
    configs: dict[str, dict[str, str | None]] = field(default_factory=dict)
    replicas: dict[TopicPartition, tuple[BrokerId, ...]] = field(default_factory=dict)
    records: dict[str, list[SeedRecord]] = field(default_factory=dict)
    deleted_topics: list[str] = field(default_factory=list)
    passwords: dict[str, dict[str, NewPassword]] = field(default_factory=dict)
    deleted_credentials: dict[str, list[str]] = field(default_factory=dict)
    quotas: dict[QuotaEntity, dict[str, float | None]] = field(default_factory=dict)
    acls: list[Acl] = field(default_factory=list)
    deleted_acls: list[Acl] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.changes

    def count(self, action: Action) -> int:
        return sum(change.action is action for change in self.changes)


def make_plan(declared: Declarations, seen: Seen, *, prune: bool = False, reset_passwords: bool = False) -> Plan:
    """Compare declarations with the cluster's state.

    reset_passwords    set declared passwords even if users have credentials, which cannot be read to compare
    raises             BadDeclarations for impossible changes
    """
    plan, problems = Plan(), list[Problem]()
    for topic in declared.topics.values():
        _plan_topic(topic, seen, plan, problems, prune=prune)
    _plan_records(declared, seen, plan, problems)
    for user in declared.users.values():
        has = seen.credentials.get(user.name, {})
        _plan_user(user.name, user.credentials, has, plan, problems, prune=prune, reset=reset_passwords)
    for quota in declared.quotas.values():
        _plan_quota(quota.entity, quota.limits, seen.quotas.get(quota.entity, {}), plan, prune=prune)
    _plan_acls(declared, seen, plan, prune=prune)
    if prune and declared.topics:
        for name, seen_topic in sorted(seen.topics.items()):
            if name not in declared.topics and name not in declared.records and not _is_kept(name, seen_topic):
                plan.deleted_topics.append(name)
                plan.changes.append(Change(Action.DELETE, "topic", name))
    if problems:
        raise BadDeclarations(problems)
    return plan


def _is_kept(name: str, topic: SeenTopic) -> bool:
    """Whether --prune keeps a topic: internal topics of Kafka, and of other systems by their names."""
    return topic.is_internal or name.startswith("__")


# ---- topics


def _plan_topic(declared: DeclaredTopic, seen: Seen, plan: Plan, problems: list[Problem], *, prune: bool) -> None:
    found = seen.topics.get(declared.name)
    if found is None:
        _plan_new_topic(declared, seen, plan, problems)
        return
    details = [
        *_partition_details(declared, found, plan, problems),
        *_replica_details(declared, found, seen, plan, problems),
        *_config_details(declared, found, plan, prune=prune),
    ]
    if details:
        plan.changes.append(Change(Action.CHANGE, "topic", declared.name, tuple(details)))


def _plan_new_topic(declared: DeclaredTopic, seen: Seen, plan: Plan, problems: list[Problem]) -> None:
    factor = declared.replication_factor
    if factor is not None and factor > len(seen.brokers):
        problems.append(_too_few(declared, str(TooFewBrokers(len(seen.brokers)))))
    configs = {key: value for key, value in declared.configs.items() if value is not None}
    plan.topics[declared.name] = NewTopic(declared.partitions, factor, configs)
    details = (
        Detail("partitions", None, _or_default(declared.partitions)),
        Detail("replication-factor", None, _or_default(factor)),
        *(Detail(key, None, value) for key, value in configs.items()),
    )
    plan.changes.append(Change(Action.ADD, "topic", declared.name, details))


def _or_default(count: int | None) -> str:
    return "default" if count is None else str(count)


def _partition_details(declared: DeclaredTopic, found: SeenTopic, plan: Plan, problems: list[Problem]) -> list[Detail]:
    has, wanted = len(found.partitions), declared.partitions
    if wanted is None or wanted == has:
        return []
    if wanted < has:
        text = f"{declared.name} has {has} partitions, and Kafka can only add to them; declare {has} or more"
        problems.append(Problem(declared.place_of("partitions"), text))
        return []
    plan.partition_counts[declared.name] = wanted
    return [Detail("partitions", str(has), str(wanted))]


def _replica_details(
    declared: DeclaredTopic, found: SeenTopic, seen: Seen, plan: Plan, problems: list[Problem]
) -> list[Detail]:
    if (wanted := declared.replication_factor) is None:
        return []
    load = load_of(partition for topic in seen.topics.values() for partition in topic.partitions)
    try:
        moved = change_replicas({each.partition: each for each in found.partitions}, wanted, seen.brokers, load)
    except TooFewBrokers as error:
        problems.append(_too_few(declared, str(error)))
        return []
    if not moved:
        return []
    plan.replicas |= {TopicPartition(declared.name, index): replicas for index, replicas in moved.items()}
    factors = sorted({len(settled_replicas(each)) for each in found.partitions})
    return [Detail("replication-factor", "/".join(map(str, factors)), str(wanted))]


def _too_few(declared: DeclaredTopic, why: str) -> Problem:
    text = f"{declared.name} cannot have {declared.replication_factor} replicas: {why}"
    return Problem(declared.place_of("replication-factor"), text)


def _config_details(declared: DeclaredTopic, found: SeenTopic, plan: Plan, *, prune: bool) -> list[Detail]:
    details = []
    for key, value in declared.configs.items():
        before = found.configs.get(key)
        if before is not None and value is not None and is_same_value(key, before, value):
            continue
        if before != value:
            details.append(Detail(key, before, value))
    if prune:
        details += [Detail(key, value, None) for key, value in found.configs.items() if key not in declared.configs]
    if details:
        plan.configs[declared.name] = {detail.field: detail.after for detail in details}
    return details


def is_same_value(key: str, one: str, other: str) -> bool:
    """Whether two texts are the same value of a topic config: 0.50 and 0.5, or `a, b` and `a,b`."""
    if one == other:
        return True
    from pykafka_cli.properties.keys import ConfigError
    from pykafka_cli.properties.topic import TOPIC_KEYS

    if (known := TOPIC_KEYS.get(key)) is None:
        return False
    try:
        return bool(known.parse(one) == known.parse(other))
    except ConfigError:
        return False


def _plan_records(declared: Declarations, seen: Seen, plan: Plan, problems: list[Problem]) -> None:
    """Records for topics to which nothing has ever been written."""
    for topic, records in declared.records.items():
        found = seen.topics.get(topic)
        if found is None and topic not in declared.topics:
            problems.append(Problem(records[0].place, f"there is no topic {topic} for the record; declare it"))
            continue
        if found is not None and found.was_written:
            continue
        count = plan.partition_counts.get(topic) or (len(found.partitions) if found else None)
        if found is None:
            count = declared.topics[topic].partitions
        problems += [
            Problem(record.place, f"{topic} has no partition {record.partition}, but 0 to {count - 1}")
            for record in records
            if record.partition is not None and count is not None and record.partition >= count
        ]
        if "compact" in _policy(topic, declared, found):
            problems += [
                Problem(record.place, f"the record needs a key, as {topic} is compacted")
                for record in records
                if record.key is None
            ]
        plan.records[topic] = records
        _add_detail(plan, topic, Detail("records", None, str(len(records))))


def _policy(topic: str, declared: Declarations, found: SeenTopic | None) -> str:
    """The cleanup.policy that a topic will have, unless it is the broker's default."""
    configs = {
        **(found.configs if found else {}),
        **(declared.topics[topic].configs if topic in declared.topics else {}),
    }
    return configs.get("cleanup.policy") or ""


def _add_detail(plan: Plan, topic: str, detail: Detail) -> None:
    """Add a detail to a topic, which may already have some."""
    for index, change in enumerate(plan.changes):
        if (change.kind, change.name) == ("topic", topic):
            plan.changes[index] = change._replace(details=(*change.details, detail))
            return
    plan.changes.append(Change(Action.CHANGE, "topic", topic, (detail,)))


# ---- users, quotas, ACLs


def _plan_user(
    name: str,
    declared: Mapping[str, DeclaredCredential],
    has: Mapping[str, int],
    plan: Plan,
    problems: list[Problem],
    *,
    prune: bool,
    reset: bool,
) -> None:
    details = []
    for mechanism, credential in declared.items():
        before = has.get(mechanism)
        iterations = credential.iterations or before or DEFAULT_ITERATIONS
        if before == iterations and not (reset and credential.password):
            continue
        if credential.password is None:
            text = f"{name} has no {mechanism} credential with {iterations} iterations, and no password is declared"
            problems.append(Problem(credential.place, text))
            continue
        new = NewPassword(iterations, credential.password, credential.place)
        plan.passwords.setdefault(name, {})[mechanism] = new
        after = f"{iterations} iterations" + (", a new password" if before else "")
        details.append(Detail(mechanism, f"{before} iterations" if before else None, after))
    if prune and declared:
        for mechanism in sorted(has.keys() - declared.keys()):
            plan.deleted_credentials.setdefault(name, []).append(mechanism)
            details.append(Detail(mechanism, f"{has[mechanism]} iterations", None))
    if details:
        plan.changes.append(Change(Action.CHANGE if has else Action.ADD, "user", name, tuple(details)))


def _plan_quota(
    entity: QuotaEntity, declared: Mapping[str, float | None], has: Mapping[str, float], plan: Plan, *, prune: bool
) -> None:
    details = [
        Detail(name, _number(has.get(name)), _number(value))
        for name, value in declared.items()
        if has.get(name) != value
    ]
    if prune:
        details += [Detail(name, _number(value), None) for name, value in has.items() if name not in declared]
    if details:
        wanted = {detail.field: declared.get(detail.field) for detail in details}
        plan.quotas[entity] = wanted
        action = Action.CHANGE if has else Action.ADD
        plan.changes.append(Change(action, "quota", entity_text(entity), tuple(details)))


def _number(value: float | None) -> str | None:
    if value is None:
        return None
    return str(int(value)) if value == int(value) else repr(value)


def _plan_acls(declared: Declarations, seen: Seen, plan: Plan, *, prune: bool) -> None:
    plan.acls = [acl for acl in declared.acls if acl not in seen.acls]
    plan.changes += [Change(Action.ADD, "acl", str(acl)) for acl in plan.acls]
    if prune:
        principals = {acl.principal for acl in declared.acls}
        plan.deleted_acls = sorted(acl for acl in seen.acls if acl.principal in principals and acl not in declared.acls)
        plan.changes += [Change(Action.DELETE, "acl", str(acl)) for acl in plan.deleted_acls]
