"""ZooKeeper servers of ours within the process of the test."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper.server.server import ZooKeeperServer

StartServer = Callable[..., Awaitable[ZooKeeperServer]]


def settings_of(folder: Path, **keys: object) -> ZooKeeperSettings:
    """Settings with a free port and a dataDir below `folder`; dots in keys are written as double underscores, and keys
    whose value is None are left out."""
    values = {"dataDir": folder / "data", "clientPort": 0, "clientPortAddress": "127.0.0.1", **keys}
    return ZooKeeperSettings(
        [Property(key.replace("__", "."), str(value), 0) for key, value in values.items() if value is not None]
    )
