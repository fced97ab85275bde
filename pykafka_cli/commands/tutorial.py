"""`pk tutorial`: a guided course on a cluster of its own."""

import asyncio
import signal
import sys
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.errors import Ended, ScriptError, UsageError
from pykafka_cli.script.own_command import PlainOwnCommand
from pykafka_cli.transport import event_loop

if TYPE_CHECKING:
    from pykafka_cli.tutorial.playground import Playground

T = TypeVar("T")

EPILOG = """\b
The course starts a cluster in a temporary directory. It explains one
idea at a time and what to type, watches the cluster to see that it happened,
and explains what has changed. Type the command there or in another terminal.

\b
Examples:
  pk tutorial
  pk tutorial groups
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=PlainOwnCommand, epilog=EPILOG)
def tutorial(
    chapter: Annotated[
        str | None, typer.Argument(metavar="[CHAPTER]", help="Where to begin; by default, where you stopped.")
    ] = None,
    list_chapters: Annotated[bool, typer.Option("--list", help="List the chapters.")] = False,
    play: Annotated[bool, typer.Option("--play", help="Show a chapter without waiting for you to type.")] = False,
) -> None:
    """Learn Kafka step by step, on a cluster that is started for you."""
    from pykafka_cli.output.tutorial import show_chapters
    from pykafka_cli.tutorial.chapter import NAMES, titles
    from pykafka_cli.tutorial.progress import Place, read_progress

    found = read_progress()
    if list_chapters:
        show_chapters(titles(), found.chapter if found else None)
        return
    if chapter is not None and chapter not in NAMES:
        raise UsageError(f"There is no chapter {chapter}", hint=f"Chapters: {', '.join(NAMES)}")
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _leave)  # through every `finally` that stops servers
    if play:
        _play(chapter or NAMES[0])
        return
    if not sys.stdin.isatty():
        raise ScriptError(
            "The tutorial is a dialog, and standard input is not a terminal.",
            hint="--play shows a chapter without one.",
        )
    place = Place(chapter, 0) if chapter else found if found and found.chapter in NAMES else Place(NAMES[0], 0)
    _lead(place.chapter, place.step)


def _leave(number: int, _frame: object) -> None:
    raise Ended(128 + number)


def _play(name: str) -> None:
    from pykafka_cli.output.tutorial import show_starting
    from pykafka_cli.tutorial.chapter import load_chapter
    from pykafka_cli.tutorial.guide import Guide, StandardInput
    from pykafka_cli.tutorial.playground import open_playground

    chapter = load_chapter(name)
    show_starting()
    with open_playground(chapter.cluster) as playground:
        event_loop.run(_closing(playground, Guide(chapter, playground, StandardInput()).play()))


def _lead(name: str, first: int) -> None:
    """From a step of a chapter to the end of the course."""
    from pykafka_cli.output.tutorial import show_pause, show_starting
    from pykafka_cli.tutorial.chapter import NAMES, load_chapter
    from pykafka_cli.tutorial.guide import Guide, StandardInput
    from pykafka_cli.tutorial.playground import open_playground
    from pykafka_cli.tutorial.progress import Place, write_progress

    for each in NAMES[NAMES.index(name) :]:
        chapter = load_chapter(each)
        show_starting()
        with open_playground(chapter.cluster) as playground:
            guide = Guide(chapter, playground, StandardInput(), partial(_remember, each))
            try:
                is_finished = event_loop.run(_closing(playground, guide.lead(min(first, len(chapter.steps) - 1))))
            except asyncio.CancelledError:
                is_finished = False
        if not is_finished:
            show_pause()
            raise Ended(ExitStatus.SUCCESS)
        first = 0
        following = NAMES[NAMES.index(each) + 1 :]
        if following:
            write_progress(Place(following[0], 0))
    write_progress(Place(NAMES[0], 0))


def _remember(chapter: str, step: int) -> None:
    from pykafka_cli.tutorial.progress import Place, write_progress

    write_progress(Place(chapter, step))


async def _closing(playground: "Playground", course: "Awaitable[T]") -> T:
    try:
        return await course
    finally:
        await playground.close()
