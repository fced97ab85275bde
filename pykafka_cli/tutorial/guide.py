"""The dialog of a chapter: present an idea, let the learner type, see that it happened, explain, continue.

What the learner types here runs in a shell; what is typed in another terminal shows on the cluster. Both count.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Protocol

from pykafka_cli.output import tutorial as screen
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.tutorial.chapter import Chapter, Step
from pykafka_cli.tutorial.goals import missing_goals
from pykafka_cli.tutorial.playground import Playground

LOOK_AGAIN_S = 0.3
AFTER_COMMAND_S = 10.0
"""Seconds until a command's effect shows on the cluster: the loss of a member is noticed after a while."""

PLAY_S = 60.0
_END_OF_INPUT = None


class Lines(Protocol):
    """The source of the learner's lines."""

    async def next(self) -> str | None:
        """The next line without its end; None at the end of input."""


class Go(Enum):
    """Where to go from a step."""

    NEXT = auto()
    BACK = auto()
    QUIT = auto()


class StandardInput:
    """Lines of stdin, read byte by byte, so that the rest is left for the command that the line starts."""

    async def next(self) -> str | None:
        loop = asyncio.get_running_loop()
        line = bytearray()
        while True:
            byte = await self._byte(loop)
            if not byte and not line:
                return _END_OF_INPUT
            if byte in (b"", b"\n"):
                return line.decode(errors="replace")
            line += byte

    @staticmethod
    async def _byte(loop: asyncio.AbstractEventLoop) -> bytes:
        descriptor = sys.stdin.fileno()
        readable = loop.create_future()
        try:
            loop.add_reader(descriptor, _set_once, readable)
        except OSError:  # a regular file, which can always be read
            return os.read(descriptor, 1)
        try:
            await readable
        finally:
            loop.remove_reader(descriptor)
        try:
            return os.read(descriptor, 1)
        except OSError:  # the terminal is gone
            return b""


