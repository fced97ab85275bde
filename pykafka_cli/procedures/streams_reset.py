"""The steps of `pk streams-application-reset`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pykafka_cli.clients.admin import groups
from pykafka_cli.clients.admin.offsets import known, list_offsets, offsets_for_times
from pykafka_cli.clients.admin.topics import list_topics, try_to_delete_topics
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import (
    FIRST_OFFSET,
    MemberDescription,
    Offset,
    OffsetSpec,
    Timestamp,
    TopicListing,
    TopicPartition,
)
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.output.streams_application_reset import (
    Steps,
    print_deletion_failed,
    print_resetting_failed,
    show_outcome,
)
from pykafka_cli.rules.offset_reset import BadDateTime, BadDuration, parse_date_time, parse_duration
from pykafka_cli.rules.streams_reset import (
    MalformedPlan,
    UnfitPlan,
    UnreadableNumber,
    ensure_complete,
    internal_topics,
    parse_streams_plan,
    within_log,
)
from pykafka_cli.script.errors import Ended
from pykafka_cli.wall_clock import now_ms

REASON = "member was removed by an admin"
EXECUTION = "java.util.concurrent.ExecutionException: "
AUTO_OFFSET_RESET, ISOLATION_LEVEL = "auto.offset.reset", "isolation.level"
Offsets = dict[TopicPartition, Offset]


class ResetFailed(Exception):
    """An error that ends the reset, as Java shows it: class and message."""


@dataclass(frozen=True, kw_only=True)
class StreamsResetRequest:
    """The values of the command line. At most one of those from to_latest to from_file is set.

    ensure_readable    raises UnreadableValue if one of them could not be read; the default would hide it
    """

    application_id: str
    input_topics: Sequence[str]
    intermediate_topics: Sequence[str]
    internal_topics: Sequence[str]
    to_latest: bool
    to_offset: Offset | None
    shift_by: int | None
    to_datetime: str | None
    by_duration: str | None
    from_file: str | None
    ensure_readable: Callable[[], None]
    force: bool
    dry_run: bool
    output: OutputFormat


class Reset:
    """The reset of one application."""

    def __init__(self, request: StreamsResetRequest, session: Session) -> None:
        self._request = request
        self._session = session
        self._read_committed = session.settings.properties.get(ISOLATION_LEVEL) == "read_committed"
        self._input_offsets: Offsets = {}
        self._intermediate_offsets: Offsets = {}
        self._deleted: Sequence[str] = ()
        self._steps = Steps(request.output)

    async def run(self) -> None:
        """Reset the application and show the result.

        raises    Ended if a topic that was named does not exist; ResetFailed, UnreadableValue, ApiError,
                  ConnectionFailed
        """
        async with self._session:
            await self._ensure_inactive()
            known = {each.topic: each for each in await list_topics(self._session) if not each.is_internal}
            if self._request.dry_run:
                self._steps.dry_run()
            complete = await self._reset_offsets(known)
            await self._delete_internal_topics(known)
        offsets = self._input_offsets | self._intermediate_offsets
        application = self._request.application_id
        show_outcome(self._request.output, application, offsets, self._deleted, executed=not self._request.dry_run)
        if not complete:
            raise Ended(ExitStatus.FAILURE)

    # ---- members

    async def _ensure_inactive(self) -> None:
        group = self._request.application_id
        try:
            described = await groups.describe_groups(self._session, [group], missing_is_dead=True)
        except ApiError as error:
            raise ResetFailed(f"{EXECUTION}{error.java}") from None
        members = described[group].members
        if not members:
            return
        if not self._request.force:
            raise ResetFailed(
                f"java.lang.IllegalStateException: Consumer group '{group}' is still active and has following members: "
                f"[{', '.join(map(_shown, members))}]. Make sure to stop all running application instances before "
                "running the reset tool. You can use option '--force' to remove active members from the group."
            )
        self._steps.removing_members(group)
        try:
            await groups.remove_members(self._session, group, members, REASON)
        except ApiError as error:
            raise ResetFailed(f"{EXECUTION}{error.java}") from None

    # ---- offsets

    async def _reset_offsets(self, known: dict[str, TopicListing]) -> bool:
        """Compute new offsets and commit them; False if a topic does not exist."""
        request = self._request
        if not request.input_topics and not request.intermediate_topics:
            self._steps.nothing_to_seek()
            return True
        self._steps.chosen(request.input_topics, request.intermediate_topics)
        absent = [topic for topic in request.input_topics if topic not in known]
        absent_between = [topic for topic in request.intermediate_topics if topic not in known]
        self._steps.missing_inputs(absent)
        self._steps.missing_intermediates(absent_between)

        inputs = _partitions(known, request.input_topics)
        intermediates = [
            each for each in _partitions(known, request.intermediate_topics) if each.topic not in request.input_topics
        ]
        if inputs or intermediates:
            await self._reset_inputs(inputs)
            await self._seek_to_end(intermediates)
            if not request.dry_run:
                new_offsets = self._input_offsets | self._intermediate_offsets
                await groups.set_offsets(self._session, request.application_id, new_offsets)
            self._steps.done()
        return not absent and not absent_between

    async def _reset_inputs(self, partitions: list[TopicPartition]) -> None:
        if not partitions:
            return
        self._steps.resetting_inputs(self._request.application_id)
        self._request.ensure_readable()
        try:
            self._input_offsets = await self._new_offsets(partitions)
        except (OSError, UnicodeDecodeError):
            raise _resetting_failed(f"java.io.IOException: Unable to read file {self._request.from_file}") from None
        except (BadDateTime, MalformedPlan) as error:
            raise _resetting_failed(f"java.text.ParseException: {error}") from None
        except BadDuration as error:
            raise ResetFailed(f"java.time.format.DateTimeParseException: {error}") from None
        except UnreadableNumber as error:
            raise ResetFailed(f"java.lang.NumberFormatException: {error}") from None
        except UnfitPlan as error:
            raise ResetFailed(f"{self._request.from_file}: {error}") from None
        for partition in partitions:
            self._steps.new_offset(partition, self._input_offsets[partition])

    async def _new_offsets(self, partitions: list[TopicPartition]) -> Offsets:
        """For every partition of the input topics, by the requested scenario."""
        request = self._request
        if request.to_offset is not None:
            return await self._within_log(dict.fromkeys(partitions, request.to_offset), partitions)
        if request.to_latest:
            return await self._offsets_at(partitions, OffsetSpec.LATEST)
        if request.shift_by is not None:
            positions = await self._positions(partitions)
            shifted = {each: Offset(position + request.shift_by) for each, position in positions.items()}
            return await self._within_log(shifted, partitions)
        if request.to_datetime is not None:
            return await self._since(partitions, parse_date_time(request.to_datetime))
        if request.by_duration is not None:
            back_ms = parse_duration(request.by_duration) // timedelta(milliseconds=1)
            return await self._since(partitions, Timestamp(now_ms() - back_ms))
        if request.from_file is not None:
            offsets = await self._within_log(_plan_in(request.from_file), partitions)
            ensure_complete(offsets, partitions)
            return offsets
        return await self._offsets_at(partitions, OffsetSpec.EARLIEST)

    async def _within_log(self, requested: Offsets, partitions: list[TopicPartition]) -> Offsets:
        log_ends = await self._offsets_at(partitions, OffsetSpec.LATEST)
        log_starts = await self._offsets_at(partitions, OffsetSpec.EARLIEST)
        offsets, remarks = within_log(requested, log_starts, log_ends)
        self._steps.outside_log(remarks)
        return offsets

    async def _positions(self, partitions: list[TopicPartition]) -> Offsets:
        """Where a consumer of the group would start."""
        committed = await groups.committed_offsets(self._session, self._request.application_id)
        new = [each for each in partitions if each not in committed]
        begins = self._session.settings.properties.get(AUTO_OFFSET_RESET, "latest")
        if new and begins not in ("earliest", "latest"):
            raise ResetFailed(
                "org.apache.kafka.clients.consumer.NoOffsetForPartitionException: Undefined offset with no reset "
                f"policy for partitions: [{', '.join(map(str, new))}]"
            )
        elsewhere = await self._offsets_at(new, OffsetSpec.EARLIEST if begins == "earliest" else OffsetSpec.LATEST)
        return {each: committed.get(each, elsewhere.get(each, FIRST_OFFSET)) for each in partitions}

    async def _since(self, partitions: list[TopicPartition], timestamp_ms: Timestamp) -> Offsets:
        """The first offset at or after a time; the log's end if all records are older."""
        if timestamp_ms < 0:
            raise ResetFailed(
                f"java.lang.IllegalArgumentException: The target time for partition {partitions[0]} is {timestamp_ms}. "
                "The target time cannot be negative."
            )
        wanted = dict.fromkeys(partitions, timestamp_ms)
        found = known(await offsets_for_times(self._session, wanted, read_committed=self._read_committed))
        nothing = [each for each in partitions if found[each] is None]
        for partition in nothing:
            self._steps.nothing_since(partition)
        offsets = {partition: offset for partition, offset in found.items() if offset is not None}
        return offsets | await self._offsets_at(nothing, OffsetSpec.LATEST)

    async def _seek_to_end(self, partitions: list[TopicPartition]) -> None:
        if not partitions:
            return
        self._steps.seeking_to_end(self._request.application_id, partitions)
        self._intermediate_offsets = await self._offsets_at(partitions, OffsetSpec.LATEST)

    async def _offsets_at(self, partitions: Iterable[TopicPartition], end: OffsetSpec) -> Offsets:
        """raises    ApiError for the first partition of which that is unknown"""
        wanted = dict.fromkeys(partitions, end)
        return known(await list_offsets(self._session, wanted, read_committed=self._read_committed))

    # ---- topics

    async def _delete_internal_topics(self, known: Iterable[str]) -> None:
        request = self._request
        users = {*request.input_topics, *request.intermediate_topics}
        inferred = internal_topics(request.application_id, known, users)
        if not set(request.internal_topics) <= set(inferred):
            raise ResetFailed(
                "java.lang.IllegalArgumentException: Invalid topic specified in the --internal-topics option. Ensure "
                "that the topics specified are all internal topics. Do a dry run without the --internal-topics option "
                "to see the list of all internal topics that can be deleted."
            )
        self._deleted = request.internal_topics or inferred
        kind = "specified" if request.internal_topics else "inferred"
        self._steps.deleting(kind, self._deleted)
        if not request.dry_run:
            failures = {
                topic: error
                for topic, error in (await try_to_delete_topics(self._session, dict.fromkeys(self._deleted))).items()
                if error
            }
            for topic, error in failures.items():
                print_deletion_failed(topic, f"{EXECUTION}{error.java}")
            if failures:
                raise ResetFailed("java.lang.RuntimeException: Encountered an error deleting one or more topics")
        self._steps.done()


def _partitions(known: dict[str, TopicListing], topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of the topics that exist, sorted."""
    return [
        TopicPartition(topic, partition)
        for topic in sorted(set(topics) & set(known))
        for partition in range(known[topic].partition_count)
    ]


def _plan_in(file: str) -> Offsets:
    """raises    OSError, UnicodeDecodeError, MalformedPlan, UnreadableNumber"""
    return parse_streams_plan(Path(file).read_text(encoding="utf-8-sig"))


def _resetting_failed(java: str) -> ResetFailed:
    print_resetting_failed()
    return ResetFailed(java)


def _shown(member: MemberDescription) -> str:
    """As MemberDescription.toString has it."""
    assignment = ",".join(map(str, sorted(member.assignment)))
    return (
        f"(memberId={member.member_id}, groupInstanceId={member.instance_id or 'null'}, clientId={member.client_id}, "
        f"host={member.host}, assignment=(topicPartitions={assignment}), targetAssignment=Optional.empty)"
    )
