"""The operations of `Cluster`, each with a new session: brokers may come and go between two calls of a test."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from pykafka_cli.clients.admin.topics import DEFAULT_PARTITIONS, DEFAULT_REPLICATION_FACTOR, create_topic, delete_topics
from pykafka_cli.clients.producing.producer import Producer
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import Seconds
from pykafka_cli.procedures.wait import DEFAULTS, wait_until_met
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.wait_conditions import parse_condition
from pykafka_cli.script.opening import unchecked_session
from pykafka_cli.testing.records import Record, read_records
from pykafka_cli.wall_clock import now_ms

Client: TypeAlias = tuple[str, Mapping[str, str]]
"""Bootstrap servers, and a client's properties."""


def _session(client: Client) -> Session:
    address, properties = client
    return unchecked_session(address, ClientSettings(properties))


async def create(
    client: Client, name: str, partitions: int | None, replication_factor: int | None, configs: Mapping[str, str]
) -> None:
    """raises    ApiError, ConnectionFailed"""
    async with _session(client) as session:
        await create_topic(
            session,
            name,
            partitions=partitions or DEFAULT_PARTITIONS,
            replication_factor=replication_factor or DEFAULT_REPLICATION_FACTOR,
            configs=configs,
        )


async def delete(client: Client, names: Sequence[str]) -> None:
    """raises    ApiError, ConnectionFailed"""
    async with _session(client) as session:
        await delete_topics(session, names)


async def send(
    client: Client,
    topic: str,
    pairs: Sequence[tuple[bytes | None, bytes | None]],
    headers: list[tuple[str, bytes | None]],
) -> None:
    """raises    RuntimeError with the broker's words for the first batch that was rejected"""
    failures: list[str] = []

    def note(result: Any) -> None:
        if result.failure:
            failures.append(result.failure.message)

    settings = ProducerSettings({"linger.ms": "0"})
    async with _session(client) as session:
        producer = Producer(session, topic, settings, choose=random.randrange, on_result=note, warn=lambda _: None)
        async with producer:
            await producer.send(
                [value for _, value in pairs],
                [key for key, _ in pairs] if any(key is not None for key, _ in pairs) else None,
                [headers] * len(pairs) if headers else None,
                timestamp_ms=now_ms(),
            )
    if failures:
        raise RuntimeError(f"{topic}: {failures[0]}")


async def read(client: Client, topic: str, count: int | None, within: float, *, committed: bool) -> list[Record]:
    """Return the records that arrive within some seconds, at most `count`.

    raises    ApiError, ConnectionFailed, CorruptRecords
    """
    came: list[Record] = []
    async with _session(client) as session:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await read_records(session, topic, count, came, committed=committed)
    return came


async def wait(client: Client, words: Sequence[str], timeout: float) -> list[str]:
    """A line for each condition that is not met at the end.

    raises    BadCondition
    """
    address, properties = client
    settings = ClientSettings({**DEFAULTS, **properties})
    conditions = [parse_condition(word) for word in words]
    unmet = await wait_until_met(
        lambda: unchecked_session(address, settings), conditions, Seconds(timeout), lambda _: None
    )
    return [f"{words[each.number]}: {each.reason}" for each in unmet]
