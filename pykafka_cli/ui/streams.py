"""Messages as they are found or arrive: server-sent events for the page, CSV for downloads.

    event: rows        rows of the table, as HTML
    event: progress    the progress of the search
    event: end         nothing more will come

Leaving the page, or stopping, closes the connection, and that ends the read.
"""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from pykafka_cli.clients.session import Session
from pykafka_cli.ui.connection import ClusterConnection
from pykafka_cli.ui.problems import PROBLEMS, problem_of
from pykafka_cli.ui.views import Document, Query
from pykafka_cli.ui.views.messages import search, tail, wanted_of

KEEP_ALIVE_S = 10.0
"""Seconds between comments on an idle connection, which show whether its reader has left."""

COLUMNS = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")

Render = Callable[[str, Document], str]
"""Renders a part of the page by the name of its template."""


def event(name: str, text: str) -> str:
    return "".join((f"event: {name}\n", *(f"data: {line}\n" for line in text.splitlines() or [""]), "\n"))


async def found_events(connection: ClusterConnection, query: Query, render: Render) -> AsyncGenerator[str]:
    """The records that a search finds, and its progress."""
    try:
        wanted = wanted_of(query)
        yield event(
            "progress", render("progress.html", {"read": 0, "of": None, "count": 0, "is_over": False, "missing": ()})
        )
        count, read, of = 0, 0, 0
        missing: tuple[int, ...] = ()
        async with aclosing(search(await connection.session(), wanted)) as windows:
            async for records, read, of, missing in windows:
                count += len(records)
                if records:
                    yield event("rows", render("rows.html", {"records": records}))
                progress = {"read": read, "of": of, "count": count, "missing": missing}
                yield event("progress", render("progress.html", {**progress, "is_over": False}))
        progress = {"read": read, "of": of, "count": count, "missing": missing}
        yield event("progress", render("progress.html", {**progress, "is_over": True}))
    except PROBLEMS as problem:
        yield event("progress", render("problem.html", problem_of(problem)[0]))
    yield event("end", "")


async def arriving_events(connection: ClusterConnection, query: Query, render: Render) -> AsyncGenerator[str]:
    """Records as they arrive; comments in between keep the connection open."""
    try:
        wanted = wanted_of(query)
        session: Session = await connection.session()
        yield event("progress", render("tailing.html", {"skipped": 0}))
        skipped = 0
        async with aclosing(tail(session, wanted)) as arriving:
            upcoming = asyncio.ensure_future(anext(arriving))
            try:
                while True:
                    done, _ = await asyncio.wait((upcoming,), timeout=KEEP_ALIVE_S)
                    if not done:
                        yield ": nothing new\n\n"
                        continue
                    arrived = upcoming.result()
                    yield event("rows", render("rows.html", {"records": arrived.records[::-1]}))
                    if arrived.skipped:
                        skipped += arrived.skipped
                        yield event("progress", render("tailing.html", {"skipped": skipped}))
                    upcoming = asyncio.ensure_future(anext(arriving))
            finally:
                upcoming.cancel()
                await asyncio.wait((upcoming,))
    except PROBLEMS as problem:
        yield event("progress", render("problem.html", problem_of(problem)[0]))
        yield event("end", "")


def as_csv(records: Sequence[Document]) -> str:
    """A line of names, then one for each record; headers are lines of NAME=TEXT in their field."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for record in records:
        headers = "\n".join(f"{each['key']}={each['value'] or ''}" for each in record["headers"])
        writer.writerow([*(record[name] for name in COLUMNS[:-1]), headers])
    return file.getvalue()
