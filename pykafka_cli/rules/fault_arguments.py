"""The arguments of `pk fault`: the API by name, the error by name or code."""

import difflib
import re
from collections.abc import Iterable

from kio.schema.errors import ErrorCode

from pykafka_cli.protocol.api_keys import ApiKey

BETWEEN_BROKERS = frozenset({
    ApiKey.LEADER_AND_ISR, ApiKey.STOP_REPLICA, ApiKey.UPDATE_METADATA, ApiKey.CONTROLLED_SHUTDOWN,
    ApiKey.WRITE_TXN_MARKERS, ApiKey.ALTER_PARTITION, ApiKey.ENVELOPE, ApiKey.ALLOCATE_PRODUCER_IDS,
})  # fmt: skip
"""APIs that clients do not use."""

_CLIENT_APIS = {key.title.lower(): key for key in ApiKey if key.newest_in_3_9 is not None and key.is_for_brokers}


class BadFault(Exception):
    """An impossible fault; `hint` says what would help."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def parse_api(word: str) -> ApiKey:
    """The API of a name such as Produce, FETCH or list_offsets.

    raises    BadFault
    """
    key = _CLIENT_APIS.get(_letters(word))
    if key is None:
        raise BadFault(f"{word!r} is not an API of Kafka", _nearest(word, (key.title for key in _CLIENT_APIS.values())))
    if key in BETWEEN_BROKERS:
        raise BadFault(f"{key.title} is not an API for clients", "Faults are for requests of clients.")
    return key


def parse_error(word: str) -> ErrorCode:
    """The error of a name such as NOT_LEADER_OR_FOLLOWER or NotLeaderOrFollowerException, or of a code such as 6.

    raises    BadFault
    """
    names = {_letters(code.name): code for code in ErrorCode if code is not ErrorCode.none}
    if re.fullmatch(r"-?\d+", word, re.ASCII):
        found = next((code for code in names.values() if code.value == int(word)), None)
    else:
        letters = _letters(word)
        of_class = re.sub(r"(exception|error)$", "", letters)
        found = names.get(letters) or names.get(of_class) or names.get(f"{of_class}failed")
    if found is None:
        raise BadFault(f"{word!r} is not an error of Kafka", _nearest(word, (name_of(code) for code in names.values())))
    return found


def name_of(error: ErrorCode) -> str:
    """The error's name, as in Kafka's documentation."""
    return error.name.upper()


def _letters(word: str) -> str:
    return re.sub(r"[_\- ]", "", word).lower()


def _nearest(word: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.upper(), by_upper := {name.upper(): name for name in names}, n=1)
    return f"Did you mean {by_upper[near[0]]}?" if near else ""
