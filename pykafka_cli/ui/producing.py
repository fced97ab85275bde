"""Sends one record that a user has typed, or sends again."""

import random
from collections.abc import Mapping

from pykafka_cli.clients.admin.topics import assignments
from pykafka_cli.clients.producing.producer import Producer
from pykafka_cli.clients.producing.record_queue import Header
from pykafka_cli.clients.producing.sender import Result
from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
from pykafka_cli.clients.session import Session
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.ui.fields import BadField, typed
from pykafka_cli.ui.views import BadQuery, Document, required
from pykafka_cli.wall_clock import now_ms

_PATIENCE = {"delivery.timeout.ms": "8000", "max.block.ms": "5000"}


class NotSent(Exception):
    """The cluster rejects the record."""


def headers_of(text: str) -> list[Header]:
    """Parse headers, one NAME: VALUE, or NAME:: VALUE in base64, per line.

    raises    BadQuery
    """
    headers: list[Header] = []
    for line in filter(str.strip, text.splitlines()):
        name, colon, value = line.partition(":")
        if not colon:
            raise BadQuery(f"Header {line}: there is no colon after its name")
        is_base64 = value.startswith(":")
        headers.append((name.strip(), _typed(value.lstrip(":").strip(), "base64" if is_base64 else "text")))
    return headers


def _typed(text: str, form: str) -> bytes:
    """raises    BadQuery"""
    try:
        return typed(text, form)
    except BadField as problem:
        raise BadQuery(str(problem)) from None


async def produce(session: Session, form: Mapping[str, str]) -> Document:
    """Send a record to the partition of its key, or to any without one; return its partition and offset.

    An empty key means no key; without a value, `tombstone` sends null.
    raises    BadQuery, NotSent, ConnectionFailed, ApiError if there is no such topic
    """
    topic = required(form, "topic")
    await assignments(session, [topic])  # the producer would create a missing topic
    key = _typed(form.get("key", ""), form.get("key_as") or "text") or None
    value = None if form.get("tombstone") else _typed(form.get("value", ""), form.get("value_as") or "text")
    results: list[Result] = []
    producer = Producer(
        session,
        topic,
        ProducerSettings({**session.settings.properties, **_PATIENCE}),
        choose=random.randrange,
        on_result=results.append,
        warn=lambda _: None,
    )
    try:
        async with producer:
            await producer.send([value], [key], [headers_of(form.get("headers", ""))], timestamp_ms=now_ms())
    except ProducerRefused as problem:
        raise NotSent(f"{topic}: {problem.text.message}") from None
    (result,) = results
    if result.failure:
        raise NotSent(f"{topic}: {result.failure.message}")
    return {"topic": topic, "partition": result.batch.partition, "offset": result.base_offset}
