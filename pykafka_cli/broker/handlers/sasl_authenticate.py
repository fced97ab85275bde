"""SaslAuthenticate (key 36), versions 0 to 2.

A token of the mechanism that was chosen, and our answer to it (KIP-152). From version 1 on the response says how long
the login lasts, if not as long as the connection (KIP-368). The connection delays a rejection (Authentication.delay).
"""

import datetime

from kio.schema.errors import ErrorCode
from kio.schema.sasl_authenticate.v2.request import SaslAuthenticateRequest
from kio.schema.sasl_authenticate.v2.response import SaslAuthenticateResponse
from kio.static.primitive import i64Timedelta

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import IllegalSaslState, SaslAuthenticationFailed
from pykafka_cli.model import Timestamp

_FOR_GOOD = i64Timedelta.parse(datetime.timedelta())


async def handle(ctx: RequestContext, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
    if ctx.authentication is None:
        message = "SaslAuthenticate request received after successful authentication"
        return _answer(IllegalSaslState.code, message)
    try:
        token = ctx.authentication.respond(bytes(request.auth_bytes))
        return _answer(ErrorCode.none, None, token, _lifetime(ctx.authentication.expiry_ms, ctx.broker.clock.now_ms()))
    except (IllegalSaslState, SaslAuthenticationFailed) as error:
        return _answer(error.code, error.message)


def _answer(
    code: ErrorCode, message: str | None, token: bytes = b"", lifetime: i64Timedelta = _FOR_GOOD
) -> SaslAuthenticateResponse:
    return SaslAuthenticateResponse(error_code=code, error_message=message, auth_bytes=token, session_lifetime=lifetime)


def _lifetime(expiry_ms: Timestamp | None, now_ms: Timestamp) -> i64Timedelta:
    if expiry_ms is None:
        return _FOR_GOOD
    return i64Timedelta.parse(datetime.timedelta(milliseconds=max(0, expiry_ms - now_ms)))
