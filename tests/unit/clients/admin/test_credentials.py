"""SCRAM credentials, and answers that are lost."""

from typing import Any

import pytest
from kio.schema.alter_user_scram_credentials.v0.request import AlterUserScramCredentialsRequest
from kio.schema.alter_user_scram_credentials.v0.response import (
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
)
from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.credentials import alter_credentials
from pykafka_cli.clients.errors import ApiError
from tests.fakes.cluster import NO_TIME, FakeSession

SHA_512 = "SCRAM-SHA-512"


def cluster(*, has_credential: bool) -> Any:
    there = [has_credential]

    def delete(_: AlterUserScramCredentialsRequest) -> AlterUserScramCredentialsResponse:
        code = ErrorCode.none if there.pop() else ErrorCode.resource_not_found
        there.append(False)
        result = AlterUserScramCredentialsResult(user="bob", error_code=code, error_message=None)
        return AlterUserScramCredentialsResponse(throttle_time=NO_TIME, results=(result,))

    return FakeSession({AlterUserScramCredentialsRequest: delete})


async def test_a_credential_that_the_lost_request_deleted_is_deleted() -> None:
    session = cluster(has_credential=True)
    session.loses_answers = True

    await alter_credentials(session, "bob", {}, [SHA_512])

    assert session.lost_answers == 1


async def test_a_credential_that_was_never_there_cannot_be_deleted() -> None:
    with pytest.raises(ApiError):
        await alter_credentials(cluster(has_credential=False), "bob", {}, [SHA_512])
