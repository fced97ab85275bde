"""Turns frames on Kafka connections into readable messages.

A response is matched with its request by connection and correlation id. Pure: the time of each frame is an argument.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.message_documents import (
    ShowRecord,
    WireHeader,
    read_header,
    request_document,
    response_document,
)

MOST_PENDING = 10_000
"""Maximum number of pending requests of a connection; Produce with acks=0 gets no response."""


class WireMessage(NamedTuple):
    """A request or a response.

    seconds    when it was seen, since the start
    took       seconds since the request; None for a request
    body       fields by name; text if it cannot be decoded
    size       bytes, without the length
    """

    seconds: float
    address: str
    header: WireHeader
    is_response: bool
    took: float | None
    body: Mapping[str, Any] | str
    size: int


class WireFilter(NamedTuple):
    """Selects messages: of these APIs, in any case (all if empty), that name one of these topics."""

    apis: Collection[str] = ()
    topics: Collection[str] = ()

    def accepts(self, header: WireHeader, body: Mapping[str, Any] | str) -> bool:
        if self.apis and header.api.lower() not in self.apis:
            return False
        return not self.topics or any(names(body, topic) for topic in self.topics)


ALL = WireFilter()


def names(value: Any, text: str) -> bool:
    """Whether a text occurs anywhere in a document."""
    if isinstance(value, Mapping):
        return any(names(each, text) for each in value.values())
    if isinstance(value, list):
        return any(names(each, text) for each in value)
    return bool(value == text)


class _Pending(NamedTuple):
    header: WireHeader
    seconds: float
    is_shown: bool


class WireLog:
    """The messages on all connections of one process, or of one proxy.

    show      called for each message that the filter accepts, and for responses to such requests
    clock     seconds, monotonic
    """

    def __init__(
        self,
        show: Callable[[WireMessage], None],
        clock: Callable[[], float],
        only: WireFilter = ALL,
        show_record: ShowRecord | None = None,
    ) -> None:
        self._show, self._clock, self._only, self._show_record = show, clock, only, show_record
        self._began = clock()
        self._addresses: dict[int, str] = {}
        self._pending: dict[int, dict[int, _Pending]] = {}

    def opened(self, connection: int, address: str) -> None:
        self._addresses[connection] = address
        self._pending[connection] = {}

    def sent(self, connection: int, frame: bytes) -> None:
        now = self._clock()
        try:
            header = read_header(frame)
        except ProtocolError:
            return  # the peer will report the error
        body = _decoded(lambda: request_document(frame, self._show_record))
        is_shown = self._only.accepts(header, body)
        pending = self._pending.setdefault(connection, {})
        if not (header.api_key == ApiKey.PRODUCE and isinstance(body, Mapping) and body.get("acks") == 0):
            while len(pending) >= MOST_PENDING:
                del pending[next(iter(pending))]
            pending[header.correlation_id] = _Pending(header, now, is_shown)
        if is_shown:
            self._emit(connection, now, header, None, body, len(frame))

    def received(self, connection: int, frame: bytes) -> None:
        now = self._clock()
        request = self._pending.get(connection, {}).pop(int.from_bytes(frame[:4], signed=True), None)
        if request is None or not request.is_shown:
            return
        body = _decoded(lambda: response_document(frame, request.header, self._show_record))
        self._emit(connection, now, request.header, now - request.seconds, body, len(frame))

    def ended(self, connection: int) -> None:
        self._addresses.pop(connection, None)
        self._pending.pop(connection, None)

    def _emit(
        self,
        connection: int,
        now: float,
        header: WireHeader,
        took: float | None,
        body: Mapping[str, Any] | str,
        size: int,
    ) -> None:
        address = self._addresses.get(connection, "")
        self._show(WireMessage(now - self._began, address, header, took is not None, took, body, size))


def _decoded(decode: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | str:
    try:
        return decode()
    except ProtocolError as error:
        return str(error)
