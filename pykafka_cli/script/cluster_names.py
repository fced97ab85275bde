"""Names of a cluster that shell completion offers.

There is no request for the names of users, clients and addresses: they are gathered from what mentions them. What
the brokers refuse, such as ACLs without an authorizer, is left out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from pykafka_cli.acls import ANY_USER
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.transport.errors import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.clients.session import Session

Question = Callable[["Session"], Awaitable[Iterable[str]]]

USER = "User:"
"""The prefix of a principal that is a user."""

MOST_GROUPS = 100
"""Groups whose members are looked up for the ids of clients."""


async def topics(session: "Session") -> list[str]:
    from pykafka_cli.clients.admin.topics import list_topics

    return [listing.topic for listing in await list_topics(session)]


async def groups(session: "Session") -> list[str]:
    from pykafka_cli.clients.admin.groups import list_groups

    return [listing.group for listing in await list_groups(session)]


async def transactional_ids(session: "Session") -> list[str]:
    from pykafka_cli.clients.admin.transactions import list_transactions

    return sorted(listing.transactional_id for listing in await list_transactions(session))


async def brokers(session: "Session") -> list[str]:
    from pykafka_cli.clients.admin.cluster import describe_brokers

    return [str(broker.id) for broker in await describe_brokers(session)]


async def client_metrics(session: "Session") -> list[str]:
    from pykafka_cli.clients.admin.configs import list_client_metrics

    return await list_client_metrics(session)


async def users(session: "Session") -> list[str]:
    """Users with credentials, with quotas, or in ACLs."""
    found = await principals(session)
    return [each.removeprefix(USER) for each in found if each.startswith(USER) and each != ANY_USER]


async def principals(session: "Session") -> list[str]:
    """Principals in ACLs, and users with credentials or with quotas."""
    from pykafka_cli.clients.admin import quotas

    found, named = await asyncio.gather(
        _gathered(session, _principals_of_acls), _gathered(session, _with_credentials, _with_quotas(quotas.USER))
    )
    return sorted(found | {USER + name for name in named})


async def clients(session: "Session") -> list[str]:
    """Ids of clients with quotas, and of members of groups."""
    from pykafka_cli.clients.admin.quotas import CLIENT_ID

    return sorted(await _gathered(session, _with_quotas(CLIENT_ID), _members))


async def addresses(session: "Session") -> list[str]:
    """Addresses with quotas."""
    from pykafka_cli.clients.admin.quotas import IP

    return sorted(await _gathered(session, _with_quotas(IP)))


async def _gathered(session: "Session", *questions: Question) -> set[str]:
    """The names that the questions find; those that fail find none."""
    found = await asyncio.gather(*(ask(session) for ask in questions), return_exceptions=True)
    names: set[str] = set()
    for each in found:
        if isinstance(each, BaseException):
            if not isinstance(each, ApiError | ConnectionFailed):
                raise each
        else:
            names |= {*each}
    return names


async def _principals_of_acls(session: "Session") -> set[str]:
    from pykafka_cli.clients.admin.acls import describe_acls

    return {acl.entry.principal for acl in await describe_acls(session)}


async def _with_credentials(session: "Session") -> Iterable[str]:
    from pykafka_cli.clients.admin.credentials import describe_credentials

    return await describe_credentials(session, ())


def _with_quotas(kind: str) -> Question:
    async def names(session: "Session") -> set[str]:
        from pykafka_cli.clients.admin.quotas import describe_quotas

        entities = await describe_quotas(session, ())
        return {part.name for entity in entities for part in entity if part.type == kind and part.name}

    return names


async def _members(session: "Session") -> set[str]:
    from pykafka_cli.clients.admin.groups import describe_groups

    described = await describe_groups(session, (await groups(session))[:MOST_GROUPS], missing_is_dead=True)
    return {member.client_id for each in described.values() for member in each.members if member.client_id}
