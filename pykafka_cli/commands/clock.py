"""`pk clock`: the time of servers whose clock can be moved."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pykafka_cli.output.render import OutputFormat, show
from pykafka_cli.rules.wait_conditions import parse_duration
from pykafka_cli.script.errors import UsageError
from pykafka_cli.script.options import Output, chosen_output
from pykafka_cli.script.own_command import OwnCommand

EPILOG = """\b
Examples:
  pk up --detach --ephemeral --clock manual
  pk clock advance 7d

Only the servers' clock moves: to them, clients have been silent for that time.
"""

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

DataDir = Annotated[
    Path | None, typer.Option(help="Choose servers by their data directory; required if several pk up are running.")
]


@app.callback(epilog=EPILOG)
def clock() -> None:
    """Move the clock of servers that pk up --clock manual has started, or show it."""


@app.command(cls=OwnCommand, epilog=EPILOG)
def advance(
    duration: Annotated[str, typer.Argument(metavar="TIME", help="How far to move it, such as 500ms, 90s, 2h or 7d.")],
    data_dir: DataDir = None,
    output: Output = None,
) -> None:
    """Move the clock forward, and run what becomes due: retention, timeouts, expiry."""
    try:
        seconds = parse_duration(duration)
    except ValueError as error:
        raise UsageError(str(error)) from None
    _request(data_dir, chosen_output(output), seconds)


@app.command("show", cls=OwnCommand, epilog=EPILOG)
def show_time(data_dir: DataDir = None, output: Output = None) -> None:
    """Show the time of the servers."""
    _request(data_dir, chosen_output(output), 0)


def _request(data_dir: Path | None, form: OutputFormat, seconds: float) -> None:
    from pykafka_cli.servers.control_client import ControlClient
    from pykafka_cli.servers.run_states import the_running

    with ControlClient(the_running(data_dir).data_dir) as control:
        found: dict[str, Any] = control.request("advance", seconds=seconds)
    now = datetime.fromtimestamp(found["now_ms"] / 1000, UTC)
    plain = form if form.is_document else OutputFormat.KAFKA
    show(plain, text=lambda: f"The servers' time is {now:%Y-%m-%d %H:%M:%S} UTC\n", table=list, document=lambda: found)
