"""The actions of `pk streams-groups`."""

from collections.abc import Callable

from pykafka_cli.clients.admin.streams_groups import STREAMS, describe_streams_groups, streams_offsets
from pykafka_cli.clients.session import Session
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.output.streams_groups import print_group, show_described
from pykafka_cli.procedures import group_offsets
from pykafka_cli.procedures.consumer_groups import GroupsRequest
from pykafka_cli.procedures.groups_of_type import chosen_names


async def show_groups(request: GroupsRequest, session: Session, view: str, *, verbose: bool) -> None:
    """One view of each group.

    raises    ApiError
    """
    async with session:
        described = await describe_streams_groups(session, await chosen_names(request, session, STREAMS))
        groups = [described[name] for name in sorted(described)]
        rows = {each.group: await streams_offsets(session, each) for each in groups} if view == "offsets" else {}
    if request.output is OutputFormat.KAFKA:
        for each in groups:
            print_group(each, view, rows.get(each.group, []), verbose=verbose)
    else:
        show_described(request.output, groups, view, rows, verbose=verbose)


async def delete_offsets(
    request: GroupsRequest, open_session: Callable[[], Session], *, all_input_topics: bool
) -> None:
    """Delete a group's offsets, and show the result of each partition.

    raises    Ended if one could not be deleted; ApiError, ConnectionFailed, InvalidScope
    """
    if all_input_topics:
        async with open_session() as session:
            described = await describe_streams_groups(session, request.groups[:1])
        request.topics = described[request.groups[0]].input_topics
    await group_offsets.delete_offsets(request, open_session())
