"""SCRAM credentials of users (KIP-554). Passwords are never sent: the broker gets them salted."""

import secrets
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kio.schema.errors import ErrorCode
from kio.static.primitive import i8, i32

from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.rules.scram_credentials import SALT_BYTES, salted_password, stored_credential

MECHANISMS = {"SCRAM-SHA-256": 1, "SCRAM-SHA-512": 2}
_NAMES = {number: name for name, number in MECHANISMS.items()}


class NewCredential(NamedTuple):
    iterations: int
    password: str


def new_stored_credential(mechanism: str, credential: NewCredential) -> str:
    """The form of a credential in ZooKeeper, with a new salt."""
    salt, iterations = secrets.token_bytes(SALT_BYTES), credential.iterations
    return stored_credential(
        mechanism, salted_password(mechanism, credential.password, salt, iterations), salt, iterations
    )


async def describe_credentials(session: Session, users: Iterable[str]) -> dict[str, dict[str, int] | ApiError]:
    """Iterations by mechanism of each user (all users if none is named), sorted; users without credentials are skipped.

    raises    ApiError
    """
    from kio.schema.describe_user_scram_credentials.v0.request import DescribeUserScramCredentialsRequest, UserName

    names = tuple(UserName(name=user) for user in users)
    answer = await session.ask(DescribeUserScramCredentialsRequest(users=names or None))
    ensure_none_failed([answer])
    return {
        result.user: ApiError(result.error_code, result.error_message)
        if result.error_code
        else {_NAMES.get(info.mechanism, "UNKNOWN"): int(info.iterations) for info in result.credential_infos}
        for result in sorted(answer.results, key=lambda result: str(result.user))
        if result.error_code != ErrorCode.resource_not_found
    }


async def alter_credentials(
    session: Session, user: str, upserted: Mapping[str, NewCredential], deleted: Iterable[str]
) -> None:
    """Set and delete credentials of one user.

    If the request was retried because its response was lost, a missing credential counts as deleted.

    raises    ApiError
    """
    from kio.schema.alter_user_scram_credentials.v0.request import (
        AlterUserScramCredentialsRequest,
        ScramCredentialDeletion,
        ScramCredentialUpsertion,
    )

    def upsertion(mechanism: str, credential: NewCredential) -> ScramCredentialUpsertion:
        salt = secrets.token_bytes(SALT_BYTES)
        return ScramCredentialUpsertion(
            name=user,
            mechanism=i8(MECHANISMS[mechanism]),
            iterations=i32(credential.iterations),
            salt=salt,
            salted_password=salted_password(mechanism, credential.password, salt, credential.iterations),
        )

    request = AlterUserScramCredentialsRequest(
        deletions=tuple(ScramCredentialDeletion(name=user, mechanism=i8(MECHANISMS[name])) for name in deleted),
        upsertions=tuple(upsertion(name, credential) for name, credential in upserted.items()),
    )
    lost = session.lost_answers
    results = (await session.ask_controller(request)).results
    if session.lost_answers > lost:
        results = [each for each in results if each.error_code != ErrorCode.resource_not_found]
    ensure_none_failed(results)
