"""The coordinator of a group or a transactional id: found through any broker, and again after it has moved."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v3.request import FindCoordinatorRequest as FindOneCoordinatorRequest
from kio.schema.find_coordinator.v6.request import FindCoordinatorRequest
from kio.static.primitive import i8

from pykafka_cli.clients.error_traits import COORDINATOR_UNREADY, LOST_COORDINATOR
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.message_versions import as_type, in_version
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, Seconds
from pykafka_cli.transport.connection import Connection, VersionRange
from pykafka_cli.transport.errors import ConnectionFailed, Rejected, VersionUnsupported
from pykafka_cli.transport.messages import response_type_of

_log = logging.getLogger(__name__)

GROUP, TRANSACTION = 0, 1
_FIRST_BATCHED = 4


async def find_coordinator(session: Session, key: str, kind: int = GROUP) -> BrokerId:
    """The id of the coordinator of a group or transactional id.

    raises    ApiError, ConnectionFailed
    """
    found = (await find_coordinators(session, [key], kind))[key]
    if isinstance(found, ApiError):
        raise found
    return found


async def find_coordinators(session: Session, keys: Sequence[str], kind: int = GROUP) -> dict[str, BrokerId | ApiError]:
    """The coordinators of many, in one request if the broker supports it.

    raises    ConnectionFailed
    """
    try:
        request = FindCoordinatorRequest(key_type=i8(kind), coordinator_keys=tuple(keys))
        found = {str(each.key): each for each in (await session.ask(request, oldest=_FIRST_BATCHED)).coordinators}
    except VersionUnsupported:
        found = {
            key: await session.ask(FindOneCoordinatorRequest(key=key, key_type=i8(kind)), oldest=min(kind, 1))
            for key in keys
        }
    return {
        key: each.node_id
        if each.error_code is ErrorCode.none
        else ApiError(each.error_code, _refusal(key, each.error_code) or each.error_message or None)
        for key, each in found.items()
    }


def _refusal(key: str, code: ErrorCode) -> str:
    """The text of Kafka's admin client if the lookup is not authorized; otherwise empty."""
    match code:
        case ErrorCode.group_authorization_failed:
            what, type_ = "groupId", "GROUP"
        case ErrorCode.transactional_id_authorization_failed:
            what, type_ = "transactionalId", "TRANSACTION"
        case _:
            return ""
    return (
        f"FindCoordinator request for {what} `CoordinatorKey(idValue='{key}', type={type_})` failed due to "
        "authorization failure"
    )


def top_level_error(answer: Any) -> ErrorCode:
    """The top-level error code of a response."""
    return ErrorCode(answer.error_code)


class Coordinator:
    """Sends requests to the current coordinator of one group or transactional id.

    kind        GROUP or TRANSACTION
    private     use a separate connection, so that requests do not wait for others to that broker
    """

    def __init__(self, session: Session, group_id: str, *, private: bool, pause: Seconds, kind: int = GROUP) -> None:
        self.group_id = group_id
        self._kind = kind
        self._session = session
        self._private = private
        self._pause = pause
        self._connection: Connection | None = None
        self._finding = asyncio.Lock()
        self.broker: BrokerId | None = None

    async def ask(
        self,
        request: Any,
        *,
        again: Any = None,
        oldest: int = 0,
        error_of: Callable[[Any], ErrorCode] = top_level_error,
        timeout: Seconds | None = None,
        deadline: float | None = None,
    ) -> Any:
        """The coordinator's response; retried while it moves, loads, or cannot be reached, until `deadline`.

        again       sent instead of `request` from the second time on: the first may have been carried out
        error_of    returns the response's error, to detect another coordinator
        timeout     seconds for one response
        deadline    the loop's time; default.api.timeout.ms from now if not given
        raises      ConnectionFailed, ApiError if there is no coordinator; other errors are in the response
        """
        clock = asyncio.get_running_loop().time
        last = clock() + self._session.settings.api_timeout if deadline is None else deadline
        while True:
            try:
                connection = await self._connect()
                answer = await ask_over(connection, request, oldest=oldest, timeout=timeout)
                code = error_of(answer)
                if code not in COORDINATOR_UNREADY:
                    return answer
                if code in LOST_COORDINATOR:
                    self._connection = None
                problem: Exception | None = None
            except (VersionUnsupported, Rejected):
                raise
            except ConnectionFailed as failure:
                self._connection, problem = None, failure
            except ApiError as error:
                if error.code not in COORDINATOR_UNREADY:
                    raise
                problem = error
            _log.debug(
                "The coordinator of %s does not respond as such (%s): %s",
                self.group_id,
                problem or code.name.upper(),
                "giving up" if clock() + self._pause > last else f"trying again in {self._pause:g} s",
            )
            if clock() + self._pause > last:
                if problem:
                    raise problem
                return answer
            request = again or request
            await asyncio.sleep(self._pause)

    def hang_up(self) -> None:
        """Close the connection, which fails requests in flight; the next request opens another."""
        if self._private and self._connection:
            self._connection.close()
        self._connection = None

    async def _connect(self) -> Connection:
        async with self._finding:
            if self._connection is None or not self._connection.is_open:
                self.broker = await find_coordinator(self._session, self.group_id, self._kind)
                _log.debug("Broker %s is the coordinator of %s", self.broker, self.group_id)
                open_one = self._session.private_connection if self._private else self._session.connection
                self._connection = await open_one(self.broker)
            return self._connection


async def ask_over(connection: Connection, request: Any, *, oldest: int = 0, timeout: Seconds | None = None) -> Any:
    """A connection's response in the version of `request`, whatever version the broker speaks.

    raises    ConnectionFailed
    """
    newest = int(request.__version__)
    version = await connection.newest(request.__api_key__, VersionRange(oldest, newest))
    answer = await connection.request(in_version(request, version), timeout=timeout)
    return answer if version == newest else as_type(answer, response_type_of(type(request)))
