"""AlterUserScramCredentials (key 51), version 0.

Sets and removes users' credentials (KIP-554); what comes is the salted password, never the password. Only the
controller does it.
"""

from kio.schema.alter_user_scram_credentials.v0.request import AlterUserScramCredentialsRequest
from kio.schema.alter_user_scram_credentials.v0.response import (
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
)

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, NotController
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_and_message
from pykafka_cli.broker.metadata import scram_credentials
from pykafka_cli.broker.metadata.scram_credentials import Deletion, Upsertion


async def handle(ctx: RequestContext, request: AlterUserScramCredentialsRequest) -> AlterUserScramCredentialsResponse:
    if not ctx.broker.controller.is_active:
        raise NotController()
    outcomes = await scram_credentials.alter(
        ctx.broker.configs.store,
        [
            Upsertion(each.name, each.mechanism, each.iterations, each.salt, each.salted_password)
            for each in request.upsertions
        ],
        [Deletion(each.name, each.mechanism) for each in request.deletions],
    )
    await ctx.broker.configs.catch_up()
    return AlterUserScramCredentialsResponse(
        throttle_time=NO_THROTTLE, results=tuple(_result(user, error) for user, error in outcomes.items())
    )


def _result(user: str, error: BrokerError | None) -> AlterUserScramCredentialsResult:
    code, message = code_and_message(error)
    return AlterUserScramCredentialsResult(user=user, error_code=code, error_message=message or "")
