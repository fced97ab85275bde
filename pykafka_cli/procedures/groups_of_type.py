"""What `pk share-groups` and `pk streams-groups` have in common: listing and deleting groups of one type."""

from collections.abc import Sequence

from pykafka_cli.clients.admin import groups as admin
from pykafka_cli.clients.session import Session
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.output.group_views import show_deleted_groups, show_listing
from pykafka_cli.procedures.consumer_groups import GroupsRequest
from pykafka_cli.script.errors import Ended

EMPTY = "Empty"


async def states_by_name(session: Session, type_: str) -> dict[str, str]:
    """type_    as brokers spell it: share, streams"""
    return {each.group: each.state for each in await admin.list_all_groups(session, types=(type_,))}


async def chosen_names(request: GroupsRequest, session: Session, type_: str) -> list[str]:
    """The groups that --group and --all-groups name."""
    return list(await states_by_name(session, type_)) if request.all_groups else list(dict.fromkeys(request.groups))


async def show_list(
    request: GroupsRequest, session: Session, type_: str, states: Sequence[str], *, with_states: bool
) -> None:
    async with session:
        groups = await admin.list_all_groups(session, states=states, types=(type_,))
    show_listing(request.output, groups, states=with_states)


async def delete_groups(request: GroupsRequest, session: Session, type_: str, *, missing: str) -> None:
    """Delete groups, and show the result of each.

    missing    the script's error for a group of another type, to be formatted with its name
    raises     Ended if one could not be deleted
    """
    results: dict[str, str | None] = {}
    async with session:
        states = await states_by_name(session, type_)
        for name in await chosen_names(request, session, type_):
            if name not in states:
                results[name] = f"java.lang.IllegalArgumentException: {missing.format(name)}"
            elif states[name] != EMPTY:
                exception = "org.apache.kafka.common.errors.GroupNotEmptyException"
                results[name] = f"{exception}: {type_.capitalize()} group '{name}' is not EMPTY."
            else:
                problem = (await admin.delete_groups(session, [name]))[name]
                results[name] = problem.java if problem else None
    show_deleted_groups(request.output, type_, results)
    if any(results.values()):
        raise Ended(ExitStatus.FAILURE)
