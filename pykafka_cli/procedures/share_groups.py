"""The actions of `pk share-groups`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pykafka_cli.clients.admin.groups import delete_groups as delete
from pykafka_cli.clients.admin.groups import list_all_groups
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
from pykafka_cli.model import GroupDescription, OffsetSpec, ShareOffset, TopicPartition
from pykafka_cli.output import share_groups as text
from pykafka_cli.output.consumer_groups_of_4 import reset_plan
from pykafka_cli.output.render import OutputFormat, Table, notice, show
from pykafka_cli.procedures.group_offsets import named_partitions, offsets_at
from pykafka_cli.rules.offset_reset import parse_date_time
from pykafka_cli.script.errors import Ended, ScriptError

EMPTY = "Empty"


@dataclass(frozen=True)
class ShareRequest:
    """The values of the command line."""

    groups: tuple[str, ...]
    all_groups: bool
    topics: tuple[str, ...]
    output: OutputFormat

    async def names(self, session: Session) -> list[str]:
        """The groups that are meant."""
        if self.all_groups:
            return [group.group for group in await list_all_groups(session, types=(SHARE,))]
        return list(dict.fromkeys(self.groups))


async def show_list(request: ShareRequest, session: Session, states: Sequence[str], *, with_states: bool) -> None:
    async with session:
        groups = await list_all_groups(session, states=states, types=(SHARE,))
    show(
        request.output,
        text=lambda: text.listing(groups, states=with_states),
        table=lambda: [Table(("GROUP", "STATE"), [(each.group, each.state) for each in groups])],
        document=lambda: [{"group": each.group, "state": each.state} for each in groups],
    )


async def show_groups(request: ShareRequest, session: Session, view: str, *, verbose: bool) -> None:
    """One view of each group.

    raises    ApiError
    """
    async with session:
        described = await describe_share_groups(session, await request.names(session))
        groups = [described[name] for name in sorted(described)]
        rows: dict[str, list[ShareOffset]] = {}
        if view == "offsets":
            for name, found in (await share_offsets(session, described)).items():
                if isinstance(found, ApiError):
                    raise found
                rows[name] = found
    if request.output is OutputFormat.KAFKA:
        for group in groups:
            if not group.members and view != "offsets":
                print(f"\nShare group '{group.group}' has no active members.", file=sys.stderr)
            print(_group_text(group, view, rows.get(group.group, []), verbose=verbose), end="", flush=True)
        show(
            request.output,
            text=str,
            table=lambda: [text.group_table(group, view, rows.get(group.group, [])) for group in groups],
            document=lambda: [text.group_document(group, view, rows.get(group.group, [])) for group in groups],
        )


def _group_text(group: GroupDescription, view: str, rows: Sequence[ShareOffset], *, verbose: bool) -> str:
    if view == "offsets":
        return text.offsets(group.group, rows, verbose=verbose)
    return text.members(group, verbose=verbose) if view == "members" else text.state(group, verbose=verbose)


async def delete_groups(request: ShareRequest, session: Session) -> None:
    """Delete. raises    Ended if one could not be"""
    outcome: dict[str, str | None] = {}
    async with session:
        states = {each.group: each.state for each in await list_all_groups(session, types=(SHARE,))}
        for name in await request.names(session):
            if name not in states:
                outcome[name] = f"java.lang.IllegalArgumentException: Group '{name}' is not a share group."
            elif states[name] != EMPTY:
                exception = "org.apache.kafka.common.errors.GroupNotEmptyException"
                outcome[name] = f"{exception}: Share group '{name}' is not EMPTY."
            else:
                problem = (await delete(session, [name]))[name]
                outcome[name] = problem.java if problem else None
    show_deleted_groups(request.output, outcome, SHARE)
    if any(outcome.values()):
        raise Ended(ExitStatus.FAILURE)


def show_deleted_groups(form: OutputFormat, outcome: Mapping[str, str | None], kind: str) -> None:
    show(
        form,
        text=lambda: text.deleted_groups(outcome, kind),
        table=lambda: [Table(("GROUP", "OUTCOME"), [(name, why or "deleted") for name, why in outcome.items()])],
        document=lambda: [
            {"group": name, "outcome": "failed" if why else "deleted", "error": why} for name, why in outcome.items()
        ],
    )


async def delete_offsets(request: ShareRequest, session: Session) -> None:
    """Forget offsets and show what became of each topic. raises    Ended if one failed"""
    topics = list(dict.fromkeys(request.topics))
    results: dict[str, ApiError | None]
    async with session:
        try:
            results = await delete_share_offsets(session, request.groups[0], topics)
        except ApiError as error:
            notice(request.output, f"\nError: {error}")
            results = dict.fromkeys(topics, error)
    outcome = {topic: str(error) if error else None for topic, error in sorted(results.items())}
    show(
        request.output,
        text=lambda: text.deleted_offsets(outcome),
        table=lambda: [Table(("TOPIC", "STATUS"), [(topic, why or "deleted") for topic, why in outcome.items()])],
        document=lambda: [{"topic": topic, "error": why} for topic, why in outcome.items()],
    )
    if any(outcome.values()):
        raise Ended(ExitStatus.FAILURE)


async def reset_offsets(
    request: ShareRequest, session: Session, *, all_topics: bool, to: OffsetSpec | str, execute: bool
) -> None:
    """Have a group without members begin elsewhere.

    to        the beginning, the end, or a time
    raises    ScriptError, ApiError, BadDateTime, InvalidScope
    """
    group = request.groups[0]
    async with session:
        listed = {each.group: each.state for each in await list_all_groups(session, types=(SHARE,))}
        if listed.get(group, EMPTY) != EMPTY:
            raise ScriptError(f"Share group '{group}' is not empty.")
        partitions = await _partitions(session, group, request.topics, all_topics=all_topics)
        moment = to if isinstance(to, OffsetSpec) else parse_date_time(to)
        found = await offsets_at(session, partitions, moment)
        late = [each for each, offset in found.items() if offset < 0]
        found |= await offsets_at(session, late, OffsetSpec.LATEST)
        plan = dict(sorted(found.items()))
        if execute:
            await alter_share_offsets(session, group, plan)
    rows = [(group, *partition, offset) for partition, offset in plan.items()]
    show(
        request.output,
        text=lambda: reset_plan({group: plan}),
        table=lambda: [Table(("GROUP", "TOPIC", "PARTITION", "NEW OFFSET"), rows)],
        document=lambda: [
            {"group": name, "topic": topic, "partition": partition, "new_offset": offset, "executed": execute}
            for name, topic, partition, offset in rows
        ],
    )


async def _partitions(session: Session, group: str, topics: Sequence[str], *, all_topics: bool) -> list[TopicPartition]:
    if not all_topics:
        return await named_partitions(session, topics)
    found = (await share_offsets(session, [group]))[group]
    if isinstance(found, ApiError):
        raise found
    return [each.partition for each in found]
