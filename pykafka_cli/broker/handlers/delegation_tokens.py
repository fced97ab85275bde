"""CreateDelegationToken (key 38), versions 0-3, RenewDelegationToken (39), 0-2, ExpireDelegationToken (40), 0-2, and
DescribeDelegationToken (41), 0-3 (KIP-48).

Only clients that have logged in, and not by a token, may ask; others get DELEGATION_TOKEN_REQUEST_NOT_ALLOWED. Without
delegation.token.secret.key there are no tokens.
v1 is the same as v0   v2 flexible   v3 owner and requester (KIP-373)
Source: kafka.server.KafkaApis, kafka.server.DelegationTokenManagerZk.
"""

from datetime import UTC, datetime, timedelta
from typing import cast

from kio.schema.create_delegation_token.v3.request import CreateDelegationTokenRequest
from kio.schema.create_delegation_token.v3.response import CreateDelegationTokenResponse
from kio.schema.describe_delegation_token.v3.request import DescribeDelegationTokenRequest
from kio.schema.describe_delegation_token.v3.response import (
    DescribedDelegationToken,
    DescribedDelegationTokenRenewer,
    DescribeDelegationTokenResponse,
)
from kio.schema.errors import ErrorCode
from kio.schema.expire_delegation_token.v2.request import ExpireDelegationTokenRequest
from kio.schema.expire_delegation_token.v2.response import ExpireDelegationTokenResponse
from kio.schema.renew_delegation_token.v2.request import RenewDelegationTokenRequest
from kio.schema.renew_delegation_token.v2.response import RenewDelegationTokenResponse
from kio.static.primitive import TZAware, i64

from pykafka_cli.acls import AclOperation, Principal, ResourceType, parse_principal
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    BrokerError,
    DelegationTokenAuthDisabled,
    DelegationTokenAuthorizationFailed,
    DelegationTokenRequestNotAllowed,
    InvalidPrincipalType,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.network.authentication import ANONYMOUS
from pykafka_cli.broker.security.delegation_tokens import DelegationTokenManager
from pykafka_cli.model import Timestamp
from pykafka_cli.properties.listeners import SecurityProtocol
from pykafka_cli.zookeeper.delegation_tokens import TokenInformation

_USER = "User"
_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
"""The last moment that kio's type has, in the year 9999."""
_NO_TIME_MS = Timestamp(-1)


_Request = (
    CreateDelegationTokenRequest
    | RenewDelegationTokenRequest
    | ExpireDelegationTokenRequest
    | DescribeDelegationTokenRequest
)
_Response = (
    CreateDelegationTokenResponse
    | RenewDelegationTokenResponse
    | ExpireDelegationTokenResponse
    | DescribeDelegationTokenResponse
)


async def handle(ctx: RequestContext, request: _Request) -> _Response:
    match request:
        case CreateDelegationTokenRequest():
            return await _create(ctx, request)
        case RenewDelegationTokenRequest():
            code, time = await _changed(ctx, request)
            return RenewDelegationTokenResponse(error_code=code, expiry_timestamp=time, throttle_time=NO_THROTTLE)
        case ExpireDelegationTokenRequest():
            code, time = await _changed(ctx, request)
            return ExpireDelegationTokenResponse(error_code=code, expiry_timestamp=time, throttle_time=NO_THROTTLE)
        case DescribeDelegationTokenRequest():
            return _describe(ctx, request)


async def _create(ctx: RequestContext, request: CreateDelegationTokenRequest) -> CreateDelegationTokenResponse:
    requester = owner = parse_principal(ctx.principal)
    if request.owner_principal_name:
        owner = Principal(request.owner_principal_type or _USER, request.owner_principal_name)
    renewers = [Principal(each.principal_type, each.principal_name) for each in request.renewers]
    code, token_hmac = ErrorCode.none, b""
    token = TokenInformation("", owner, requester, (), _NO_TIME_MS, _NO_TIME_MS, _NO_TIME_MS)
    try:
        _ensure_may_ask(ctx)
        if owner != requester and not ctx.allows(AclOperation.CREATE_TOKENS, ResourceType.USER, str(owner)):
            raise DelegationTokenAuthorizationFailed
        if any(renewer.type != _USER for renewer in renewers):
            raise InvalidPrincipalType
        manager = _manager(ctx)
        token = await manager.create(owner, requester, renewers, _ms(request.max_lifetime))
        token_hmac = manager.hmac_of(token.id)
    except BrokerError as error:
        code = error.code
    return CreateDelegationTokenResponse(
        error_code=code,
        principal_type=owner.type,
        principal_name=owner.name,
        token_requester_principal_type=requester.type,
        token_requester_principal_name=requester.name,
        issue_timestamp=_time(token.issued_ms),
        expiry_timestamp=_time(token.expiry_ms),
        max_timestamp=_time(token.max_ms),
        token_id=token.id,
        hmac=token_hmac,
        throttle_time=NO_THROTTLE,
    )


