"""kafka-consumer-groups: what the actions share, and listing, describing and deleting groups."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pykafka_cli.clients.admin import groups as admin
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import GroupDescription, GroupLag, Offset, OffsetSpec, TopicPartition
from pykafka_cli.output.consumer_groups import print_group, show_described, show_listing, show_remark
from pykafka_cli.output.group_views import show_deleted_groups
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.script.errors import Ended

EXECUTION = "java.util.concurrent.ExecutionException: "


class TopicMissing(ApiError):
    """A requested topic cannot be looked up."""


class NotDescribed(ApiError):
    """A group cannot be described; the script of 3.9 reports only the cause."""


@dataclass
class GroupsRequest:
    """The values of the command line, and, once connected, whether the cluster runs Kafka 4."""

    groups: tuple[str, ...]
    all_groups: bool
    topics: tuple[str, ...]
    output: OutputFormat
    kafka_4: bool = False

    @asynccontextmanager
    async def opened(self, session: Session) -> AsyncIterator[None]:
        """Enter the session, and find out whether the cluster runs Kafka 4, whose script words results differently."""
        async with session:
            self.kafka_4 = await session.is_kafka_4()
            yield

    async def names(self, session: Session) -> list[str]:
        """The groups that --group and --all-groups name."""
        if self.all_groups:
            return [group.group for group in await admin.list_groups(session)]
        return list(dict.fromkeys(self.groups))


def in_words_of(error: ApiError, request: GroupsRequest) -> str:
    if not request.kafka_4 and not isinstance(error, NotDescribed):
        return f"{EXECUTION}{error.java}"
    return str(error) if isinstance(error, TopicMissing) else error.java


async def show_list(
    request: GroupsRequest,
    session: Session,
    states: tuple[str, ...],
    types: tuple[str, ...],
    *,
    columns: frozenset[str],
) -> None:
    async with session:
        listings = await admin.list_groups(session, states=states, types=types)
    show_listing(request.output, listings, types="type" in columns, states="state" in columns)


async def show_groups(request: GroupsRequest, session: Session, view: str, *, verbose: bool) -> None:
    """One view of each group.

    raises    Ended if one of them does not exist
    """
    async with request.opened(session):
        names = await request.names(session)
        try:
            described = await admin.describe_groups(session, names)
        except ApiError as error:
            raise NotDescribed(error.code, str(error)) from error
        groups = [described[name] for name in sorted(described)]
        rows = await lags(session, [group for group in groups if group.state != "Dead"]) if view == "offsets" else {}
    for group in groups:
        show_remark(request.output, group)
        # Notices go to stderr and tables to stdout: on a terminal, each notice has to be above its table.
        if request.output is OutputFormat.KAFKA and group.state != "Dead":
            its = rows.get(group.group, [])
            print_group(group, view, its, verbose=verbose, kafka_4=request.kafka_4)
    living = [group for group in groups if group.state != "Dead"]
    if request.output is not OutputFormat.KAFKA:
        show_described(request.output, living, view, rows, verbose=verbose)
    if len(living) < len(groups):
        raise Ended(ExitStatus.FAILURE)


async def lags(
    session: Session, groups: list[GroupDescription], *, waits_for_leaders: bool = True
) -> dict[str, list[GroupLag]]:
    """Partitions with offsets and lag, by group.

    waits_for_leaders    otherwise a partition whose leader does not respond has no lag
    """
    from pykafka_cli.clients.admin.leaders import Patience
    from pykafka_cli.clients.admin.offsets import list_offsets
    from pykafka_cli.rules.group_lag import lag_rows, partitions_of

    positions = {group.group: await admin.committed_positions(session, group.group) for group in groups}
    committed = {group: {each: its.offset for each, its in found.items()} for group, found in positions.items()}
    epochs = {
        group: {each: its.leader_epoch for each, its in found.items() if its.leader_epoch is not None}
        for group, found in positions.items()
    }
    wanted = {partition for group in groups for partition in partitions_of(group, committed[group.group])}
    patience = Patience.NEEDS_LEADER if waits_for_leaders else Patience.ASK_ONCE
    ends = await list_offsets(session, dict.fromkeys(wanted, OffsetSpec.LATEST), patience=patience)
    known: Mapping[TopicPartition, Offset] = {each: end for each, end in ends.items() if not isinstance(end, ApiError)}
    return {group.group: lag_rows(group, committed[group.group], known, epochs[group.group]) for group in groups}


async def delete_groups(request: GroupsRequest, session: Session) -> None:
    """raises    Ended if one could not be deleted"""
    async with request.opened(session):
        results = await admin.delete_groups(session, await request.names(session))
    show_deleted_groups(request.output, admin.CONSUMER, results, lambda error: in_words_of(error, request))
    if any(results.values()):
        raise Ended(ExitStatus.FAILURE)
