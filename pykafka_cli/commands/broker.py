"""`pk broker`: kills, pauses, stops or starts one of several brokers that `pk up` has started."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pykafka_cli.script.options import Output, chosen_output
from pykafka_cli.script.own_command import OwnCommand

if TYPE_CHECKING:
    from pykafka_cli.servers.run_states import RunState

EPILOG = """\b
Examples:
  pk up --detach --brokers 3
  pk broker list
  pk broker kill 1
  pk broker start 1
"""

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

DataDir = Annotated[
    Path | None, typer.Option(help="Choose servers by their data directory; required if several pk up are running.")
]
Broker = Annotated[int, typer.Argument(metavar="ID", min=0, help="The broker's id; the first one is 0.")]


@app.callback(epilog=EPILOG)
def broker() -> None:
    """Kill, pause, stop, or start one broker of a pk up --brokers N; the other servers keep running."""


@app.command("list", cls=OwnCommand)
def show_brokers(data_dir: DataDir = None, output: Output = None) -> None:
    """List the brokers: process, state, address, log."""
    from pykafka_cli.output.local_servers import show_brokers
    from pykafka_cli.servers.run_states import the_running

    form, state = chosen_output(output), the_running(data_dir)
    own = state.own_broker
    show_brokers(form, [own] if own else _request(state, "brokers"))


@app.command(cls=OwnCommand)
def kill(broker_id: Broker, data_dir: DataDir = None, output: Output = None) -> None:
    """Kill a broker, as kill -9 or a power failure would."""
    _act("kill", broker_id, data_dir, output)


@app.command(cls=OwnCommand)
def pause(broker_id: Broker, data_dir: DataDir = None, output: Output = None) -> None:
    """Pause a broker: its connections stay open, but it does not respond."""
    _act("pause", broker_id, data_dir, output)


@app.command(cls=OwnCommand)
def resume(broker_id: Broker, data_dir: DataDir = None, output: Output = None) -> None:
    """Let a paused broker continue."""
    _act("resume", broker_id, data_dir, output)


@app.command(cls=OwnCommand)
def stop(broker_id: Broker, data_dir: DataDir = None, output: Output = None) -> None:
    """Stop a broker cleanly: its leadership is moved to other brokers first."""
    _act("stop", broker_id, data_dir, output)


@app.command(cls=OwnCommand)
def start(broker_id: Broker, data_dir: DataDir = None, output: Output = None) -> None:
    """Start a broker that was killed or stopped, on the same port and with the same data."""
    _act("start", broker_id, data_dir, output)


@app.command(cls=OwnCommand)
def restart(broker_id: Broker, data_dir: DataDir = None, output: Output = None) -> None:
    """Stop a broker cleanly if it is running, and start it."""
    _act("restart", broker_id, data_dir, output)


def _act(command: str, broker_id: int, data_dir: Path | None, output: Any) -> None:
    from pykafka_cli.output.local_servers import show_changed
    from pykafka_cli.script.errors import ScriptError
    from pykafka_cli.servers.run_states import the_running

    state = the_running(data_dir)
    if state.own_broker:
        raise ScriptError(
            "The only broker runs in the process of pk up", hint="pk up --brokers 3 gives each its own process."
        )
    show_changed(chosen_output(output), f"Broker {broker_id}", _request(state, command, broker=broker_id))


def _request(state: "RunState", command: str, **arguments: Any) -> Any:
    """raises    ScriptError"""
    from pykafka_cli.servers.control_client import ControlClient

    with ControlClient(state.data_dir) as control:
        return control.request(command, **arguments)
