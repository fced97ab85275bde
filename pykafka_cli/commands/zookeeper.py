"""`pk zookeeper`: kills, pauses, stops or starts one ZooKeeper server that `pk up --zookeepers` has started."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pykafka_cli.script.options import Output, chosen_output
from pykafka_cli.script.own_command import OwnCommand

if TYPE_CHECKING:
    from pykafka_cli.servers.run_states import RunState

EPILOG = """\b
Examples:
  pk up --detach --zookeepers 3
  pk zookeeper list
  pk zookeeper kill 3
  pk zookeeper start 3
"""

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

DataDir = Annotated[
    Path | None, typer.Option(help="Choose servers by their data directory; required if several pk up are running.")
]
ZooKeeper = Annotated[int, typer.Argument(metavar="ID", min=1, help="The server's number; the first one is 1.")]


@app.callback(epilog=EPILOG)
def zookeeper() -> None:
    """Kill, pause, stop, or start one ZooKeeper of a pk up --zookeepers N; the other servers keep running."""


@app.command("list", cls=OwnCommand)
def show_zookeepers(data_dir: DataDir = None, output: Output = None) -> None:
    """List the ZooKeepers: process, state, mode (leader, follower, looking for a leader), address, log."""
    from pykafka_cli.output.local_servers import show_zookeepers
    from pykafka_cli.servers.run_states import the_running

    form, state = chosen_output(output), the_running(data_dir)
    own = state.own_zookeeper
    show_zookeepers(form, [own] if own else _request(state, "zookeepers"))


@app.command(cls=OwnCommand)
def kill(number: ZooKeeper, data_dir: DataDir = None, output: Output = None) -> None:
    """Kill a ZooKeeper, as kill -9 or a power failure would."""
    _act("kill", number, data_dir, output)


@app.command(cls=OwnCommand)
def pause(number: ZooKeeper, data_dir: DataDir = None, output: Output = None) -> None:
    """Pause a ZooKeeper: its connections stay open, but it does not respond."""
    _act("pause", number, data_dir, output)


@app.command(cls=OwnCommand)
def resume(number: ZooKeeper, data_dir: DataDir = None, output: Output = None) -> None:
    """Let a paused ZooKeeper continue."""
    _act("resume", number, data_dir, output)


@app.command(cls=OwnCommand)
def stop(number: ZooKeeper, data_dir: DataDir = None, output: Output = None) -> None:
    """Stop a ZooKeeper cleanly."""
    _act("stop", number, data_dir, output)


@app.command(cls=OwnCommand)
def start(number: ZooKeeper, data_dir: DataDir = None, output: Output = None) -> None:
    """Start a ZooKeeper that was killed or stopped, on the same ports and with the same data."""
    _act("start", number, data_dir, output)


@app.command(cls=OwnCommand)
def restart(number: ZooKeeper, data_dir: DataDir = None, output: Output = None) -> None:
    """Stop a ZooKeeper cleanly if it is running, and start it."""
    _act("restart", number, data_dir, output)


def _act(command: str, number: int, data_dir: Path | None, output: Any) -> None:
    from pykafka_cli.output.local_servers import show_changed
    from pykafka_cli.script.errors import ScriptError
    from pykafka_cli.servers.run_states import the_running

    state = the_running(data_dir)
    if state.own_zookeeper:
        raise ScriptError(
            "The only ZooKeeper runs in the process of pk up",
            hint="pk up --zookeepers 1 gives it its own, 3 an ensemble.",
        )
    show_changed(chosen_output(output), f"ZooKeeper {number}", _request(state, command, zookeeper=number))


def _request(state: "RunState", command: str, **arguments: Any) -> Any:
    """raises    ScriptError"""
    from pykafka_cli.servers.control_client import ControlClient

    with ControlClient(state.data_dir) as control:
        return control.request(command, **arguments)
