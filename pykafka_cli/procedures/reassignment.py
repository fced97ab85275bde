"""The actions of kafka-reassign-partitions, step by step."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.cluster import describe_brokers
from pykafka_cli.clients.admin.configs import Change, Resource, alter_configs
from pykafka_cli.clients.admin.reassignments import (
    alter_log_dirs,
    alter_reassignments,
    find_replicas,
    list_reassignments,
)
from pykafka_cli.clients.admin.topics import assignments
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import (
    AlterConfigOp,
    BrokerId,
    ConfigResourceType,
    ReplicaPlace,
    Seconds,
    TopicPartition,
    partitions_by_topic,
)
from pykafka_cli.output.reassign_partitions import View, names, plural
from pykafka_cli.rules.plan_files import PlannedReplicas
from pykafka_cli.rules.reassignment import (
    BROKER_THROTTLES,
    FOLLOWER_RATE,
    LEADER_RATE,
    LOG_DIR_RATE,
    TOPIC_THROTTLES,
    BadReassignment,
    PartitionState,
    Replica,
    brokers_of,
    is_moving,
    log_dir_targets,
    moves,
    propose,
    topic_throttles,
)
from pykafka_cli.transport.errors import BrokerUnreachable

NO_THROTTLE = -1
OTHER_REASSIGNMENTS = (
    "Cannot execute because there is an existing partition assignment.  Use --additional to override this and create "
    "a new partition assignment in addition to the existing one. The --additional flag can also be used to change the "
    "throttle by resubmitting the current reassignment."
)


class Terse(Exception):
    """A failure that the script reports without `Error: ` in front."""


class Rates(NamedTuple):
    """Bytes per second, or NO_THROTTLE."""

    between_brokers: int
    between_log_dirs: int


async def generate_plan(
    session: Session, topics: Sequence[str], brokers: Sequence[BrokerId], view: View, *, rack_aware: bool
) -> None:
    """Show the current assignment of topics, and a proposed one on these brokers."""
    async with session:
        current = await assignments(session, topics)
        alive = [broker for broker in await describe_brokers(session) if broker.id in brokers]
        log_dirs = await _shown_log_dirs(session, current)
    proposed = propose(current, alive, rack_aware=rack_aware)
    view.show_proposal(current, log_dirs, proposed)


async def show_reassignments(session: Session, view: View) -> None:
    async with session:
        view.show_ongoing(await list_reassignments(session, None))


async def execute_plan(
    session: Session,
    plan: Sequence[PlannedReplicas],
    rates: Rates,
    view: View,
    *,
    additional: bool,
    timeout: Seconds,
    same_factor: bool = False,
) -> None:
    """Start the moves of a plan.

    timeout        seconds until moves between log directories must have started
    same_factor    reject changes of the number of replicas
    raises         Terse, BadReassignment, ApiError
    """
    proposed = {planned.partition: planned.replicas for planned in plan}
    async with session:
        ongoing = await list_reassignments(session, None)
        if ongoing and not additional:
            raise Terse(OTHER_REASSIGNMENTS)
        alive = {broker.id for broker in await describe_brokers(session)}
        for broker in sorted({broker for replicas in proposed.values() for broker in replicas} - alive):
            raise BadReassignment(f"Unknown broker id {broker}")
        current = await _current(session, proposed)
        if not view.form.is_document:
            view.report_current(current, await _shown_log_dirs(session, current))
        log_dirs = log_dir_targets(plan)
        if max(rates) >= 0:
            view.report_throttled()
        if rates.between_brokers >= 0:
            moving = moves(ongoing, proposed, current)
            await _throttle_topics(session, topic_throttles(moving))
            await _throttle_brokers(session, brokers_of(moving), (LEADER_RATE, FOLLOWER_RATE), rates.between_brokers)
            view.report_broker_throttle(rates.between_brokers)
        if rates.between_log_dirs >= 0:
            brokers = {replica.broker for replica in log_dirs}
            await _throttle_brokers(session, sorted(brokers), (LOG_DIR_RATE,), rates.between_log_dirs)
            view.report_log_dir_throttle(rates.between_log_dirs)
        if failed := await alter_reassignments(session, proposed, same_factor=same_factor):
            raise Terse(f"Error reassigning partition(s):\n{_failures(failed)}")
        view.report_started(list(proposed))
        if log_dirs:
            await _move_log_dirs(session, log_dirs, timeout, view)
    view.show_started(current, proposed)


async def verify_plan(
    session: Session, plan: Sequence[PlannedReplicas], view: View, *, preserve_throttles: bool
) -> None:
    """Show the progress of each part of the plan; once no move is in progress, remove the throttles."""
    async with session:
        ongoing = await list_reassignments(session, None)
        known = await _known(session, [planned.partition for planned in plan])
        states = {
            planned.partition: PartitionState(
                ongoing[planned.partition].replicas
                if planned.partition in ongoing
                else known.get(planned.partition, ()),
                planned.replicas,
                is_done=planned.partition not in ongoing,
            )
            for planned in plan
        }
        targets = log_dir_targets(plan)
        places = await _places(session, targets)
        view.show_verification(states, targets, places)
        if not ongoing and not any(map(is_moving, places.values())) and not preserve_throttles:
            await _clear_throttles(session, plan, view)


async def cancel_plan(
    session: Session, plan: Sequence[PlannedReplicas], view: View, *, preserve_throttles: bool, timeout: Seconds
) -> None:
    """Cancel the moves of a plan, and remove the throttles.

    raises    Terse, ApiError
    """
    planned_partitions = partitions_by_topic(planned.partition for planned in plan)
    async with session:
        active = sorted(await list_reassignments(session, planned_partitions))
        if active and (failed := await alter_reassignments(session, dict.fromkeys(active))):
            raise Terse(f"Error cancelling partition reassignment{plural(failed)} for:\n{_failures(failed)}")
        view.report_cancelled(active)
        places = await _places(session, log_dir_targets(plan))
        back = {replica: place.current or "" for replica, place in places.items() if is_moving(place)}
        if back:
            await _move_log_dirs(session, back, timeout, view)
        else:
            view.report_no_moves()
        if not preserve_throttles:
            await _clear_throttles(session, plan, view)
    view.show_cancelled(active)


# ---- steps


async def _current(
    session: Session, wanted: Mapping[TopicPartition, object]
) -> dict[TopicPartition, tuple[BrokerId, ...]]:
    """The assignment of these partitions.

    raises    ApiError if one of them does not exist
    """
    found = await assignments(session, (partition.topic for partition in wanted))
    if absent := [partition for partition in wanted if partition not in found]:
        names = ", ".join(map(str, absent))
        raise ApiError(ErrorCode.unknown_topic_or_partition, f"Unable to find partition: {names}")
    return {partition: found[partition] for partition in wanted}


async def _known(session: Session, wanted: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[BrokerId, ...]]:
    """The assignment of these partitions, without those that do not exist."""
    found: dict[TopicPartition, tuple[BrokerId, ...]] = {}
    for topic in dict.fromkeys(partition.topic for partition in wanted):
        try:
            found |= await assignments(session, [topic])
        except ApiError as error:
            if error.code != ErrorCode.unknown_topic_or_partition:
                raise
    return found


async def _shown_log_dirs(
    session: Session, assigned: Mapping[TopicPartition, Iterable[BrokerId]]
) -> dict[tuple[BrokerId, TopicPartition], str]:
    """The log directories of replicas, for Kafka 4, whose script shows them; that of 3.9 does not."""
    if not await session.is_kafka_4():
        return {}
    replicas = [Replica(broker, partition) for partition, brokers in assigned.items() for broker in brokers]
    places = await _places(session, replicas)
    return {(broker, partition): place.current for (broker, partition), place in places.items() if place.current}


async def _places(session: Session, replicas: Iterable[Replica]) -> dict[Replica, ReplicaPlace]:
    """The log directories of replicas, without those whose broker does not respond."""
    by_broker: dict[BrokerId, list[TopicPartition]] = {}
    for broker, partition in replicas:
        by_broker.setdefault(broker, []).append(partition)
    places: dict[Replica, ReplicaPlace] = {}
    for broker, partitions in by_broker.items():
        try:
            found = await find_replicas(session, broker, partitions)
        except BrokerUnreachable:
            continue
        places |= {Replica(broker, partition): place for partition, place in found.items()}
    return places


async def _move_log_dirs(session: Session, targets: Mapping[Replica, str], timeout: Seconds, view: View) -> None:
    """Retry until every broker has started, which requires that it has the replica.

    raises    Terse after the timeout, ApiError
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout
    pending = dict(targets)
    while True:
        for replica in sorted(await _begin_moves(session, pending)):
            view.report_log_dir_move(replica, pending.pop(replica))
        if not pending:
            return
        if clock() >= deadline:
            raise Terse(f"Timed out before log directory move{plural(pending)} could be started for: {names(pending)}")
        await asyncio.sleep(session.settings.retry_pause)


