"""List, add and remove ACLs, through brokers or through ZooKeeper."""

import sys
from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol

from pykafka_cli.acls import EVERY_ACL, AclBinding, AclFilter, EntryFilter, PatternFilter, ResourcePattern
from pykafka_cli.clients.admin.acls import create_acls, delete_acls, describe_acls
from pykafka_cli.clients.session import Session
from pykafka_cli.output.acls import adding, by_resource, removal_question, show_acls, show_acls_of, show_changed
from pykafka_cli.output.render import OutputFormat, notice
from pykafka_cli.rules.acl_arguments import BadAclArgument, Wanted, ensure_supported
from pykafka_cli.transport.errors import ConnectionFailed


class AclAccess(Protocol):
    """Where the ACLs are."""

    async def describe(self, selected: AclFilter) -> list[AclBinding]: ...
    async def create(self, acls: Sequence[AclBinding]) -> None: ...
    async def delete(self, filters: Sequence[AclFilter]) -> list[AclBinding]: ...


class BrokerAcls:
    """ACLs through the brokers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def describe(self, selected: AclFilter) -> list[AclBinding]:
        return await describe_acls(self._session, selected)

    async def create(self, acls: Sequence[AclBinding]) -> None:
        await create_acls(self._session, acls)

    async def delete(self, filters: Sequence[AclFilter]) -> list[AclBinding]:
        return await delete_acls(self._session, filters)


class Action(Enum):
    LIST = auto()
    ADD = auto()
    REMOVE = auto()


class AclRequest(NamedTuple):
    """The request of a command line.

    resources     resources whose ACLs to list; all if empty
    wanted        what to add or remove, by resource; all ACLs of a resource without entries
    principals    principals whose ACLs to list; all if empty
    force         remove without asking
    """

    action: Action
    resources: Sequence[PatternFilter]
    wanted: Wanted
    principals: Sequence[str]
    form: OutputFormat
    force: bool = False


async def through_brokers(request: AclRequest, session: Session) -> None:
    """raises    BadAclUsage before anything is sent, BadAclArgument, ApiError"""
    async with session:
        try:
            is_kafka_4 = await session.is_kafka_4()
        except ConnectionFailed:
            is_kafka_4 = False  # the request itself shows why
        await perform(request, BrokerAcls(session), is_kafka_4=is_kafka_4)


async def perform(request: AclRequest, acls: AclAccess, *, is_kafka_4: bool) -> None:
    """List, add or remove.

    is_kafka_4    whether to print what the script of Kafka 4 prints
    raises        BadAclUsage before anything is sent; BadAclArgument
    """
    if request.action is Action.LIST:
        await _list(request, acls, is_kafka_4=is_kafka_4)
        return
    ensure_supported(request.wanted, is_kafka_4=is_kafka_4)
    change = _add if request.action is Action.ADD else _remove
    show_changed(request.form, await change(request, acls, is_kafka_4=is_kafka_4))


async def _list(request: AclRequest, acls: AclAccess, *, is_kafka_4: bool) -> None:
    filters = [AclFilter(resource) for resource in request.resources] or [EVERY_ACL]
    found = sorted({acl for each in filters for acl in await acls.describe(each)})
    if not request.principals:
        show_acls(request.form, by_resource(found), is_kafka_4=is_kafka_4)
        return
    of_each = {
        name: by_resource(acl for acl in found if acl.entry.principal == name)
        for name in dict.fromkeys(request.principals)
    }
    show_acls_of(request.form, of_each, is_kafka_4=is_kafka_4)


async def _add(request: AclRequest, acls: AclAccess, *, is_kafka_4: bool) -> list[AclBinding]:
    """Add ACLs to one resource after another."""
    added = []
    for (type_, name, pattern_type), entries in request.wanted.items():
        pattern = ResourcePattern(type_, name or "", pattern_type)
        bindings = [AclBinding(pattern, entry) for entry in entries]
        if is_kafka_4:
            bindings = await _missing(request, acls, bindings)
        if bindings:
            notice(request.form, adding(pattern, [acl.entry for acl in bindings], is_kafka_4=is_kafka_4))
            await acls.create(bindings)
            added += bindings
    return added


async def _missing(request: AclRequest, acls: AclAccess, wanted: Sequence[AclBinding]) -> list[AclBinding]:
    """The ACLs of one resource that do not exist yet; the script of Kafka 4 reports the others."""
    existing = await acls.describe(AclFilter(PatternFilter(*wanted[0].pattern)))
    for acl in wanted:
        if acl in existing:
            notice(request.form, f"Acl {acl} already exists.")
    return [acl for acl in wanted if acl not in existing]


async def _remove(request: AclRequest, acls: AclAccess, *, is_kafka_4: bool) -> list[AclBinding]:
    """Remove ACLs of one resource after another, asking for each unless forced."""
    removed: list[AclBinding] = []
    for resource, entries in request.wanted.items():
        question = removal_question(resource, entries, is_kafka_4=is_kafka_4)
        if request.force or _is_confirmed(question, request.form):
            selected = [AclFilter(resource, EntryFilter(*entry)) for entry in entries]
            removed += await acls.delete(selected or [AclFilter(resource)])
    return removed


def _is_confirmed(question: str, form: OutputFormat) -> bool:
    """raises    BadAclArgument if the input ends"""
    notice(form, question)
    line = sys.stdin.readline()
    if not line:
        raise BadAclArgument("the input ended before the question was answered; --force removes without asking")
    return line.rstrip("\r\n").lower() == "y"
