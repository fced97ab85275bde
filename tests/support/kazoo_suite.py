"""A pytest plugin that lets kazoo's own tests, which its package brings along, run against our server.

    PK_KAZOO_FOLDER=/tmp/x python -m pytest -p tests.support.kazoo_suite --pyargs kazoo.tests.test_client

It takes the place of kazoo.testing.common, which starts ZooKeeper in Java.
"""

import os
import shutil
import signal
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from tests.support.zookeeper.servers import PkZooKeeper

os.environ["ZOOKEEPER_VERSION"] = "3.8.4"
KEYS = "DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU="  # of "test"; kazoo's tests know it


class ManagedServer(PkZooKeeper):
    """One server, under the names that kazoo's tests use."""

    @property
    def running(self) -> bool:
        return self.is_running

    def run(self) -> None:
        if not self.is_running:
            self.start()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        return super().stop(by) if self.is_running else 0

    @property
    def client_port(self) -> int:
        return self.port

    def reset(self) -> None:
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    destroy = reset


class Cluster:
    """A "cluster" of one."""

    def __init__(self, **_java: object) -> None:
        self._server = ManagedServer(Path(os.environ["PK_KAZOO_FOLDER"]), keys=KEYS)

    def __getitem__(self, number: int) -> ManagedServer:
        return [self._server][number]

    def __iter__(self) -> Iterator[ManagedServer]:
        return iter([self._server])

    def start(self) -> None:
        self._server.run()

    def stop(self) -> None:
        self._server.stop()

    def terminate(self) -> None:
        self._server.destroy()

    reset = terminate

    def get_logs(self) -> list[str]:
        return self._server.output.read_text().splitlines(keepends=True)[-100:]


_common = types.ModuleType("kazoo.testing.common")
_common.ZookeeperCluster = Cluster  # type: ignore[attr-defined]
sys.modules["kazoo.testing.common"] = _common
