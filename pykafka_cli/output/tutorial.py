"""`pk tutorial`: text in Markdown, the command to type, and what has changed on the cluster."""

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 88
_INDENT, _CONTINUES = "    ", " \\"
_KEYS = "Enter: check or continue · hint · back · skip · restart · quit · help"


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
    @property
    def stops(self) -> str: ...


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


def show_chapter(chapter: _Chapter, exports: str, *, resumes: bool = False) -> None:
    """Its title and, unless it was read before, its idea; then what makes another terminal know the cluster."""
    console = _console()
    console.rule(f"[bold]{chapter.title}[/bold]")
    console.print()
    if not resumes:
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
        _show_command_to_type(command)
    if step.input:
        console.print("When it prompts with >, type these lines, and then Ctrl-D:")
        console.print()
        for line in step.input.splitlines():
            console.print(f"{_INDENT}{line}", style="bold cyan", soft_wrap=True, markup=False)
        console.print()


def _show_command_to_type(command: str) -> None:
    console = _console()
    for line in in_lines(command, console.width - len(_INDENT)):
        console.print(f"{_INDENT}{line}", style="bold cyan", soft_wrap=True, markup=False)
    console.print()


def _show_exports(exports: str) -> None:
    _console().print()
    _console().print(f"{_INDENT}{exports}", style="dim", soft_wrap=True, markup=False)
    _console().print()


def in_lines(command: str, width: int) -> list[str]:
    """A command as it is typed into a shell, in lines that end between its words and continue with a backslash."""
    lines = [""]
    for words in _with_values(shlex.split(command, posix=False)):
        if not lines[-1]:
            lines[-1] = words
        elif len(lines[-1]) + len(words) + len(_CONTINUES) < width:
            lines[-1] += f" {words}"
        else:
            lines[-1] += _CONTINUES
            lines.append(f"  {words}")
    return lines


def _with_values(words: Sequence[str]) -> list[str]:
    """The words, each option together with its value."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].startswith("--") and " " not in joined[-1] and not word.startswith("-"):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def prompt_text(reminder: str = "") -> str:
    return f"{reminder} $ " if reminder else "$ "


def show_prompt(prompt: str) -> None:
    _console().print(prompt, end="")
    _flush()


def show_way_out() -> None:
    """After Ctrl-C at the prompt."""
    _console().print("`quit` or Ctrl-D leaves the tutorial.", style="dim")


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
    reason = f"It exited with status {status}." if status else "That worked, but it is not what this step is about."
    _console().print(f"{reason} `hint` helps, `skip` does it for you.", style="yellow")


def show_suggestion(command: str) -> None:
    _console().print(f"Type it with pk before it: {command}", style="yellow", markup=False)


def show_for_another_terminal() -> None:
    """A command that keeps running was typed here."""
    _console().print(
        "This command keeps running, and nothing else could be typed here. Type it in another terminal; "
        "`skip` runs it in the background.",
        style="yellow",
    )


def show_lacking(words: Sequence[str]) -> None:
    _console().print(f"Not yet: this step is about {' and '.join(words)}.", style="yellow", markup=False)


def show_cannot_skip(problem: str) -> None:
    _console().print(f"{problem}.", style="yellow", markup=False)
    _console().print("`restart` begins this step on a new cluster.", style="yellow")


def show_waiting(missing: Sequence[str]) -> None:
    _console().print(f"Waiting: {'; '.join(missing)} …", style="dim", markup=False)
    _flush()


def show_stopping() -> None:
    _console().print("Stopping the cluster …", style="dim")
    _flush()


def show_hint(step: _Step, hint: str, command: str) -> None:
    """The step's hint, and the line to type."""
    show_text(hint or "Copy the line as it is:")
    if command:
        _show_command_to_type(command)
    elif step.stops:
        show_text("`skip` ends it if `skip` has started it.")


def show_help(step: _Step | None) -> None:
    """The commands that can be typed; None between steps."""
    of_step = (
        ("Enter", "check whether it is done"),
        ("hint", "help with this step"),
        ("skip", "let the tutorial do this step"),
    )
    always = (
        ("back", "return to the step before"),
        ("restart", "begin this step on a new cluster"),
        ("quit", "leave; `pk tutorial` resumes here"),
        ("any command", "run it, in a shell that knows the cluster"),
    )
    for word, meaning in (*(of_step if step else (("Enter", "continue"),)), *always):
        _console().print(f"  {word:12} {meaning}", markup=False)


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
