"""`pk zookeeper-server-stop`: stop every `pk zookeeper-server-start` on this machine."""

import typer

from pykafka_cli.servers.run_states import left_running
from pykafka_cli.servers.stopping import signal_servers

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def zookeeper_server_stop() -> None:
    """Stop all ZooKeeper servers that pk zookeeper-server-start has started, with SIGTERM or $SIGNAL."""
    signal_servers("zookeeper-server-start", "No zookeeper server to stop", others=left_running)
