"""`pk apply`: create and change what a file declares."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pykafka_cli.console.stderr import ask
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.script.command import ScriptContext
from pykafka_cli.script.errors import Ended, ScriptError, UsageError, Words, reported
from pykafka_cli.script.options import (
    OUTPUT,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    is_interactive,
)
from pykafka_cli.script.own_command import OwnCommand
from pykafka_cli.transport import event_loop

if TYPE_CHECKING:
    from pykafka_cli.clients.session import Session
    from pykafka_cli.rules.apply_plan import Plan
    from pykafka_cli.rules.declarations.documents import BadDeclarations
    from pykafka_cli.rules.declarations.model import Declarations

STDIN = "-"
DETAILED_EXITCODE = "--detailed-exitcode"
UNFINISHED = "Earlier changes remain. Fix this, and apply the file again."
MOST_OVERTAKEN, OVERTAKEN_PAUSE_S = 25, 0.2
"""How often another run may be faster, and seconds until the brokers know its topics."""

EPILOG = """\b
The file declares topics, users, quotas, ACLs and records, in a short form,
or as resources of Strimzi or Jikkou. `pk export` writes such a file.

\b
Examples:
  pk apply topics.yaml --dry-run
  pk export --topic orders | pk apply - --bootstrap-server new:9092

Exit status: 0; 1 after an error, 2 if the command line is wrong. With
--detailed-exitcode 2 if there are changes, made or not, and otherwise 0 or 1.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ApplyCommand(OwnCommand):
    """A wrong command line must not look like changes to one who asked for --detailed-exitcode."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _own_status_of_changes(args):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with _own_status_of_changes(cast(ScriptContext, ctx).words):
            return super().invoke(ctx)


@contextmanager
def _own_status_of_changes(words: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except Ended:
        raise
    except ScriptError as error:
        if error.status == ExitStatus.USAGE and DETAILED_EXITCODE in words:
            error.status = ExitStatus.FAILURE
        raise


@app.command(cls=ApplyCommand, epilog=EPILOG)
def apply(
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON file; - is standard input.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help=(
                "Also delete topics that the file does not declare, except internal ones, if it declares any; and "
                "remove whatever else declared topics, users, quotas and principals have."
            ),
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is deleted.")] = False,
    reset_passwords: Annotated[
        bool, typer.Option("--reset-passwords", help="Also set the passwords of users who already have one.")
    ] = False,
    detailed_exitcode: Annotated[
        bool,
        typer.Option(DETAILED_EXITCODE, help="Exit with 2 instead of 0 if there are changes.", rich_help_panel=OUTPUT),
    ] = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    output: Output = None,
) -> None:
    """Create and change what a file declares: topics, users, quotas, ACLs, records."""
    if not file:
        raise UsageError("Missing argument FILE", hint="Name a YAML file, or - for standard input.")
    missing = UsageError("Missing required option --bootstrap-server")
    bootstrap = bootstrap_or_default(bootstrap_server, missing)
    declared = _declarations(file)
    run = _Run(file, declared, chosen_output(output), dry_run=dry_run, prune=prune, yes=yes, reset=reset_passwords)
    if event_loop.run(run.run(bootstrap, command_config)) and detailed_exitcode:
        raise Ended(ExitStatus.CHANGES)


class _Run:
    """One run: look, plan, show, ask, carry out."""

    def __init__(
        self,
        file: str,
        declared: "Declarations",
        form: OutputFormat,
        *,
        dry_run: bool,
        prune: bool,
        yes: bool,
        reset: bool,
    ) -> None:
        self._file, self._declared, self._form = file, declared, form
        self._dry_run, self._prune, self._yes, self._reset = dry_run, prune, yes, reset
        self._has_begun = False
        self._confirmed: set[str] = set()

    async def run(self, bootstrap: str, command_config: str | None) -> bool:
        """Whether there were changes, made or not.

        raises    ScriptError
        """
        from pykafka_cli.clients.errors import ApiError
        from pykafka_cli.procedures.apply import DeletionFailed
        from pykafka_cli.procedures.cluster_state import StateUnknown
        from pykafka_cli.rules.declarations.documents import BadDeclarations
        from pykafka_cli.script.opening import own_session

        words: Words = {
            BadDeclarations: lambda error: refusal(self._file, error),
            ApiError: str,
            DeletionFailed: str,
            StateUnknown: str,
        }
        with reported(words=words):
            async with own_session(bootstrap, command_config) as session:
                return await self._run(session)

    async def _run(self, session: "Session") -> bool:
        """Plan again if another run has been faster; whoever creates a topic sends its first records.

        raises    BadDeclarations, ApiError, DeletionFailed, StateUnknown
        """
        import asyncio
        from dataclasses import replace

        from pykafka_cli.console.log_lines import warn
        from pykafka_cli.procedures.apply import Overtaken
        from pykafka_cli.rules.declarations.documents import BadDeclarations

        by_others: set[str] = set()
        for is_last in (*[False] * MOST_OVERTAKEN, True):
            try:
                return await self._run_once(session)
            except Overtaken as overtaken:
                if is_last:
                    raise BadDeclarations(overtaken.problems) from None
                if new := overtaken.topics - by_others:
                    warn(f"Another run has just created {', '.join(sorted(new))}.")
                by_others |= overtaken.topics
            left = {topic: its for topic, its in self._declared.records.items() if topic not in by_others}
            self._declared = replace(self._declared, records=left)
            await asyncio.sleep(OVERTAKEN_PAUSE_S)
        raise AssertionError

    async def _run_once(self, session: "Session") -> bool:
        from pykafka_cli.output.apply import show_plan, show_result
        from pykafka_cli.procedures.apply import check
        from pykafka_cli.procedures.cluster_state import look_for
        from pykafka_cli.rules.apply_plan import make_plan

        seen = await look_for(session, self._declared)
        plan = make_plan(self._declared, seen, prune=self._prune, reset_passwords=self._reset)
        await check(session, plan, self._declared)
        show_plan(self._form, plan)
        if not self._dry_run and not plan.is_empty:
            self._confirm(plan)
            self._has_begun = True
            await self._carry_out(session, plan)
        show_result(self._form, plan, applied=not self._dry_run)
        return self._has_begun or not plan.is_empty

    async def _carry_out(self, session: "Session", plan: "Plan") -> None:
        from functools import partial

        from pykafka_cli.console.waiting import WaitingLine
        from pykafka_cli.procedures.apply import carry_out
        from pykafka_cli.procedures.seed_records import send_records
        from pykafka_cli.rules.declarations.documents import BadDeclarations

        line = WaitingLine()
        try:
            await carry_out(session, plan, self._declared, line.show, partial(send_records, session))
        except BadDeclarations as error:
            raise ScriptError(refusal(self._file, error), hint=UNFINISHED) from None
        finally:
            line.end()

    def _confirm(self, plan: "Plan") -> None:
        """At a terminal, ask before topics are deleted.

        raises    ScriptError
        """
        if self._yes or self._confirmed.issuperset(plan.deleted_topics) or not is_interactive():
            return
        if not sys.stdin.isatty():
            raise ScriptError("Cannot ask whether to delete topics", hint="--yes deletes them without asking.")
        from pykafka_cli.output.apply import deletion_question

        if ask(deletion_question(plan)).strip().lower() != "yes":
            raise ScriptError("Nothing was changed.")
        self._confirmed |= {*plan.deleted_topics}


def _declarations(file: str) -> "Declarations":
    """The declarations in the file.

    raises    ScriptError
    """
    from pykafka_cli.rules.declarations.documents import BadDeclarations
    from pykafka_cli.rules.declarations.reading import read_declarations

    try:
        data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return read_declarations(data.decode("utf-8-sig"))
    except BadDeclarations as error:
        raise ScriptError(refusal(file, error)) from None
    except UnicodeDecodeError as error:
        raise ScriptError(f"{_shown(file)}: is not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise ScriptError(f"{file}: {error.strerror}") from None


def refusal(file: str, error: "BadDeclarations") -> str:
    """Everything that is wrong, one problem per line."""
    return "\n".join(f"{_shown(file)}, {problem}" for problem in error.problems)


def _shown(file: str) -> str:
    return "standard input" if file == STDIN else file
