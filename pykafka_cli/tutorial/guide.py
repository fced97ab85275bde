"""The dialog of a chapter: present an idea, let the learner type, see that it happened, explain, continue.

What the learner types here runs in a shell; what is typed in another terminal shows on the cluster. Both count.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from enum import Enum, auto

from pykafka_cli.output import tutorial as screen
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.tutorial.chapter import Chapter, Step
from pykafka_cli.tutorial.equivalent import is_equivalent, missing_pk, stays_in_front
from pykafka_cli.tutorial.goals import missing_goals
from pykafka_cli.tutorial.lines import Lines
from pykafka_cli.tutorial.playground import Playground

LOOK_AGAIN_S = 0.3
AT_ONCE_S, LATER_S = 1.5, 15.0
"""Seconds until a command's effect shows on the cluster, and until it notices the loss of a member or broker."""

LATER = frozenset({"alive", "isr", "leader", "members", "start", "state"})
"""Kinds of goals that take longer."""

PLAY_S = 60.0
SAYS_NOTHING_S = 1.0
_END_OF_INPUT = None
_INTERRUPTED = 128 + signal.SIGINT


class Go(Enum):
    """Where to go from a step."""

    NEXT = auto()
    BACK = auto()
    RESTART = auto()
    """The step on a new cluster."""
    QUIT = auto()


class Guide:
    """One chapter with one learner.

    commands   names of pk's commands, which are not to be typed without `pk`
    reached    called with the number of each step that begins
    """

    def __init__(
        self,
        chapter: Chapter,
        playground: Playground,
        lines: Lines,
        commands: Container[str] = (),
        reached: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._chapter, self._playground, self._lines, self._reached = chapter, playground, lines, reached
        self._commands = commands
        self._runs_command = False
        self._is_impatient = False

    async def lead(self, first: int = 0) -> Go:
        """Lead through the chapter from a step on, until its end or until the learner wants something else.

        first    the step to start at; those before it are done for the learner
        raises   ScriptError if they cannot be
        """
        screen.show_chapter(self._chapter, self._playground.exports, resumes=first > 0)
        number = 0
        with self._lines.shown(), self._heeding_interrupts():
            if not first and (went := await self._go_on("Enter begins")) in (Go.QUIT, Go.RESTART):
                return went
            for step in self._chapter.steps[:first]:
                screen.show_catching_up(step)
                await self._do(step, quietly=True)
                number += 1
            while number < len(self._chapter.steps):
                self._reached(number)
                went = await self._lead_through(number)
                if went in (Go.QUIT, Go.RESTART):
                    return went
                number = max(number - 1, 0) if went is Go.BACK else number + 1
        screen.show_end(self._chapter)
        return Go.NEXT

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
        is_done = False
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
                case "restart":
                    return Go.RESTART
                case "hint":
                    screen.show_hint(step, self._playground.fill_in(step.hint), self._playground.fill_in(step.type))
                case "skip" | "next":
                    is_done = await self._skip(step)
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
        reading = asyncio.ensure_future(self._lines.next())
        try:
            while step.until:
                await asyncio.wait((reading,), timeout=LOOK_AGAIN_S)
                if reading.done():
                    break
                if not await self._missing(step):
                    reading.cancel()
                    await asyncio.wait((reading,))
                    return ""
            return await reading
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _has_been_done_elsewhere(self, step: Step) -> bool:
        """Whether a step was done in another terminal."""
        if not step.until:
            return True  # the learner has looked at something in another terminal
        if missing := await self._missing(step):
            screen.show_missing(missing)
        return not missing

    async def _try(self, step: Step, command: str) -> bool:
        """Run a learner's command; whether the step is done."""
        if suggestion := missing_pk(command, self._commands):
            screen.show_suggestion(suggestion)
            return False
        if step.stays and stays_in_front(command) and is_equivalent(command, step.type):
            screen.show_for_another_terminal()
            return False
        status = await self._run(command)
        is_ended = status in (0, _INTERRUPTED)
        if step.until:
            is_it = is_ended and is_equivalent(command, step.type)
            if missing := await self._missing(step, _patience(step) if is_it else AT_ONCE_S):
                screen.show_missing(missing)
            return not missing
        if not is_equivalent(command, step.type) or not (is_ended or step.fails):
            screen.show_not_this(0 if is_ended else status)
            return False
        if lacking := [word for word in step.words if word not in command]:
            screen.show_lacking(lacking)
        return not lacking

    async def _skip(self, step: Step) -> bool:
        """Do a step for the learner; whether that was possible after what the learner has done."""
        try:
            await self._do(step)
        except ScriptError as problem:
            screen.show_cannot_skip(str(problem))
            return False
        return True

    async def _go_on(self, reminder: str = "Enter continues") -> Go:
        """Wait until the learner has read; meanwhile lines typed here run as in a shell."""
        while True:
            line = await self._lines.next(reminder)
            match line.strip() if line is not None else None:
                case None | "quit" | "exit":
                    return Go.QUIT
                case "back":
                    return Go.BACK
                case "restart":
                    return Go.RESTART
                case "help" | "?" | "hint":
                    screen.show_help(None)
                case "" | "next" | "skip":
                    return Go.NEXT
                case command if suggestion := missing_pk(command, self._commands):
                    screen.show_suggestion(suggestion)
                case command:
                    await self._run(command)

    async def _do(self, step: Step, *, quietly: bool = False) -> None:
        """Do a step for the learner.

        raises    ScriptError if its goals are not met
        """
        patience = PLAY_S
        if step.stops:
            self._playground.interrupt(step.stops)
        if step.played:
            line = self._playground.fill_in(step.played)
            if step.stays:
                self._playground.run_in_background(step.stays, line)
            else:
                status = await self._run(f"({line}) > /dev/null 2>&1" if quietly else line, step.input)
                if status not in (0, _INTERRUPTED) and not step.until:
                    raise ScriptError(f"{step.title}: `{line}` exited with status {status}")
                if status not in (0, _INTERRUPTED):
                    patience = AT_ONCE_S
        if missing := await self._missing(step, patience):
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
        """The changes of a step, and the reasons for them."""
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
        began, is_quiet, self._is_impatient = time.monotonic(), patience > AT_ONCE_S, False
        async with contextlib.AsyncExitStack() as opened:
            from pykafka_cli.clients.errors import explain
            from pykafka_cli.transport.errors import ConnectionFailed

            try:
                session = await opened.enter_async_context(self._playground.session())
            except ConnectionFailed as failure:
                return [explain(failure)[0]]
            while True:
                missing = await missing_goals(
                    session, step.until, self._playground.read_znode, self._playground.clock_ahead
                )
                waited = time.monotonic() - began
                if not missing or waited >= patience or self._is_impatient:
                    return missing
                if is_quiet and waited >= SAYS_NOTHING_S:
                    screen.show_waiting(missing)
                    is_quiet = False
                await asyncio.sleep(LOOK_AGAIN_S)

    @contextmanager
    def _heeding_interrupts(self) -> Iterator[None]:
        """Leave Ctrl-C to the running command; without one, it ends waiting for the cluster."""
        loop = asyncio.get_running_loop()

        def interrupted() -> None:
            self._is_impatient = not self._runs_command

        loop.add_signal_handler(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)


def _patience(step: Step) -> float:
    return LATER_S if any(goal.partition("=")[0] in LATER for goal in step.until) else AT_ONCE_S
