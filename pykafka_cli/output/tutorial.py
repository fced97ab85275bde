"""`pk tutorial`: text in Markdown, the command to type, and what has changed on the cluster."""

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 88
_INDENT, _CONTINUES = "    ", " \\"
_KEYS = "Enter: check or continue · hint · back · skip · quit"


class _Step(Protocol):
    @property
    def title(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def hint(self) -> str: ...
    @property
    def input(self) -> str: ...
    @property
    def stays(self) -> str: ...


class _Chapter(Protocol):
    @property
    def title(self) -> str: ...
    @property
    def idea(self) -> str: ...
    @property
    def end(self) -> str: ...


@cache
def _console() -> "Console":
    from rich.console import Console

    console = Console(highlight=False)
    if console.width > WIDTH:
        console.width = WIDTH
    return console


def show_starting() -> None:
    _console().print("Starting a cluster for you, in a temporary directory …", style="dim")
    _flush()


def show_pause() -> None:
    print("\n`pk tutorial` resumes here.")


def show_text(markdown: str) -> None:
    from rich.markdown import Markdown

    _console().print(Markdown(markdown))
    _console().print()


def show_chapter(chapter: _Chapter, exports: str) -> None:
    console = _console()
    console.rule(f"[bold]{chapter.title}[/bold]")
    console.print()
    show_text(chapter.idea)
    console.print("A cluster is running for you. Type commands here, or paste this line into another terminal first:")
    _show_exports(exports)
    console.print(_KEYS, style="dim")
    console.print()


def show_step(number: int, steps: int, step: _Step, idea: str, command: str, exports: str) -> None:
    """A step's idea, and what to type.

    number     from 0
    exports    what makes another terminal know the cluster
    """
    console = _console()
    console.rule(f"{number + 1}/{steps}  {step.title}", align="left", style="dim")
    console.print()
    show_text(idea)
    if command and step.stays:
        console.print("In another terminal, paste this line first, unless you have done that there:")
        _show_exports(exports)
    if command:
        console.print("Then type there:" if step.stays else "Type:")
        console.print()
        for line in in_lines(command, console.width - len(_INDENT)):
            console.print(f"{_INDENT}{line}", style="bold cyan", soft_wrap=True, markup=False)
        console.print()
    if step.input:
        console.print("When it prompts with >, type these lines, and then Ctrl-D:")
        console.print()
        for line in step.input.splitlines():
            console.print(f"{_INDENT}{line}", style="bold cyan", soft_wrap=True, markup=False)
        console.print()


def _show_exports(exports: str) -> None:
    _console().print()
    _console().print(f"{_INDENT}{exports}", style="dim", soft_wrap=True, markup=False)
    _console().print()


def in_lines(command: str, width: int) -> list[str]:
    """A command as it is typed into a shell, in lines that end between its words and continue with a backslash."""
    lines = [""]
    for word in shlex.split(command, posix=False):
        if not lines[-1]:
            lines[-1] = word
        elif len(lines[-1]) + len(word) + len(_CONTINUES) < width:
            lines[-1] += f" {word}"
        else:
            lines[-1] += _CONTINUES
            lines.append(f"  {word}")
    return lines


def prompt(reminder: str = "") -> None:
    _console().print(f"[dim]{reminder}[/dim] $ " if reminder else "$ ", end="")
    _flush()


def prompt_for_more() -> None:
    """The line that was typed continues."""
    _console().print("> ", end="")
    _flush()


def end_prompt() -> None:
    """The cluster has met the goals that the prompt waited for."""
    _console().print()


def show_done() -> None:
    _console().print("✓ Done.", style="bold green")
    _console().print()


def show_already_done() -> None:
    _console().print("The cluster shows that this is done already.", style="dim")


def show_missing(missing: Sequence[str]) -> None:
    for each in missing:
        _console().print(f"Not yet: {each}.", style="yellow", markup=False)


def show_not_this(status: int) -> None:
    """A command ran, but it was not the one of the step."""
    reason = f"It ended with status {status}." if status else "That worked, but it is not what this step is about."
    _console().print(f"{reason} `hint` helps, `skip` does it for you.", style="yellow")


def show_hint(step: _Step, command: str) -> None:
    show_text(step.hint or f"Copy the line as it is:\n\n    {command}")


def show_help(step: _Step) -> None:
    console = _console()
    for word, meaning in (
        ("Enter", "check whether it is done" if step.type else "continue"),
        ("hint", "help with this step"),
        ("skip", "let the tutorial do this step"),
        ("back", "return to the step before"),
        ("quit", "leave; `pk tutorial` resumes here"),
        ("any command", "run it, in a shell that knows the cluster"),
    ):
        console.print(f"  {word:12} {meaning}")


def show_command(line: str) -> None:
    _console().print(f"$ {line}", style="bold", soft_wrap=True, markup=False)
    _flush()


def show_catching_up(step: _Step) -> None:
    _console().print(f"Doing again: {step.title}", style="dim", markup=False)


def show_end(chapter: _Chapter) -> None:
    show_text(chapter.end)


def show_chapters(titles: Mapping[str, str], current: str | None) -> None:
    """The chapters of the course, and where the learner is."""
    width = max(map(len, titles))
    for number, (name, title) in enumerate(titles.items(), 1):
        mark = "→" if name == current else " "
        print(f"{mark} {number}  {name:{width}}  {title}")


def _flush() -> None:
    """Flush, so that a command's output comes after what is printed here."""
    _console().file.flush()
