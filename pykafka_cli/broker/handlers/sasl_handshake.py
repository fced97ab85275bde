"""SaslHandshake (key 17), versions 0 and 1.

Which mechanism a client will log in with (KIP-43). After version 0 its tokens come in bare frames, after
version 1 in SaslAuthenticate (KIP-152). Where a listener requires no login there are no mechanisms.
"""

from kio.schema.errors import ErrorCode
from kio.schema.sasl_handshake.v1.request import SaslHandshakeRequest
from kio.schema.sasl_handshake.v1.response import SaslHandshakeResponse

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import IllegalSaslState, UnsupportedSaslMechanism


async def handle(ctx: RequestContext, request: SaslHandshakeRequest) -> SaslHandshakeResponse:
    if ctx.authentication is None:
        return SaslHandshakeResponse(error_code=IllegalSaslState.code, mechanisms=())
    code = ErrorCode.none
    try:
        ctx.authentication.choose(request.mechanism, bare=ctx.api_version == 0)
    except (UnsupportedSaslMechanism, IllegalSaslState) as error:
        code = error.code
    return SaslHandshakeResponse(error_code=code, mechanisms=ctx.authentication.mechanisms)
