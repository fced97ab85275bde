"""`pk consumer-groups --reset-offsets` and `--delete-offsets`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin import groups as admin
from pykafka_cli.clients.admin.offsets import list_offsets, offsets_for_times
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.console.log_lines import warn
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import Offset, OffsetSpec, Timestamp, TopicPartition
from pykafka_cli.output.consumer_groups import (
    print_no_action,
    show_active,
    show_deleted_offsets,
    show_deletion,
    show_empty_partition,
    show_error,
    show_exported_plan,
    show_plan,
)
from pykafka_cli.procedures.consumer_groups import GroupsRequest, TopicMissing
from pykafka_cli.rules.offset_reset import (
    InvalidPlan,
    InvalidScope,
    current,
    parse_date_time,
    parse_duration,
    parse_group_plan,
    parse_scope,
    shifted,
    within_log,
    write_plan,
)
from pykafka_cli.script.errors import Ended

T = TypeVar("T")

SCENARIOS_AS_LISTED = (
    "[[to-offset], [to-current], [to-datetime], [from-file], [by-duration], [to-earliest], [to-latest], [shift-by]]"
)
Offsets = dict[TopicPartition, Offset]


@dataclass(frozen=True, kw_only=True)
class ResetRequest:
    """Which partitions get new offsets, and which offsets; exactly one scenario must be given."""

    all_topics: bool
    to_earliest: bool
    to_latest: bool
    to_current: bool
    to_offset: Offset | None
    shift_by: int | None
    to_datetime: str | None
    by_duration: str | None
    from_file: str | None
    execute: bool
    export: bool
    is_undecided: bool = False
    """Neither --execute nor --dry-run was given."""


async def reset_offsets(request: GroupsRequest, session: Session, how: ResetRequest) -> None:
    """Compute the new offsets, commit them if requested, and show them.

    raises    Ended if a group could not be reset; InvalidScope, InvalidPlan, BadDateTime, BadDuration, ApiError,
              ConnectionFailed
    """
    plan: dict[str, Offsets] = {}
    complete = True
    async with request.opened(session):
        if how.is_undecided:
            print_no_action(kafka_4=request.kafka_4)
        names = await request.names(session)
        for name, group in (await admin.describe_groups(session, names, missing_is_dead=True)).items():
            if group.state not in ("Empty", "Dead"):
                show_active(request.output, group)
                plan[name], complete = {}, False
                continue
            reset = GroupReset(request, session, how, name)
            plan[name] = dict(sorted((await reset.new_offsets()).items()))
            complete &= reset.complete
            if how.execute:
                await admin.set_offsets(session, name, plan[name])
    if how.export:
        csv = write_plan(plan, with_group=len(request.groups) != 1)
        show_exported_plan(request.output, plan, csv, executed=how.execute)
    else:
        show_plan(request.output, plan, executed=how.execute, kafka_4=request.kafka_4)
    if not complete:
        raise Ended(ExitStatus.FAILURE)


class GroupReset:
    """The new offsets of one group."""

    def __init__(self, request: GroupsRequest, session: Session, how: ResetRequest, group: str) -> None:
        self.complete = True
        self._request = request
        self._session = session
        self._how = how
        self._group = group

    async def new_offsets(self) -> Offsets:
        how = self._how
        partitions = await self._partitions()
        if how.to_offset is not None:
            return await self._within_log(dict.fromkeys(partitions, how.to_offset))
        if how.to_earliest:
            return await offsets_at(self._session, partitions, OffsetSpec.EARLIEST)
        if how.to_latest:
            return await offsets_at(self._session, partitions, OffsetSpec.LATEST)
        if how.shift_by is not None:
            committed = await admin.committed_offsets(self._session, self._group)
            return await self._within_log(shifted(partitions, committed, how.shift_by))
        if how.to_datetime is not None:
            return await self._since(partitions, parse_date_time(how.to_datetime))
        if how.by_duration is not None:
            moment = datetime.now(UTC) - parse_duration(how.by_duration)
            return await self._since(
                partitions, Timestamp((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))
            )
        if how.from_file is not None:
            return await self._from_file(how.from_file)
        if how.to_current:
            committed = await admin.committed_offsets(self._session, self._group)
            missing = [partition for partition in partitions if partition not in committed]
            return current(partitions, committed, await offsets_at(self._session, missing, OffsetSpec.LATEST))
        raise InvalidScope(f"Option '[reset-offsets]' requires one of the following scenarios: {SCENARIOS_AS_LISTED}")

    async def _partitions(self) -> list[TopicPartition]:
        """The partitions that --topic and --all-topics select."""
        if self._how.all_topics:
            return sorted(await admin.committed_offsets(self._session, self._group))
        if self._request.topics:
            return await named_partitions(self._session, self._request.topics)
        if self._how.from_file is None:
            raise InvalidScope("One of the reset scopes should be defined: --all-topics, --topic.")
        return []

    async def _within_log(self, requested: Offsets) -> Offsets:
        starts = await offsets_at(self._session, requested, OffsetSpec.EARLIEST)
        ends = await offsets_at(self._session, requested, OffsetSpec.LATEST)
        offsets, warnings = within_log(requested, starts, ends)
        for warning in warnings:
            warn(warning)
        return offsets

    async def _since(self, partitions: list[TopicPartition], timestamp_ms: Timestamp) -> Offsets:
        """The first offset at or after a time; the log's end if all records are older."""
        found, nothing = await offsets_since(self._session, partitions, timestamp_ms)
        for partition in nothing:
            show_empty_partition(self._request.output, partition)
        return found | await offsets_at(self._session, nothing, OffsetSpec.LATEST)

    async def _from_file(self, file: str) -> Offsets:
        plan = parse_group_plan(plan_text(file), self._request.groups)
        if self._group not in plan:
            show_error(self._request.output, f"No reset plan for group {self._group} found")
            self.complete = False
            return {}
        return await self._within_log(plan[self._group])


