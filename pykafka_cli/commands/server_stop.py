"""`pk server-stop`: stop every broker of pk on this machine, or only the one that is named."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from pykafka_cli.output.server_stop import print_precedence
from pykafka_cli.properties.grammar import MalformedProperties, read_properties
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.run_states import left_running, running_states
from pykafka_cli.servers.stopping import signal_servers

NOTHING_FOUND = "No kafka server to stop"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def server_stop(
    node_id: Annotated[
        int | None, typer.Option(help="Stop only the broker with this id (broker.id or node.id).")
    ] = None,
    process_role: Annotated[
        Literal["broker", "controller"] | None,
        typer.Option(help="Stop servers with this role; in ZooKeeper mode all are brokers."),
    ] = None,
) -> None:
    """Stop all brokers that pk server-start and pk up have started, with SIGTERM or $SIGNAL.

    Prints which processes were signaled. A pk up stops with its ZooKeeper and all of its brokers; with --node-id, each
    pk up keeps running, and how to stop it is printed.
    """
    if node_id is not None:
        if process_role is not None:
            print_precedence()
        signal_servers("server-start", NOTHING_FOUND, lambda words: _node_id_of(words) == node_id, left_running)
    elif process_role == "controller":
        raise ScriptError(NOTHING_FOUND, on_stdout=True)  # the controller is one of the brokers
    else:
        signal_servers("server-start", NOTHING_FOUND, also={each.pid for each in running_states()})


def _node_id_of(words: Sequence[str]) -> int | None:
    """The id of the broker with this command line, from --override or else from its file."""
    given = [word.removeprefix("--override=") for word in words]
    after = given[next(place for place, word in enumerate(given) if word.endswith("server-start")) + 1 :]
    file = next((word for word in after if not word.startswith("-")), None)
    if file is None:
        return None  # it is about to print its help
    try:
        values = {each.key: each.value for each in read_properties(Path(file).read_bytes())}
    except OSError:
        raise ScriptError(
            "Can not find the configuration file in the current directory. "
            "Please make sure the kafka stop process and the start process are called in the same directory.",
            on_stdout=True,
        ) from None
    except MalformedProperties as error:
        raise ScriptError(f"{file}: {error}") from None
    values.update((name, text) for name, equals, text in (word.partition("=") for word in after) if equals)
    text = values.get("node.id", values.get("broker.id", ""))
    return int(text) if text.strip().isdecimal() else None
