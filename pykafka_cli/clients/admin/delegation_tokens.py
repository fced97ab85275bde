"""Delegation tokens (KIP-48): logins that users give to others, for a limited time."""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from kio.static.primitive import i64Timedelta

from pykafka_cli.acls import Principal
from pykafka_cli.clients.errors import ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.protocol.delegation_tokens import (
    CreateDelegationTokenResponse,
    ExpireDelegationTokenResponse,
    RenewDelegationTokenResponse,
)


class DelegationToken(NamedTuple):
    """A token; times in ms since the epoch."""

    id: str
    hmac: bytes
    owner: Principal
    requester: Principal
    renewers: tuple[Principal, ...]
    issued: int
    expires: int
    ends: int
    """When it can no longer be renewed."""


async def create_token(
    session: Session, renewers: Sequence[Principal], owner: Principal | None, lifetime_ms: int
) -> DelegationToken:
    """Create a token for the user, or for another owner.

    lifetime_ms    -1 for the broker's default
    raises         ApiError, VersionUnsupported
    """
    from kio.schema.create_delegation_token.v3.request import CreatableRenewers, CreateDelegationTokenRequest

    request = CreateDelegationTokenRequest(
        owner_principal_type=None if owner is None else owner.type,
        owner_principal_name=None if owner is None else owner.name,
        renewers=tuple(CreatableRenewers(principal_type=each.type, principal_name=each.name) for each in renewers),
        max_lifetime=_period(lifetime_ms),
    )
    answer = await session.ask(request, oldest=request.__version__, response_type=CreateDelegationTokenResponse)
    ensure_none_failed([answer])
    its = Principal(answer.principal_type, answer.principal_name)
    requester = Principal(answer.token_requester_principal_type, answer.token_requester_principal_name)
    times = (answer.issue_timestamp, answer.expiry_timestamp, answer.max_timestamp)
    issued, expires, ends = map(int, times)
    return DelegationToken(
        answer.token_id, answer.hmac, its, requester if requester.type else its, tuple(renewers), issued, expires, ends
    )


async def renew_token(session: Session, hmac: bytes, period_ms: int) -> int:
    """Return the new expiry, in ms since the epoch.

    period_ms    -1 for the broker's default
    raises       ApiError
    """
    from kio.schema.renew_delegation_token.v2.request import RenewDelegationTokenRequest

    request = RenewDelegationTokenRequest(hmac=hmac, renew_period=_period(period_ms))
    answer = await session.ask(request, oldest=request.__version__, response_type=RenewDelegationTokenResponse)
    ensure_none_failed([answer])
    return int(answer.expiry_timestamp)


async def expire_token(session: Session, hmac: bytes, period_ms: int) -> int:
    """Return the new expiry, in ms since the epoch.

    period_ms    from now; -1 expires it immediately
    raises       ApiError
    """
    from kio.schema.expire_delegation_token.v2.request import ExpireDelegationTokenRequest

    request = ExpireDelegationTokenRequest(hmac=hmac, expiry_time_period=_period(period_ms))
    answer = await session.ask(request, oldest=request.__version__, response_type=ExpireDelegationTokenResponse)
    ensure_none_failed([answer])
    return int(answer.expiry_timestamp)


async def describe_tokens(session: Session, owners: Sequence[Principal]) -> list[DelegationToken]:
    """The tokens of these owners that the user may see; without owners, none.

    raises    ApiError
    """
    from kio.schema.describe_delegation_token.v3.request import (
        DescribeDelegationTokenOwner,
        DescribeDelegationTokenRequest,
    )

    request = DescribeDelegationTokenRequest(
        owners=tuple(
            DescribeDelegationTokenOwner(principal_type=each.type, principal_name=each.name) for each in owners
        )
    )
    answer = await session.ask(request, oldest=1)
    ensure_none_failed([answer])
    found = []
    for each in answer.tokens:
        owner = Principal(each.principal_type, each.principal_name)
        requester = Principal(each.token_requester_principal_type, each.token_requester_principal_name)
        renewers = tuple(Principal(renewer.principal_type, renewer.principal_name) for renewer in each.renewers)
        times = (int(each.issue_timestamp), int(each.expiry_timestamp), int(each.max_timestamp))
        found.append(
            DelegationToken(each.token_id, each.hmac, owner, requester if requester.type else owner, renewers, *times)
        )
    return found


def _period(milliseconds: int) -> i64Timedelta:
    return i64Timedelta.parse(datetime.timedelta(milliseconds=milliseconds))
