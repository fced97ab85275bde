"""The actions of `pk share-groups`."""

from collections.abc import Sequence

from pykafka_cli.clients.admin.share_groups import (
    SHARE,
    alter_share_offsets,
    delete_share_offsets,
    describe_share_groups,
    share_offsets,
)
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import OffsetSpec, ShareOffset, TopicPartition
from pykafka_cli.output.consumer_groups import show_error
from pykafka_cli.output.group_views import reset_plan, show_plan
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.output.share_groups import print_group, show_deleted_offsets, show_described
from pykafka_cli.procedures.consumer_groups import GroupsRequest
from pykafka_cli.procedures.group_offsets import named_partitions, offsets_at, offsets_since
from pykafka_cli.procedures.groups_of_type import EMPTY, chosen_names, states_by_name
from pykafka_cli.rules.offset_reset import parse_date_time
from pykafka_cli.script.errors import Ended, ScriptError


async def show_groups(request: GroupsRequest, session: Session, view: str, *, verbose: bool) -> None:
    """One view of each group.

    raises    ApiError
    """
    async with session:
        described = await describe_share_groups(session, await chosen_names(request, session, SHARE))
        groups = [described[name] for name in sorted(described)]
        rows: dict[str, list[ShareOffset]] = {}
        if view == "offsets":
            for name, found in (await share_offsets(session, described)).items():
                if isinstance(found, ApiError):
                    raise found
                rows[name] = found
    if request.output is OutputFormat.KAFKA:
        for group in groups:
            print_group(group, view, rows.get(group.group, []), verbose=verbose)
    else:
        show_described(request.output, groups, view, rows, verbose=verbose)


async def delete_offsets(request: GroupsRequest, session: Session) -> None:
    """Delete offsets, and show the result of each topic.

    raises    Ended if one could not be deleted
    """
    topics = list(dict.fromkeys(request.topics))
    results: dict[str, ApiError | None]
    async with session:
        try:
            results = await delete_share_offsets(session, request.groups[0], topics)
        except ApiError as error:
            show_error(request.output, error)
            results = dict.fromkeys(topics, error)
    outcome = {topic: str(error) if error else None for topic, error in sorted(results.items())}
    show_deleted_offsets(request.output, outcome)
    if any(outcome.values()):
        raise Ended(ExitStatus.FAILURE)


async def reset_offsets(
    request: GroupsRequest, session: Session, *, all_topics: bool, to: OffsetSpec | str, execute: bool
) -> None:
    """Set the offsets of a group without members, and show them.

    to        the earliest or latest offset, or a time as the user typed it
    raises    ScriptError, ApiError, BadDateTime, InvalidScope
    """
    group = request.groups[0]
    async with session:
        if (await states_by_name(session, SHARE)).get(group, EMPTY) != EMPTY:
            raise ScriptError(f"Share group '{group}' is not empty.")
        partitions = await _partitions(session, group, request.topics, all_topics=all_topics)
        if isinstance(to, OffsetSpec):
            found = await offsets_at(session, partitions, to)
        else:
            found, late = await offsets_since(session, partitions, parse_date_time(to))
            found |= await offsets_at(session, late, OffsetSpec.LATEST)
        plan = dict(sorted(found.items()))
        if execute:
            await alter_share_offsets(session, group, plan)
    show_plan(request.output, {group: plan}, reset_plan({group: plan}), executed=execute)


async def _partitions(session: Session, group: str, topics: Sequence[str], *, all_topics: bool) -> list[TopicPartition]:
    if not all_topics:
        return await named_partitions(session, topics)
    found = (await share_offsets(session, [group]))[group]
    if isinstance(found, ApiError):
        raise found
    return [each.partition for each in found]