def _set_once(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class Guide:
    """One chapter with one learner.

    reached    called with the number of each step that begins
    """

    def __init__(
        self, chapter: Chapter, playground: Playground, lines: Lines, reached: Callable[[int], None] = lambda _: None
    ) -> None:
        self._chapter, self._playground, self._lines, self._reached = chapter, playground, lines, reached
        self._runs_command = False

    async def lead(self, first: int = 0) -> bool:
        """Lead through the chapter from a step on; False if the learner leaves before the end.

        first    the step to start at; those before it are done for the learner
        raises   ScriptError if they cannot be
        """
        screen.show_chapter(self._chapter, self._playground.exports)
        number = 0
        with self._heeding_interrupts():
            if not first and await self._go_on("Enter begins") is Go.QUIT:
                return False
            for step in self._chapter.steps[:first]:
                screen.show_catching_up(step)
                await self._do(step, quietly=True)
                number += 1
            while number < len(self._chapter.steps):
                self._reached(number)
                went = await self._lead_through(number)
                if went is Go.QUIT:
                    return False
                number = max(number - 1, 0) if went is Go.BACK else number + 1
        screen.show_end(self._chapter)
        return True

    async def play(self) -> None:
        """Do every step without a learner.

        raises    ScriptError for a step that does not meet its goals
        """
        screen.show_chapter(self._chapter, self._playground.exports)
        for number, step in enumerate(self._chapter.steps):
            self._show_step(number, step)
            await self._do(step)
            await self._show_outcome(step)
        screen.show_end(self._chapter)

    # ---- one step

    async def _lead_through(self, number: int) -> Go:
        step = self._chapter.steps[number]
        self._show_step(number, step)
        is_done = not step.type
        if step.until and not await self._missing(step):
            screen.show_already_done()
            is_done = True
        while not is_done:
            line = await self._line_or_success(step)
            if line is _END_OF_INPUT:
                return Go.QUIT
            match line.strip():
                case None | "quit" | "exit":
                    return Go.QUIT
                case "back":
                    return Go.BACK
                case "hint":
                    screen.show_hint(step, self._playground.fill_in(step.type))
                case "skip" | "next":
                    await self._do(step)
                    is_done = True
                case "help" | "?":
                    screen.show_help(step)
                case "":
                    is_done = await self._has_been_done_elsewhere(step)
                case command:
                    is_done = await self._try(step, command)
                    continue
            if is_done:
                break
        await self._show_outcome(step)
        return await self._go_on()

    async def _line_or_success(self, step: Step) -> str | None:
        """The learner's next line; empty as soon as the cluster shows that the step is done."""
        screen.prompt()
        reading = asyncio.ensure_future(self._whole_line())
        try:
            while step.until:
                await asyncio.wait((reading,), timeout=LOOK_AGAIN_S)
                if reading.done():
                    break
                if not await self._missing(step):
                    screen.end_prompt()
                    return ""
            return await reading
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _whole_line(self) -> str | None:
        """A line with those that continue it, each announced by a backslash at the end, as in a shell."""
        line = await self._lines.next()
        while line is not None and line.endswith("\\"):
            screen.prompt_for_more()
            following = await self._lines.next()
            line = line[:-1] + (following or "")
        return line

    async def _has_been_done_elsewhere(self, step: Step) -> bool:
        """Whether a step was done in another terminal."""
        if not step.until:
            return True  # the learner has looked at something in another terminal
        if missing := await self._missing(step):
            screen.show_missing(missing)
        return not missing

    async def _try(self, step: Step, command: str) -> bool:
        """Run a learner's command; whether the step is done."""
        status = await self._run(command)
        if step.until:
            missing = await self._missing(step, AFTER_COMMAND_S if status == 0 or step.stays else LOOK_AGAIN_S)
            if missing:
                screen.show_missing(missing)
            return not missing
        if status == 0 and is_same_script(command, step.type):
            return True
        screen.show_not_this(status)
        return False

    async def _go_on(self, reminder: str = "Enter continues") -> Go:
        """Wait until the learner has read; meanwhile lines typed here run as in a shell."""
        while True:
            screen.prompt(reminder)
            line = await self._whole_line()
            match line.strip() if line is not None else None:
                case None | "quit" | "exit":
                    return Go.QUIT
                case "back":
                    return Go.BACK
                case "" | "next" | "skip":
                    screen.end_prompt()
                    return Go.NEXT
                case command:
                    await self._run(command)

    async def _do(self, step: Step, *, quietly: bool = False) -> None:
        """Do a step for the learner.

        raises    ScriptError if its goals are not met
        """
        if step.stops:
            self._playground.interrupt(step.stops)
        if step.played:
            line = self._playground.fill_in(step.played)
            if step.stays:
                self._playground.run_in_background(step.stays, line)
            else:
                status = await self._run(f"({line}) > /dev/null" if quietly else line, step.input)
                if status not in (0, 128 + signal.SIGINT) and not step.until:
                    raise ScriptError(f"{step.title}: `{line}` ended with status {status}")
        if missing := await self._missing(step, PLAY_S):
            raise ScriptError(f"{step.title}: {'; '.join(missing)}")

    async def _run(self, line: str, given: str | None = None) -> int:
        """Run a line in a shell on this terminal; return its status.

        given    lines for its input; by default it reads the terminal
        """
        self._runs_command = True
        try:
            child = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                line,
                env=self._playground.environment,
                stdin=None if given is None else asyncio.subprocess.PIPE,
            )
            await child.communicate(None if given is None else given.encode())
        finally:
            self._runs_command = False
        assert child.returncode is not None
        return child.returncode if child.returncode >= 0 else 128 - child.returncode

    # ---- what is seen

    def _show_step(self, number: int, step: Step) -> None:
        screen.show_step(
            number,
            len(self._chapter.steps),
            step,
            self._playground.fill_in(step.idea),
            self._playground.fill_in(step.type),
            self._playground.exports,
        )

    async def _show_outcome(self, step: Step) -> None:
        """What has changed, and why."""
        if step.type or step.stops:
            screen.show_done()
        if step.show:
            line = self._playground.fill_in(step.show)
            screen.show_command(line)
            await self._run(line)
        if step.explain:
            screen.show_text(self._playground.fill_in(step.explain))

    async def _missing(self, step: Step, patience: float = 0) -> list[str]:
        """The goals that are not met after `patience` seconds."""
        if not step.until:
            return []
        deadline = time.monotonic() + patience
        async with contextlib.AsyncExitStack() as opened:
            from pykafka_cli.clients.errors import explain
            from pykafka_cli.transport.errors import ConnectionFailed

            try:
                session = await opened.enter_async_context(self._playground.session())
            except ConnectionFailed as failure:
                return [explain(failure)[0]]
            while True:
                missing = await missing_goals(session, step.until, self._playground.read_znode)
                if not missing or time.monotonic() >= deadline:
                    return missing
                await asyncio.sleep(LOOK_AGAIN_S)

    @contextmanager
    def _heeding_interrupts(self) -> Iterator[None]:
        """Pass Ctrl-C to the running command; without one, it ends the tutorial."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task

        def interrupted() -> None:
            if not self._runs_command:
                task.cancel()

        loop.add_signal_handler(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)


def is_same_script(typed: str, wanted: str) -> bool:
    """Whether two command lines run the same script, under any of its names."""
    return _script_of(typed) == _script_of(wanted) != ""


def _script_of(line: str) -> str:
    """The command of `pk` in a line, which may be at the end of a pipe."""
    try:
        words = shlex.split(line.rpartition("|")[2])
    except ValueError:
        return ""
    if not words:
        return ""
    name = words[0].rsplit("/", 1)[-1]
    if name == "pk":
        return words[1] if len(words) > 1 else ""
    return name.removesuffix(".sh").removeprefix("kafka-")
