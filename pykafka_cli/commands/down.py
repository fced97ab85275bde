"""`pk down`: stop what `pk up` has started on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from pykafka_cli.script.options import Output, chosen_output
from pykafka_cli.script.own_command import PlainOwnCommand

EPILOG = """\b
Examples:
  pk down
  pk down --data-dir /tmp/kafka --output json

Exit status: 0 if the servers have stopped, 1 if there are none, or several to choose from.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=PlainOwnCommand, epilog=EPILOG)
def down(
    data_dir: Annotated[
        Path | None, typer.Option(help="Stop the servers whose data is there; required if several pk up are running.")
    ] = None,
    output: Output = None,
) -> None:
    """Stop the servers that pk up has started, and wait until they are gone."""
    from pykafka_cli.output.up import show_stopped
    from pykafka_cli.servers.detached import stop
    from pykafka_cli.servers.run_states import the_running

    state = the_running(data_dir)
    stop(state)
    show_stopped(chosen_output(output), state.document())