async def _changed(
    ctx: RequestContext, request: RenewDelegationTokenRequest | ExpireDelegationTokenRequest
) -> tuple[ErrorCode, TZAware]:
    """The outcome, and when the token now expires."""
    principal, token_hmac = parse_principal(ctx.principal), bytes(request.hmac)
    try:
        _ensure_may_ask(ctx)
        manager = _manager(ctx)
        match request:
            case RenewDelegationTokenRequest():
                expiry = await manager.renew(principal, token_hmac, _ms(request.renew_period))
            case ExpireDelegationTokenRequest():
                expiry = await manager.expire(principal, token_hmac, _ms(request.expiry_time_period))
    except BrokerError as error:
        return error.code, _time(_NO_TIME_MS)
    return ErrorCode.none, _time(expiry)


def _describe(ctx: RequestContext, request: DescribeDelegationTokenRequest) -> DescribeDelegationTokenResponse:
    """The tokens of the owners that are named, or (null) of all; of an empty list, none."""
    code, found = ErrorCode.none, list[DescribedDelegationToken]()
    owners = None
    if request.owners is not None:
        owners = {Principal(each.principal_type, each.principal_name) for each in request.owners}
    try:
        _ensure_may_ask(ctx)
        manager = _manager(ctx)
        for token in manager.tokens():
            if (owners is None or any(map(token.concerns, owners))) and _may_see(ctx, token):
                found.append(_described(token, manager.hmac_of(token.id)))
    except BrokerError as error:
        code = error.code
    return DescribeDelegationTokenResponse(error_code=code, tokens=tuple(found), throttle_time=NO_THROTTLE)


def _may_see(ctx: RequestContext, token: TokenInformation) -> bool:
    return (
        token.concerns(parse_principal(ctx.principal))
        or ctx.allows(AclOperation.DESCRIBE, ResourceType.DELEGATION_TOKEN, token.id)
        or ctx.allows(AclOperation.DESCRIBE_TOKENS, ResourceType.USER, str(token.owner))
    )


def _described(token: TokenInformation, token_hmac: bytes) -> DescribedDelegationToken:
    return DescribedDelegationToken(
        principal_type=token.owner.type,
        principal_name=token.owner.name,
        token_requester_principal_type=token.requester.type,
        token_requester_principal_name=token.requester.name,
        issue_timestamp=i64(token.issued_ms),
        expiry_timestamp=i64(token.expiry_ms),
        max_timestamp=i64(token.max_ms),
        token_id=token.id,
        hmac=token_hmac,
        renewers=tuple(
            DescribedDelegationTokenRenewer(principal_type=each.type, principal_name=each.name)
            for each in token.renewers
        ),
    )


def _ensure_may_ask(ctx: RequestContext) -> None:
    """raises    DelegationTokenRequestNotAllowed"""
    protocol = ctx.broker.settings.protocol_map[ctx.listener_name]
    if (
        protocol is SecurityProtocol.PLAINTEXT
        or (protocol is SecurityProtocol.SSL and ctx.principal == ANONYMOUS)
        or (ctx.authentication is not None and ctx.authentication.is_by_token)
    ):
        raise DelegationTokenRequestNotAllowed


def _manager(ctx: RequestContext) -> DelegationTokenManager:
    """raises    DelegationTokenAuthDisabled"""
    if ctx.broker.delegation_tokens is None:
        raise DelegationTokenAuthDisabled
    return ctx.broker.delegation_tokens


def _ms(period: timedelta) -> int:
    return period // timedelta(milliseconds=1)


def _time(ms: int) -> TZAware:
    """As kio has moments, though its type does not know -1."""
    return cast(TZAware, _EPOCH + timedelta(milliseconds=min(ms, _LAST_MS)))
