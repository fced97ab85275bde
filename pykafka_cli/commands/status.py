"""`pk status`: which `pk up` run on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.options import Output, chosen_output
from pykafka_cli.script.own_command import PlainOwnCommand

EPILOG = """\b
Examples:
  pk status
  pk status --data-dir data --output json

Exit status: 0 if servers are running, 1 if none are.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=PlainOwnCommand, epilog=EPILOG)
def status(
    data_dir: Annotated[Path | None, typer.Option(help="Show only the servers whose data is there.")] = None,
    output: Output = None,
) -> None:
    """Show the servers that pk up has started: process, addresses, directory."""
    from pykafka_cli.output.up import show_running
    from pykafka_cli.servers.run_states import running_states

    found = running_states(data_dir)
    if not found:
        raise ScriptError("No pk up is running" + (f" with data in {data_dir}" if data_dir else ""))
    show_running(chosen_output(output), [each.document() for each in found])
