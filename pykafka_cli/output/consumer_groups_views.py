"""One group as each output format shows it, for each view of `pk consumer-groups --describe`."""

from pykafka_cli.model import GroupDescription, GroupLag, MemberDescription
from pykafka_cli.output import consumer_groups as text
from pykafka_cli.output import consumer_groups_of_4 as text_of_4
from pykafka_cli.output.render import Table


def group_text(group: GroupDescription, view: str, rows: list[GroupLag], *, verbose: bool, kafka_4: bool) -> str:
    if kafka_4:
        return _text_of_4(group, view, rows, verbose=verbose)
    if view == "offsets":
        return text.offsets(rows)
    return text.members(group, verbose=verbose) if view == "members" else text.state(group)


def _text_of_4(group: GroupDescription, view: str, rows: list[GroupLag], *, verbose: bool) -> str:
    if view == "offsets":
        return text_of_4.offsets(rows, verbose=verbose)
    if view == "members":
        return text_of_4.members(group, verbose=verbose)
    return text_of_4.state(group, verbose=verbose)


def group_table(group: GroupDescription, view: str, rows: list[GroupLag]) -> Table | str:
    title = f"{group.group}  {group.state}"
    if view == "offsets":
        return Table(
            ("TOPIC", "PARTITION", "CURRENT", "END", "LAG", "CLIENT", "HOST", "CONSUMER"),
            [
                (
                    *row.partition, row.current_offset, row.log_end_offset, row.lag,
                    *((row.member.client_id, row.member.host, row.member.member_id) if row.member else ("", "", "")),
                )
                for row in rows
            ],
            title,
        )  # fmt: skip
    if view == "members":
        return Table(
            ("CONSUMER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS"),
            [
                (each.member_id, each.instance_id or "", each.client_id, each.host, text.assignment(each.assignment))
                for each in group.members
            ],
            title,
        )
    broker = group.coordinator
    return Table(
        ("COORDINATOR", "ASSIGNOR", "MEMBERS"),
        [(f"{broker.host}:{broker.port} ({broker.id})", group.assignor, len(group.members))],
        title,
    )


def group_document(group: GroupDescription, view: str, rows: list[GroupLag]) -> dict[str, object]:
    head: dict[str, object] = {"group": group.group, "state": group.state}
    if view == "offsets":
        return head | {
            "partitions": [
                {
                    "topic": row.partition.topic,
                    "partition": row.partition.partition,
                    "current_offset": row.current_offset,
                    "log_end_offset": row.log_end_offset,
                    "lag": row.lag,
                    "consumer_id": row.member.member_id if row.member else None,
                    "host": row.member.host if row.member else None,
                    "client_id": row.member.client_id if row.member else None,
                }
                for row in rows
            ]
        }
    if view == "members":
        return head | {
            "members": [
                {
                    "consumer_id": each.member_id,
                    "instance_id": each.instance_id,
                    "host": each.host,
                    "client_id": each.client_id,
                    "assignment": [partition._asdict() for partition in each.assignment],
                    **_epochs(each),
                }
                for each in group.members
            ]
        }
    broker = group.coordinator
    return head | {
        "coordinator": {"id": broker.id, "host": broker.host, "port": broker.port},
        "assignment_strategy": group.assignor,
        "member_count": len(group.members),
        **({} if group.epoch is None else {"group_epoch": group.epoch, "target_assignment_epoch": group.target_epoch}),
    }


def _epochs(member: MemberDescription) -> dict[str, object]:
    """What only members of the new protocol have."""
    if member.epoch is None:
        return {}
    return {"epoch": member.epoch, "target_assignment": [partition._asdict() for partition in member.target or ()]}
