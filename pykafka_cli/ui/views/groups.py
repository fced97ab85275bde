"""Groups: the list, and one with its members and its lag."""

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.cluster import describe_brokers
from pykafka_cli.clients.admin.groups import describe_groups, list_groups_of
from pykafka_cli.clients.coordinator import find_coordinators
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, GroupLag, MemberDescription
from pykafka_cli.procedures.consumer_groups import lags
from pykafka_cli.transport.errors import ConnectionFailed
from pykafka_cli.ui.views import Document, Query, of_each_broker, required


async def groups(session: Session, query: Query) -> Document:
    """All groups whose names contain `filter`; one request to each broker, whatever their number.

    `missing` are brokers that do not respond, and whose groups are not known.
    """
    brokers = [each.id for each in await describe_brokers(session)]
    listed, missing = await of_each_broker(brokers, lambda broker: list_groups_of(session, broker))
    by_name = {each.group: each for some in listed for each in some}
    found = [by_name[name] for name in sorted(by_name)]
    wanted = query.get("filter", "")
    return {
        "groups": [
            {"group": each.group, "type": each.type, "state": each.state, "protocol": each.protocol}
            for each in found
            if wanted in each.group
        ],
        "of": len(found),
        "missing": missing,
    }


async def group(session: Session, query: Query) -> Document:
    """A consumer group's members with their partitions, and its lag in each partition.

    The lag is null in partitions whose leader does not respond; `lag` is that of the others. If the group's coordinator
    does not respond, it is in `missing`, and what only it knows is null.

    raises    BadQuery, ApiError, ConnectionFailed if no broker responds
    """
    name = required(query, "name")
    coordinator = (await find_coordinators(session, [name]))[name]
    try:
        described = (await describe_groups(session, [name], missing_is_dead=True))[name]
        if described.state == "Dead":
            raise ApiError(ErrorCode.group_id_not_found, f"Consumer group '{name}' does not exist.")
        rows = (await lags(session, [described], waits_for_leaders=False))[name]
    except ConnectionFailed as failure:
        if isinstance(coordinator, ApiError):
            raise
        return _without_coordinator(name, coordinator, failure)
    return {
        "group": name,
        "state": described.state,
        "assignor": described.assignor or None,
        "coordinator": described.coordinator and int(described.coordinator.id),
        "epoch": described.epoch,
        "members": [_member(each) for each in described.members],
        "partitions": [_row(each) for each in rows],
        "lag": sum(each.lag or 0 for each in rows),
        "missing": [],
    }


def _without_coordinator(name: str, coordinator: BrokerId, failure: ConnectionFailed) -> Document:
    unknown = dict.fromkeys(("state", "assignor", "epoch", "members", "partitions", "lag"))
    missing = [{"broker": int(coordinator), "error": str(failure)}]
    return {"group": name, **unknown, "coordinator": int(coordinator), "missing": missing}


def _member(member: MemberDescription) -> Document:
    return {
        "member_id": member.member_id,
        "instance_id": member.instance_id,
        "client_id": member.client_id,
        "host": member.host.removeprefix("/"),
        "assignment": [{"topic": each.topic, "partition": each.partition} for each in sorted(member.assignment)],
    }


def _row(row: GroupLag) -> Document:
    return {
        "topic": row.partition.topic,
        "partition": row.partition.partition,
        "current_offset": None if row.current_offset is None else int(row.current_offset),
        "log_end": None if row.log_end_offset is None else int(row.log_end_offset),
        "lag": row.lag,
        "member_id": row.member and row.member.member_id,
        "client_id": row.member and row.member.client_id,
    }