def plan_text(file: str) -> str:
    """raises    InvalidPlan, in Java's words for a file that cannot be read"""
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except OSError:
        raise InvalidPlan(f"java.io.IOException: Unable to read file {file}") from None
    except UnicodeDecodeError as error:
        raise InvalidPlan(f"{file}: {error}") from None


async def named_partitions(session: Session, arguments: Iterable[str]) -> list[TopicPartition]:
    """The partitions of `topic` and `topic:0,1` arguments.

    raises    InvalidScope, ApiError for a topic that does not exist
    """
    scopes = [parse_scope(argument) for argument in arguments]
    counts: dict[str, int] = {}
    if whole := [scope.topic for scope in scopes if scope.partitions is None]:
        if "" in whole:
            raise ApiError(
                ErrorCode.invalid_topic_exception, "The given topic name '' cannot be represented in a request."
            )
        for topic in (await session.metadata(whole)).topics:
            if topic.error_code is not ErrorCode.none:
                raise TopicMissing(topic.error_code)
            counts[str(topic.name)] = len(topic.partitions)
    partitions = [
        TopicPartition(scope.topic, index)
        for scope in scopes
        for index in (range(counts[scope.topic]) if scope.partitions is None else scope.partitions)
    ]
    return list(dict.fromkeys(partitions))


async def offsets_at(session: Session, partitions: Iterable[TopicPartition], end: OffsetSpec) -> Offsets:
    """Where logs begin or end.

    raises    ApiError for the first partition of which that is unknown
    """
    return await _known(session, await list_offsets(session, dict.fromkeys(partitions, end)))


async def offsets_since(
    session: Session, partitions: Iterable[TopicPartition], timestamp_ms: Timestamp
) -> tuple[Offsets, list[TopicPartition]]:
    """The first offsets at or after a time, and the partitions whose records are all older, sorted.

    raises    ApiError for the first partition of which that is unknown
    """
    found = await _known(session, await offsets_for_times(session, dict.fromkeys(partitions, timestamp_ms)))
    offsets = {partition: offset for partition, offset in found.items() if offset is not None}
    return offsets, sorted(found.keys() - offsets.keys())


async def _known(session: Session, found: Mapping[TopicPartition, T | ApiError]) -> dict[TopicPartition, T]:
    offsets: dict[TopicPartition, T] = {}
    for partition, offset in found.items():
        if isinstance(offset, ApiError):
            if offset.code == ErrorCode.unknown_topic_or_partition:
                (topic,) = (await session.metadata([partition.topic])).topics
                if topic.error_code == ErrorCode.unknown_topic_or_partition:
                    reason = f"because metadata for topic `{partition.topic}` could not be found"
                    raise ApiError(
                        offset.code, f"Failed to fetch metadata for partition {partition} {reason}"
                    ) from offset
                # Kafka's client searches for it until --timeout has passed, and reports only that.
                raise ApiError(ErrorCode.request_timed_out, f"Timed out waiting for {partition}: it does not exist")
            raise offset
        offsets[partition] = offset
    return offsets


async def delete_offsets(request: GroupsRequest, session: Session) -> None:
    """Delete offsets and show the result of each partition.

    raises    Ended if one failed; InvalidScope, ApiError, ConnectionFailed
    """
    group = request.groups[0]
    async with request.opened(session):
        partitions, missing = await _partitions_and_missing(session, request.topics)
        results: dict[TopicPartition, ApiError | None]
        problem: ApiError | None = None
        try:
            results = await admin.delete_offsets(session, group, partitions)
            problem = next((error for error in results.values() if error), None)
        except ApiError as error:
            problem, results = error, dict.fromkeys(partitions, error)
    show_deletion(request.output, group, request.topics, problem, kafka_4=request.kafka_4)
    rows: list[tuple[str, int | None, ApiError | None]] = [(topic, None, error) for topic, error in missing.items()]
    rows += [(topic, index, error) for (topic, index), error in results.items()]
    rows.sort(key=lambda row: f"{row[0]}{-1 if row[1] is None else row[1]}")
    show_deleted_offsets(request.output, group, rows, kafka_4=request.kafka_4)
    if problem or any(error for _, _, error in rows):
        raise Ended(ExitStatus.FAILURE)


async def _partitions_and_missing(
    session: Session, arguments: Iterable[str]
) -> tuple[list[TopicPartition], dict[str, ApiError]]:
    partitions: list[TopicPartition] = []
    missing: dict[str, ApiError] = {}
    for argument in dict.fromkeys(arguments):
        try:
            partitions += await named_partitions(session, [argument])
        except ApiError as error:
            missing[argument] = error
    return list(dict.fromkeys(partitions)), missing
