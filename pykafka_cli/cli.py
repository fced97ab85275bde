"""The program `pk`: a table of commands, of which only the one that is called is imported, and the one place that
turns any failure into a message and an exit status."""

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from pykafka_cli import KAFKA_VERSION, __version__
from pykafka_cli.commands import COMMANDS, SECTIONS
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script import COMPLETION_VARIABLE
from pykafka_cli.script.errors import ScriptError

PROGRAM = "pk"
DEBUG_VARIABLE = "PK_DEBUG"
SHOW_WIRE = "--show-wire"
"""The option of every command that prints requests and responses to stderr."""
DEBUG = "--debug"
"""The option of every command that prints the client's decisions to stderr."""
CLIENTS = "pykafka_cli.clients"
OUTPUT_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""How printing fails if stdout is closed, or on a full or broken disk."""


class LazyGroup(TyperGroup):
    """Commands by name from COMMANDS; a module is imported when its command is needed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast(dict[str, Any], dict.fromkeys(COMMANDS))  # the names are there for suggestions

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        name = cmd_name.removesuffix(".sh").removeprefix("kafka-")
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"pykafka_cli.commands.{COMMANDS[name].module}")
        command = typer.main.get_command(module.app)
        command.name = name
        return command

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        width = max(map(len, COMMANDS))
        for section in SECTIONS:
            rows = [(name.ljust(width), entry.help) for name, entry in COMMANDS.items() if entry.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


app = typer.Typer(
    cls=LazyGroup,
    name="pk",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    epilog=(
        "Commands accept the options of Kafka's scripts and print what the scripts "
        "print; `pk COMMAND --help` lists the options. With --show-wire, a command also "
        "prints its requests and responses, with --debug the client's decisions, to stderr."
    ),
    context_settings={"max_content_width": 100},
)


def print_version(asked: bool) -> None:
    if asked:
        print(f"pk {__version__}, as Apache Kafka {KAFKA_VERSION}")
        raise typer.Exit


@app.callback()
def pk(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print versions.")
    ] = False,
) -> None:
    """Apache Kafka's command-line tools, a Kafka broker and a ZooKeeper server, without a JVM."""


def run(words: Sequence[str]) -> int:
    """Run one command line; every failure is reported here, without a traceback unless PK_DEBUG is set."""
    status: int = ExitStatus.SUCCESS
    try:
        status = _run(words)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        _discard_output()  # the reader of our output has closed its pipe
        return status
    except Exception as error:
        if isinstance(error, OSError) and _is_of_output(error):
            _discard_output()
        elif os.environ.get(DEBUG_VARIABLE) and not isinstance(error, OSError):
            raise
        _report(*message_and_hint(error))
        return ExitStatus.FAILURE


def _run(words: Sequence[str]) -> int:
    """The exit status of a command; raises what it does not report itself."""
    try:
        for option, begin in ((SHOW_WIRE, _show_wire), (DEBUG, _show_decisions)):
            words = _with(option, begin, words)
        command = typer.main.get_command(app)
        if COMPLETION_VARIABLE in os.environ:
            from pykafka_cli.script.bash_words import joined_words

            with joined_words():
                command.main(args=list(words), prog_name=PROGRAM)  # completes for the shell and exits
        # Not command.main(): that turns a reader that has closed its pipe into a failure.
        with command.make_context(PROGRAM, list(words)) as ctx:
            command.invoke(ctx)
        return ExitStatus.SUCCESS
    except typer.Exit as ending:
        return ending.exit_code
    except ScriptError as error:
        error.show()
        return error.status
    except typer.TyperException as error:
        from pykafka_cli.script.refusals import refusal

        _report(*refusal(error))
        return ExitStatus.FAILURE if _mirrors_a_script(words) else ExitStatus.USAGE


def _mirrors_a_script(words: Sequence[str]) -> bool:
    """Whether the words name a command of Kafka's, whose script knows no status but 0 and 1."""
    name = next(iter(words), "").removesuffix(".sh").removeprefix("kafka-")
    return name in COMMANDS and COMMANDS[name].script is not None


def _with(option: str, begin: Callable[[str], None], words: Sequence[str]) -> Sequence[str]:
    """Call `begin` with the option's value if it is among the words of this command; the words without it."""
    own = words[: words.index("--")] if "--" in words else words  # the rest is for another command
    found = [word for word in own if word == option or word.startswith(f"{option}=")]
    if not found:
        return words
    begin(found[-1].removeprefix(option).removeprefix("="))
    return [*(word for word in own if word not in found), *words[len(own) :]]


def _show_wire(chosen: str) -> None:
    """Have what goes over connections printed to stderr."""
    import time

    from pykafka_cli.output.wire import wire_log
    from pykafka_cli.rules.wire_choice import BadWireChoice, WireChoice, parse_choice
    from pykafka_cli.script.errors import UsageError
    from pykafka_cli.transport.connection import Connection

    try:
        choice = parse_choice(chosen) if chosen else WireChoice()
    except BadWireChoice as problem:
        raise UsageError(f"{SHOW_WIRE}: {problem}", hint=problem.hint) from None
    Connection.observer = wire_log(choice, None, time.monotonic)


def _show_decisions(_: str) -> None:
    """Have what the client decides printed to stderr: leaders, coordinators, rebalances, retries, pauses."""
    import logging

    from pykafka_cli.console.log_lines import DebugLines

    logger = logging.getLogger(CLIENTS)
    logger.addHandler(DebugLines())
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


def _report(*lines: str) -> None:
    """Print to stderr; if that fails, the exit status has to suffice."""
    with contextlib.suppress(OSError):
        print(*filter(None, lines), sep="\n", file=sys.stderr, flush=True)


def _is_of_output(error: OSError) -> bool:
    """Whether printing failed: an error about a file has its name."""
    return error.filename is None and error.errno in OUTPUT_ERRORS


def _discard_output() -> None:
    """Python flushes stdout once more when it exits: let it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def message_and_hint(error: Exception) -> tuple[str, str]:
    """The message and the hint for an error that the command itself did not report."""
    from pykafka_cli.clients.errors import explain
    from pykafka_cli.clients.settings import BadClientSetting
    from pykafka_cli.transport.errors import ConnectionFailed

    if isinstance(error, ConnectionFailed):
        return explain(error)
    if isinstance(error, BadClientSetting):
        return str(error), ""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", ""
    if isinstance(error, OSError) and _is_of_output(error):
        return f"cannot write to standard output: {error.strerror}", ""
    return f"{type(error).__name__}: {error}", f"This is a bug in pk; {DEBUG_VARIABLE}=1 prints a stack trace."
