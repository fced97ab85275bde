"""A failure keeps the script's words; what would help is beside it."""

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.script.errors import ScriptError, in_java, reported


def test_who_asks_for_acls_that_are_off_learns_what_switches_them_on() -> None:
    error = ApiError(ErrorCode.security_disabled, "No Authorizer is configured on the broker")

    with pytest.raises(ScriptError) as failed, reported("Error: ", {ApiError: in_java}):
        raise error

    assert str(failed.value) == f"Error: {error.java}"
    assert "authorizer.class.name" in failed.value.hint


def test_a_cause_is_the_hint() -> None:
    error = ApiError(ErrorCode.unknown_server_error)

    with pytest.raises(ScriptError) as failed, reported("", {ApiError: in_java}):
        raise error from ValueError("the cause")

    assert failed.value.hint == "the cause"
