"""`pk wait`: wait until a cluster has what a script needs."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.model import Seconds
from pykafka_cli.rules.wait_conditions import BadCondition, Condition, parse_condition, parse_duration
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.options import BootstrapServer, CommandConfig, Output, bootstrap_or_default, chosen_output
from pykafka_cli.script.own_command import OwnCommand, usage_errors
from pykafka_cli.transport import event_loop

if TYPE_CHECKING:
    from pykafka_cli.procedures.wait import Unmet

EPILOG = """\b
All conditions must be met at the same time:
  broker[=N]                     N brokers, a controller, and every advertised
                                 listener reachable from here
  topic=TOPIC[:PARTITIONS]       the topic, with a leader of each partition
  records=TOPIC:N                N records or more
  group=GROUP[:STATE[:MEMBERS]]  the group, in that state, with its members
  lag=GROUP:N[:TOPIC]            N uncommitted records or fewer

\b
Examples:
  pk wait broker=3 topic=orders:6 --timeout 30s
  pk wait lag=billing:0 --bootstrap-server kafka:9092 && ./check-invoices

Exit status: 0 if they are met, 1 if they are not met in time, 2 if the command line is wrong.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=OwnCommand, epilog=EPILOG)
def wait(
    conditions: Annotated[
        list[str] | None, typer.Argument(metavar="[CONDITION]...", help="What to wait for; broker by default.")
    ] = None,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout", metavar="TIME", help="Time to wait at most, such as 500ms, 60s or 2m; 0 checks once."
        ),
    ] = "60s",
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    output: Output = None,
) -> None:
    """Wait until brokers, topics, records, or groups are ready."""
    from pykafka_cli.output.wait import missing_lines, show_result

    words = conditions or ["broker"]
    began = time.monotonic()
    with usage_errors():
        wanted = [_condition(word) for word in words]
        seconds = _seconds(timeout)
        missing = ScriptError("Missing required option --bootstrap-server", hint="Or set PK_BOOTSTRAP_SERVER.")
        bootstrap = bootstrap_or_default(bootstrap_server, missing)
        unmet = _wait(bootstrap, command_config, words, wanted, seconds)
    reasons = {each.number: (each.reason, each.hint) for each in unmet}
    show_result(chosen_output(output), words, reasons, time.monotonic() - began)
    if unmet:
        raise ScriptError("\n".join([f"Timed out after {seconds:g} s:", *missing_lines(words, reasons)]))


def _condition(word: str) -> Condition:
    try:
        return parse_condition(word)
    except BadCondition as error:
        raise ScriptError(str(error), hint=error.hint) from None


def _seconds(text: str) -> Seconds:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ScriptError(f"--timeout: {error}") from None


def _wait(
    bootstrap: str, command_config: str | None, words: list[str], wanted: list[Condition], seconds: Seconds
) -> "Sequence[Unmet]":
    """The conditions that are still not met at the end.

    raises    ScriptError where there can be no client with these settings
    """
    from pykafka_cli.clients.settings import read_settings
    from pykafka_cli.console.log_lines import warn
    from pykafka_cli.console.waiting import WaitingLine
    from pykafka_cli.procedures.wait import DEFAULTS, wait_until_met
    from pykafka_cli.script.opening import unchecked_session

    line = WaitingLine()
    try:
        settings = read_settings(command_config, DEFAULTS, warn)
        return event_loop.run(
            wait_until_met(
                lambda: unchecked_session(bootstrap, settings),
                wanted,
                seconds,
                lambda found: line.show([f"{words[each.number]}: {each.reason}" for each in found]),
            )
        )
    except BadClientSetting as error:
        raise ScriptError(str(error)) from None
    finally:
        line.end()
