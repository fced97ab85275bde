"""DescribeUserScramCredentials (key 50), version 0.

Mechanisms and iterations of users' credentials (KIP-554), never the credentials themselves.
"""

from kio.schema.describe_user_scram_credentials.v0.request import DescribeUserScramCredentialsRequest
from kio.schema.describe_user_scram_credentials.v0.response import (
    CredentialInfo,
    DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
)
from kio.schema.errors import ErrorCode
from kio.static.primitive import i8, i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.metadata import scram_credentials


async def handle(
    ctx: RequestContext, request: DescribeUserScramCredentialsRequest
) -> DescribeUserScramCredentialsResponse:
    users = None if request.users is None else [user.name for user in request.users]
    outcomes = await scram_credentials.describe(ctx.broker.configs.store, users)
    return DescribeUserScramCredentialsResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        error_message="",
        results=tuple(_result(user, outcome) for user, outcome in outcomes.items()),
    )


def _result(user: str, outcome: list[tuple[int, int]] | BrokerError) -> DescribeUserScramCredentialsResult:
    if isinstance(outcome, BrokerError):
        return DescribeUserScramCredentialsResult(
            user=user, error_code=outcome.code, error_message=outcome.message, credential_infos=()
        )
    return DescribeUserScramCredentialsResult(
        user=user,
        error_code=ErrorCode.none,
        error_message="",
        credential_infos=tuple(
            CredentialInfo(mechanism=i8(mechanism), iterations=i32(iterations)) for mechanism, iterations in outcome
        ),
    )
