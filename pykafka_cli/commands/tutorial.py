"""`pk tutorial`: a guided course, on its own cluster."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.errors import Ended, ScriptError, UsageError
from pykafka_cli.script.own_command import PlainOwnCommand
from pykafka_cli.transport import event_loop

if TYPE_CHECKING:
    from pykafka_cli.tutorial.guide import Go
    from pykafka_cli.tutorial.lines import Lines
    from pykafka_cli.tutorial.playground import Playground

T = TypeVar("T")

_ENDING = (signal.SIGTERM, signal.SIGHUP)

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
    clear_after: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Learn Kafka step by step, on a cluster that is started for you."""
    if clear_after is not None:
        from pykafka_cli.tutorial.clearing import clear_after_end

        clear_after_end(clear_after)
        return
    from pykafka_cli.output.tutorial import show_chapters
    from pykafka_cli.tutorial.chapter import NAMES, titles
    from pykafka_cli.tutorial.progress import Place, read_progress

    found = read_progress()
    if list_chapters:
        show_chapters(titles(), found.chapter if found else None)
        return
    if chapter is not None and chapter not in NAMES:
        raise UsageError(f"There is no chapter {chapter}", hint=f"Chapters: {', '.join(NAMES)}")
    for each in _ENDING:
        signal.signal(each, _leave)
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
    from pykafka_cli.tutorial.guide import Guide
    from pykafka_cli.tutorial.lines import StandardInput
    from pykafka_cli.tutorial.playground import open_playground

    chapter = load_chapter(name)
    show_starting()
    with open_playground(chapter.cluster) as playground:
        event_loop.run(_closing(playground, Guide(chapter, playground, StandardInput()).play()))


def _lead(name: str, first: int) -> None:
    """From a step of a chapter to the end of the course."""
    from pykafka_cli.output.tutorial import show_pause
    from pykafka_cli.tutorial.chapter import NAMES
    from pykafka_cli.tutorial.guide import Go
    from pykafka_cli.tutorial.lines import learners_lines
    from pykafka_cli.tutorial.progress import Place, write_progress

    lines = learners_lines()
    for each in NAMES[NAMES.index(name) :]:
        went = Go.RESTART
        while went is Go.RESTART:
            went, first = _lead_through(each, first, lines)
        if went is Go.QUIT:
            show_pause()
            raise Ended(ExitStatus.SUCCESS)
        first = 0
        following = NAMES[NAMES.index(each) + 1 :]
        if following:
            write_progress(Place(following[0], 0))
    write_progress(Place(NAMES[0], 0))


def _lead_through(name: str, first: int, lines: "Lines") -> "tuple[Go, int]":
    """Through one chapter, from a step on; how it ended, and the step that was reached."""
    from pykafka_cli.commands import COMMANDS
    from pykafka_cli.output.tutorial import show_starting
    from pykafka_cli.tutorial.chapter import load_chapter
    from pykafka_cli.tutorial.guide import Guide
    from pykafka_cli.tutorial.playground import open_playground
    from pykafka_cli.tutorial.progress import Place, write_progress

    chapter = load_chapter(name)
    reached = [min(first, len(chapter.steps) - 1)]

    def remember(step: int) -> None:
        reached[0] = step
        write_progress(Place(name, step))

    show_starting()
    with open_playground(chapter.cluster) as playground:
        guide = Guide(chapter, playground, lines, COMMANDS, remember)
        went = event_loop.run(_closing(playground, guide.lead(reached[0])))
    return went, reached[0]


async def _closing(playground: "Playground", course: "Coroutine[Any, Any, T]") -> T:
    """Run the course until it ends, or until a signal ends it; raises Ended then."""
    loop, task, received = asyncio.get_running_loop(), asyncio.ensure_future(course), list[int]()

    def end(number: int) -> None:
        received.append(number)
        task.cancel()

    for each in _ENDING:
        loop.add_signal_handler(each, end, each)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Ended(128 + received[0]) from None
        raise
    finally:
        for each in _ENDING:
            loop.remove_signal_handler(each)
            signal.signal(each, _leave)
        await playground.close()
