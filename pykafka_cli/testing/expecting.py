"""`pk expect` and `pk mark` for tests in Python."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import OffsetSpec, Seconds
from pykafka_cli.output.expect import Summary, failure_lines
from pykafka_cli.procedures.expect import DEFAULTS, Wanted, check
from pykafka_cli.procedures.mark import mark_ends
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.rules.expect_json import Want
from pykafka_cli.rules.expect_ledger import Expectation
from pykafka_cli.rules.expect_marks import decode_mark, encode_mark
from pykafka_cli.rules.expect_records import Filter, Texts
from pykafka_cli.rules.wait_conditions import parse_condition
from pykafka_cli.script.opening import unchecked_session
from pykafka_cli.testing.operations import Client
from pykafka_cli.wall_clock import now_ms


@dataclass(frozen=True)
class Expected:
    """The arguments of `Cluster.expect`."""

    topic: str
    conditions: Sequence[str]
    count: int | None
    json_subset: Sequence[Any]
    ordered_by_key: bool
    exactly: bool
    key: str | None
    headers: Sequence[tuple[str, str | None]]
    value_matches: str | None
    since: str | None
    within: float
    grace: float
    read_committed: bool


async def mark(client: Client, topics: Sequence[str]) -> str:
    """Return a token for the current ends of topics. raises    ApiError, ConnectionFailed"""
    address, properties = client
    async with unchecked_session(address, ClientSettings(properties)) as session:
        return encode_mark(await mark_ends(session, topics, now_ms(), read_committed=False))


async def differences(client: Client, expected: Expected) -> str:
    """How the records differ from those expected, as `pk expect` reports it; empty if they do not.

    raises    BadMark, BadCondition, re.error
    """
    address, properties = client
    level = "read_committed" if expected.read_committed else "read_uncommitted"
    own = {"auto.offset.reset": "earliest", "allow.auto.create.topics": "false", "isolation.level": level}
    merged: Mapping[str, str] = {**DEFAULTS, **properties, **own}
    wanted = _wanted(expected)
    report = await check(
        lambda: unchecked_session(address, ClientSettings(merged)), ConsumerSettings(merged), wanted, lambda _: None
    )
    if report.is_met:
        return ""
    summary = Summary(
        is_met=False,
        timed_out=report.timed_out,
        elapsed=report.elapsed,
        within=wanted.within,
        seen=report.seen,
        counted=report.counted,
        problem=report.problem,
        hint=report.hint,
        notes=report.notes,
    )
    return "\n".join(line.text for line in failure_lines(summary, report.assertions))


def _wanted(expected: Expected) -> Wanted:
    expression = expected.value_matches
    records = Expectation(
        expected.topic,
        expected.count,
        [Want(number, value) for number, value in enumerate(expected.json_subset, 1)],
        "json_subset",
        expected.ordered_by_key,
        expected.exactly,
        Filter(expected.key, tuple(expected.headers), re.compile(expression) if expression else None, expression or ""),
    )
    return Wanted(
        records,
        OffsetSpec.EARLIEST if expected.since is None else decode_mark(expected.since),
        Texts(),
        [(word, parse_condition(word)) for word in expected.conditions],
        Seconds(expected.within),
        Seconds(expected.grace),
    )