async def _begin_moves(session: Session, targets: Mapping[Replica, str]) -> list[Replica]:
    begun = []
    for broker in dict.fromkeys(replica.broker for replica in targets):
        theirs = {replica.partition: path for replica, path in targets.items() if replica.broker == broker}
        for partition, error in (await alter_log_dirs(session, broker, theirs)).items():
            if error is None:
                begun.append(Replica(broker, partition))
            elif error.code != ErrorCode.replica_not_available:
                raise BadReassignment(f"Failed to alter dir for {Replica(broker, partition)}: {error}")
    return begun


async def _throttle_topics(session: Session, settings: Mapping[str, Mapping[str, str]]) -> None:
    await alter_configs(
        session,
        {
            Resource(ConfigResourceType.TOPIC, topic): [
                Change(name, AlterConfigOp.SET, value) for name, value in values.items()
            ]
            for topic, values in settings.items()
        },
    )


async def _throttle_brokers(session: Session, brokers: Iterable[BrokerId], names: Iterable[str], rate: int) -> None:
    changes = [Change(name, AlterConfigOp.SET, str(rate)) for name in names]
    await alter_configs(session, {Resource(ConfigResourceType.BROKER, str(broker)): changes for broker in brokers})


async def _clear_throttles(session: Session, plan: Sequence[PlannedReplicas], view: View) -> None:
    """Remove the throttles of all brokers, as it is not recorded which ones took part."""
    brokers = {broker.id for broker in await describe_brokers(session)}
    brokers |= {broker for planned in plan for broker in planned.replicas}
    topics = dict.fromkeys(planned.partition.topic for planned in plan)
    view.report_clearing_brokers(sorted(brokers))
    deletions = [Change(name, AlterConfigOp.DELETE) for name in BROKER_THROTTLES]
    await alter_configs(
        session, {Resource(ConfigResourceType.BROKER, str(broker)): deletions for broker in sorted(brokers)}
    )
    view.report_clearing_topics(list(topics))
    deletions = [Change(name, AlterConfigOp.DELETE) for name in TOPIC_THROTTLES]
    await alter_configs(session, {Resource(ConfigResourceType.TOPIC, topic): deletions for topic in topics})


def _failures(failed: Mapping[TopicPartition, ApiError]) -> str:
    return "\n".join(f"{partition}: {error}" for partition, error in sorted(failed.items()))
