"""Turns frames on Kafka connections into readable messages.

A response is matched with its request by connection and correlation id. Pure: the time of each frame is an argument.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pykafka_cli.protocol.api_keys import APIS, ApiKey
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

    def accepts(self, header: WireHeader, body: Mapping[str, Any] | str, topic_ids: Collection[str] = ()) -> bool:
        """topic_ids    of these topics, as far as they are known"""
        if self.apis and header.api.lower() not in self.apis:
            return False
        return not self.topics or any(names(body, topic) for topic in (*self.topics, *topic_ids))

    def ids_in(self, body: Any) -> Iterator[str]:
        """The ids of these topics in a response that has both, such as Metadata's."""
        for topic in body.get("topics", ()) if self.topics and isinstance(body, Mapping) else ():
            if isinstance(topic, Mapping) and topic.get("name") in self.topics and topic.get("topicId"):
                yield topic["topicId"]


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


@dataclass
class _Connection:
    """is_logging_in    whether frames may be tokens of a login, without any header (SaslHandshake 0, KIP-43)"""

    address: str = ""
    pending: dict[int, _Pending] = field(default_factory=dict)
    is_logging_in: bool = False


class WireLog:
    """The messages on all connections of one process, or of one proxy.

    What is no request of a known API is not shown: it may be a token of a login.

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
        self._connections: dict[int, _Connection] = {}
        self._topic_ids: set[str] = set()

    def opened(self, connection: int, address: str) -> None:
        self._connections[connection] = _Connection(address)

    def sent(self, connection: int, frame: bytes) -> None:
        now = self._clock()
        on = self._connections.setdefault(connection, _Connection())
        try:
            header = read_header(frame)
        except ProtocolError:
            return  # the peer will report the error
        if header.api_key not in APIS:
            return
        body = _decoded(lambda: request_document(frame, self._show_record))
        if on.is_logging_in and isinstance(body, str):
            return
        on.is_logging_in = header.api_key == ApiKey.SASL_HANDSHAKE and header.api_version == 0
        is_shown = self._only.accepts(header, body, self._topic_ids)
        if not (header.api_key == ApiKey.PRODUCE and isinstance(body, Mapping) and body.get("acks") == 0):
            while len(on.pending) >= MOST_PENDING:
                del on.pending[next(iter(on.pending))]
            on.pending[header.correlation_id] = _Pending(header, now, is_shown)
        if is_shown:
            self._emit(on, now, header, None, body, len(frame))

    def received(self, connection: int, frame: bytes) -> None:
        now = self._clock()
        on = self._connections.get(connection, _Connection())
        request = on.pending.pop(int.from_bytes(frame[:4], signed=True), None)
        if request is None:
            return
        body = _decoded(lambda: response_document(frame, request.header, self._show_record))
        self._topic_ids.update(self._only.ids_in(body))
        # A Fetch in a session names only what has changed; its response has the rest.
        if request.is_shown or self._only.accepts(request.header, body, self._topic_ids):
            self._emit(on, now, request.header, now - request.seconds, body, len(frame))

    def ended(self, connection: int) -> None:
        self._connections.pop(connection, None)

    def _emit(
        self,
        on: _Connection,
        now: float,
        header: WireHeader,
        took: float | None,
        body: Mapping[str, Any] | str,
        size: int,
    ) -> None:
        self._show(WireMessage(now - self._began, on.address, header, took is not None, took, body, size))


def _decoded(decode: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | str:
    try:
        return decode()
    except ProtocolError as error:
        return str(error)
