"""`pk down`: stop a `pk up`, wherever it runs on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from pykafka_cli.script.errors import ScriptError

EPILOG = """\b
Examples:
  pk down
  pk down --data-dir /tmp/kafka
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EPILOG)
def down(
    data_dir: Annotated[
        Path | None, typer.Option(help="Stop the servers whose data is there; required if several pk up are running.")
    ] = None,
) -> None:
    """Stop the servers that pk up has started, and wait until they are gone."""
    from pykafka_cli.servers.detached import stop
    from pykafka_cli.servers.run_states import running_states

    found = running_states(data_dir)
    if not found:
        raise ScriptError("No pk up is running" + (f" with data in {data_dir}" if data_dir else ""))
    if len(found) > 1:
        raise ScriptError(
            "\n".join(
                [f"{len(found)} pk up are running:", *(f"  {each.data_dir} (process {each.pid})" for each in found)]
            ),
            hint="--data-dir chooses which one to stop.",
        )
    (state,) = found
    stop(state)
    print(f"Stopped process {state.pid}, with data in {state.data_dir}")
