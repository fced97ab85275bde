"""Carries out a plan of rules/apply_plan.py, once the brokers have validated it.

An error names its declaration. Nothing is undone: the next run makes the remaining changes.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.configs import Change, Resource, try_to_alter_configs
from pykafka_cli.clients.admin.quotas import QuotaComponent, alter_quotas
from pykafka_cli.clients.admin.reassignments import alter_reassignments, list_reassignments
from pykafka_cli.clients.admin.topics import (
    DEFAULT_PARTITIONS,
    DEFAULT_REPLICATION_FACTOR,
    TOPIC_ALREADY_EXISTS,
    NewTopic,
    create_partitions,
    try_to_create_topics,
    try_to_delete_topics,
)
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import AlterConfigOp, ConfigResourceType, TopicPartition
from pykafka_cli.rules.apply_plan import NewPassword, Plan
from pykafka_cli.rules.declarations.documents import BadDeclarations, Place, Problem
from pykafka_cli.rules.declarations.model import Declarations, SeedRecord

_AT_ONCE = 200
"""Number of topics in one request that creates or changes them."""

_HAS_AS_MANY = ErrorCode.invalid_partitions

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
"""Seconds between two queries of a reassignment."""

Report = Callable[[list[str]], None]
SendRecords = Callable[[str, Sequence[SeedRecord]], Awaitable[None]]


async def check(session: Session, plan: Plan, declared: Declarations) -> None:
    """Have the brokers validate topics and configs, and read the passwords, before anything is changed.

    raises    BadDeclarations, Overtaken
    """
    problems = [
        *await _create_topics(session, plan, declared, validate_only=True),
        *await _alter_configs(session, plan, declared, validate_only=True),
    ]
    for new in _passwords(plan):
        try:
            read_password(new)
        except BadPassword as error:
            problems.append(Problem(new.place, str(error)))
    _raise(problems)


async def carry_out(
    session: Session, plan: Plan, declared: Declarations, report: Report, send_records: SendRecords
) -> None:
    """Make the changes.

    report          called with what is being waited for
    send_records    sends the records of new topics
    raises          BadDeclarations for what was rejected, Overtaken, ConnectionFailed
    """
    _raise(await _create_topics(session, plan, declared))
    _raise(await _alter_configs(session, plan, declared))
    for user in dict.fromkeys((*plan.passwords, *plan.deleted_credentials)):
        await _alter_user(session, user, plan, declared)
    for entity, limits in plan.quotas.items():
        components = tuple(QuotaComponent(*each) for each in entity)
        await _naming(declared.quotas[entity].place, alter_quotas(session, components, limits))
    await _alter_acls(session, plan, declared)
    await _change_replicas(session, plan, declared, report)
    for name, count in plan.partition_counts.items():
        # After the reassignment: new partitions get as many replicas as the first one has.
        place = declared.topics[name].place_of("partitions")
        try:
            await create_partitions(session, {name: count})
        except ApiError as error:
            problem = Problem(place, str(error))
            raise Overtaken([problem]) if error.code is _HAS_AS_MANY else BadDeclarations([problem]) from None
    for topic, records in plan.records.items():
        try:
            await send_records(topic, records)
        except RecordsFailed as error:
            _raise([Problem(error.place or records[0].place, str(error))])
    await _delete_topics(session, plan)


class Overtaken(Exception):
    """Another run has created topics, or added partitions, since the plan was made.

    problems    what the brokers said about it
    topics      those that the other run has created
    """

    def __init__(self, problems: Sequence[Problem], topics: Iterable[str] = ()) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        self.topics = frozenset(topics)


class RecordsFailed(Exception):
    """Records of a topic that were not sent.

    place    of the first one; None if none was sent
    """

    def __init__(self, text: str, place: Place | None = None) -> None:
        super().__init__(text)
        self.place = place


class BadPassword(Exception):
    """A password that cannot be read."""


class DeletionFailed(Exception):
    """Topics that could not be deleted."""


def read_password(new: NewPassword) -> str:
    """The password, which must never be shown.

    raises    BadPassword
    """
    kind, value = new.password
    if kind == "env":
        if not (found := os.environ.get(value)):
            raise BadPassword(f"the variable {value} for the password is {'empty' if found == '' else 'not set'}")
        return found
    if kind == "file":
        try:
            text = Path(value).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadPassword(f"cannot read the password file {value}: {getattr(error, 'strerror', error)}") from None
        if not text:
            raise BadPassword(f"the password file {value} is empty")
        return text
    return value


def _passwords(plan: Plan) -> Iterable[NewPassword]:
    return (new for by_mechanism in plan.passwords.values() for new in by_mechanism.values())


def _raise(problems: Sequence[Problem]) -> None:
    if problems:
        raise BadDeclarations(problems)


async def _naming(place: Place, doing: Awaitable[object]) -> None:
    """raises    BadDeclarations, with the place of the rejected declaration"""
    try:
        await doing
    except ApiError as error:
        raise BadDeclarations([Problem(place, str(error))]) from None


# ---- topics


async def _create_topics(
    session: Session, plan: Plan, declared: Declarations, *, validate_only: bool = False
) -> list[Problem]:
    topics = [
        NewTopic(
            name,
            new.configs,
            DEFAULT_PARTITIONS if new.partitions is None else new.partitions,
            DEFAULT_REPLICATION_FACTOR if new.replication_factor is None else new.replication_factor,
        )
        for name, new in plan.topics.items()
    ]
    failed: dict[str, ApiError] = {}
    for start in range(0, len(topics), _AT_ONCE):
        failed |= await try_to_create_topics(session, topics[start : start + _AT_ONCE], validate_only=validate_only)
    problems = [Problem(declared.topics[name].place, f"{name}: {error}") for name, error in failed.items()]
    if failed and all(error.code is TOPIC_ALREADY_EXISTS for error in failed.values()):
        raise Overtaken(problems, failed)
    return problems


async def _alter_configs(
    session: Session, plan: Plan, declared: Declarations, *, validate_only: bool = False
) -> list[Problem]:
    changes = {
        Resource(ConfigResourceType.TOPIC, name): _config_changes(values) for name, values in plan.configs.items()
    }
    resources = list(changes)
    problems: list[Problem] = []
    for start in range(0, len(resources), _AT_ONCE):
        some = {resource: changes[resource] for resource in resources[start : start + _AT_ONCE]}
        failed = await try_to_alter_configs(session, some, validate_only=validate_only)
        problems += [
            Problem(declared.topics[resource.name].place, f"{resource.name}: {error}")
            for resource, error in failed.items()
        ]
    return problems


def _config_changes(values: Mapping[str, str | None]) -> list[Change]:
    return [
        Change(name, AlterConfigOp.DELETE) if value is None else Change(name, AlterConfigOp.SET, value)
        for name, value in values.items()
    ]


async def _change_replicas(session: Session, plan: Plan, declared: Declarations, report: Report) -> None:
    """Start moving replicas, and wait until all are in place."""
    if not plan.replicas:
        return
    failed = await alter_reassignments(session, plan.replicas)
    _raise(
        [
            Problem(declared.topics[each.topic].place_of("replication-factor"), f"{each}: {error}")
            for each, error in failed.items()
        ]
    )
    wanted: dict[str, list[int]] = {}
    for topic, partition in plan.replicas:
        wanted.setdefault(topic, []).append(partition)
    pause = FIRST_PAUSE_S
    while ongoing := await list_reassignments(session, wanted):
        report([_progress(ongoing, plan.replicas)])
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_S)


def _progress(ongoing: Iterable[TopicPartition], all_: Mapping[TopicPartition, object]) -> str:
    left = list(ongoing)
    return f"replicas of {len(left)} of {len(all_)} partitions, such as {min(left)}"


async def _delete_topics(session: Session, plan: Plan) -> None:
    """raises    DeletionFailed"""
    failed: list[str] = []
    for start in range(0, len(plan.deleted_topics), _AT_ONCE):
        results = await try_to_delete_topics(session, plan.deleted_topics[start : start + _AT_ONCE])
        failed += [
            f"cannot delete topic {topic}: {error}"
            for topic, error in results.items()
            if error and error.code is not ErrorCode.unknown_topic_or_partition  # another run has deleted it
        ]
    if failed:
        raise DeletionFailed("\n".join(failed))


# ---- users and ACLs


async def _alter_user(session: Session, user: str, plan: Plan, declared: Declarations) -> None:
    from pykafka_cli.clients.admin.credentials import NewCredential, alter_credentials

    place = declared.users[user].place
    for mechanism, each in plan.passwords.get(user, {}).items():
        # One request each: the controllers of Kafka 4 reject a user who occurs twice.
        new = NewCredential(each.iterations, read_password(each))
        await _naming(each.place, alter_credentials(session, user, {mechanism: new}, ()))
    for mechanism in plan.deleted_credentials.get(user, []):
        await _naming(place, alter_credentials(session, user, {}, [mechanism]))


async def _alter_acls(session: Session, plan: Plan, declared: Declarations) -> None:
    if not plan.acls and not plan.deleted_acls:
        return
    from pykafka_cli.procedures.declared_acls import create_acl, delete_acls

    for acl in plan.acls:
        await _naming(declared.acls[acl], create_acl(session, acl))
    if plan.deleted_acls:
        place = min(place for acl, place in declared.acls.items() if acl.principal == plan.deleted_acls[0].principal)
        await _naming(place, delete_acls(session, plan.deleted_acls))
