"""CreateDelegationToken (key 38), versions 0-3, RenewDelegationToken (39), 0-2, ExpireDelegationToken (40), 0-2, and
DescribeDelegationToken (41), 0-3.

There are no delegation tokens (KIP-48), so each is rejected as by a broker without delegation.token.secret.key. A
client whose connection says nothing about who it is gets DELEGATION_TOKEN_REQUEST_NOT_ALLOWED.
v1 is the same as v0   v2 flexible   v3 owner and requester (KIP-373)
Source: kafka.server.KafkaApis, kafka.server.DelegationTokenManagerZk.
"""

from datetime import UTC, datetime, timedelta
from typing import cast

from kio.schema.create_delegation_token.v3.request import CreateDelegationTokenRequest
from kio.schema.create_delegation_token.v3.response import CreateDelegationTokenResponse
from kio.schema.describe_delegation_token.v3.request import DescribeDelegationTokenRequest
from kio.schema.describe_delegation_token.v3.response import DescribeDelegationTokenResponse
from kio.schema.errors import ErrorCode
from kio.schema.expire_delegation_token.v2.request import ExpireDelegationTokenRequest
from kio.schema.expire_delegation_token.v2.response import ExpireDelegationTokenResponse
from kio.schema.renew_delegation_token.v2.request import RenewDelegationTokenRequest
from kio.schema.renew_delegation_token.v2.response import RenewDelegationTokenResponse
from kio.static.primitive import TZAware

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.properties.listeners import SecurityProtocol

_USER = "User"
_NO_TIME = cast(TZAware, datetime.fromtimestamp(0, UTC) - timedelta(milliseconds=1))
"""-1 as it is sent, for which kio's type has no value."""


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
    code = _refusal(ctx)
    match request:
        case CreateDelegationTokenRequest():
            return _not_created(ctx, request, code)
        case RenewDelegationTokenRequest():
            return RenewDelegationTokenResponse(error_code=code, expiry_timestamp=_NO_TIME, throttle_time=NO_THROTTLE)
        case ExpireDelegationTokenRequest():
            return ExpireDelegationTokenResponse(error_code=code, expiry_timestamp=_NO_TIME, throttle_time=NO_THROTTLE)
        case DescribeDelegationTokenRequest():
            return DescribeDelegationTokenResponse(error_code=code, tokens=(), throttle_time=NO_THROTTLE)


def _not_created(
    ctx: RequestContext, request: CreateDelegationTokenRequest, code: ErrorCode
) -> CreateDelegationTokenResponse:
    is_allowed = code is not ErrorCode.delegation_token_request_not_allowed
    if is_allowed and any(renewer.principal_type != _USER for renewer in request.renewers):
        code = ErrorCode.invalid_principal_type
    requester_type, _, requester_name = ctx.principal.partition(":")
    owner_type, owner_name = requester_type, requester_name
    if request.owner_principal_name:
        owner_type, owner_name = request.owner_principal_type or _USER, request.owner_principal_name
    return CreateDelegationTokenResponse(
        error_code=code,
        principal_type=owner_type,
        principal_name=owner_name,
        token_requester_principal_type=requester_type,
        token_requester_principal_name=requester_name,
        issue_timestamp=_NO_TIME,
        expiry_timestamp=_NO_TIME,
        max_timestamp=_NO_TIME,
        token_id="",
        hmac=b"",
        throttle_time=NO_THROTTLE,
    )


def _refusal(ctx: RequestContext) -> ErrorCode:
    """Tokens are for authenticated clients: not over PLAINTEXT, nor over TLS that authenticates only the broker."""
    settings = ctx.broker.settings
    match settings.protocol_map[ctx.listener_name]:
        case SecurityProtocol.PLAINTEXT:
            is_known = False
        case SecurityProtocol.SSL:
            is_known = settings.for_listener(ctx.listener_name, "ssl.client.auth") == "required"
        case _:
            is_known = True
    return ErrorCode.delegation_token_auth_disabled if is_known else ErrorCode.delegation_token_request_not_allowed
