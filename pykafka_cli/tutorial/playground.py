"""Servers in a temporary directory for the learner to practice on, and a shell in which `pk` finds them.

DIR/bin/pk                     this pk, and scripts with Kafka's names
DIR/env                        what another terminal reads to find them
DIR/data                       of `pk up`
DIR/zookeeper.properties       of a cluster of three, with broker-1.properties and so on
DIR/*.log                      what the servers and commands in the background print
"""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.model import Seconds
from pykafka_cli.output.tutorial import show_stopping
from pykafka_cli.procedures.wait import wait_until_met
from pykafka_cli.rules.wait_conditions import parse_condition
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.opening import unchecked_session
from pykafka_cli.script.options import BOOTSTRAP_SERVER_VARIABLE
from pykafka_cli.servers.control_client import ControlClient
from pykafka_cli.servers.detached import start_detached
from pykafka_cli.servers.program import own_command
from pykafka_cli.text_files import write_text
from pykafka_cli.transport import event_loop
from pykafka_cli.tutorial.chapter import Cluster
from pykafka_cli.tutorial.clearing import MARK, cleared_place
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import NoNode

_HOST = "127.0.0.1"
_START_S = Seconds(60.0)
_END_S = Seconds(10.0)
_BROKERS = (1, 2, 3)
_QUICK = {"request.timeout.ms": "3000", "default.api.timeout.ms": "3000"}


class Playground:
    """A running cluster; `open_playground` starts and stops it."""

    def __init__(self, directory: Path, bootstrap: str, zookeeper: str) -> None:
        self.directory, self.bootstrap, self.zookeeper = directory, bootstrap, zookeeper
        self._background: dict[str, subprocess.Popen[bytes]] = {}
        self._client: ZooKeeperClient | None = None

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.directory / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        more = {"LOG_DIR": str(self.directory), MARK: str(self.directory), "PATH": path}
        return {**os.environ, **more, BOOTSTRAP_SERVER_VARIABLE: self.bootstrap}

    @property
    def exports(self) -> str:
        """The line that prepares another terminal."""
        return f". {shlex.quote(str(self.directory))}/env"

    def write_environment(self) -> None:
        """Write the file that this line reads, in what all shells understand."""
        directory = shlex.quote(str(self.directory))
        write_text(
            self.directory / "env",
            f"export {BOOTSTRAP_SERVER_VARIABLE}={self.bootstrap} {MARK}={directory} LOG_DIR={directory}\n"
            f"export PATH={directory}/bin:$PATH\n"
            "echo 'pk finds the cluster of the tutorial in this terminal now.'\n",
        )

    def fill_in(self, text: str) -> str:
        """Replace {zookeeper}, {directory}, and {pid-N}, the process of broker N."""
        values = {"{zookeeper}": self.zookeeper, "{directory}": str(self.directory)}
        for broker in _BROKERS:
            if (name := f"{{pid-{broker}}}") in text:
                values[name] = str(self._pid_of(broker) or "PID")
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    def session(self) -> Session:
        return unchecked_session(self.bootstrap, ClientSettings(_QUICK))

    async def read_znode(self, path: str) -> bytes | None:
        """The data of a znode; None if there is none."""
        if self._client is None:
            self._client = ZooKeeperClient(self.zookeeper, session_timeout=_END_S, connection_timeout=_END_S)
            await self._client.start()
        try:
            data, _ = await self._client.get(path)
        except NoNode:
            return None
        return bytes(data or b"")

    def clock_ahead(self) -> Seconds:
        """How far the servers' clock, which can be moved, is ahead of ours."""
        with ControlClient(str(self.directory / "data")) as control:
            now_ms: int = control.request("advance", seconds=0)["now_ms"]
        return Seconds(now_ms / 1000 - time.time())

    async def close(self) -> None:
        """Close what was opened here on the event loop."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    # ---- commands

    def run_in_background(self, name: str, line: str) -> Path:
        """Start a line as if in another terminal; return the file with its output."""
        output = self.directory / f"{name}.log"
        with output.open("wb") as file:
            self._background[name] = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {line}"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return output

    def interrupt(self, name: str) -> None:
        """Stop a command in the background with Ctrl-C, and wait for it."""
        if child := self._background.pop(name, None):
            child.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_END_S)

    def _pid_of(self, broker: int) -> int | None:
        import psutil

        file = str(self.directory / f"broker-{broker}.properties")
        for process in psutil.process_iter(["cmdline"]):
            if file in (process.info["cmdline"] or ()):
                return int(process.pid)
        return None


@contextmanager
def open_playground(kind: Cluster) -> Iterator[Playground]:
    """Start servers, and stop everything when the block ends.

    raises    ScriptError if they do not start
    """
    with cleared_place() as directory:
        _write_programs(directory / "bin")
        playground = _three_brokers(directory) if kind is Cluster.THREE else _pk_up(directory, kind)
        playground.write_environment()
        yield playground
        show_stopping()


def _write_programs(folder: Path) -> None:
    folder.mkdir()
    program = folder / "pk"
    write_text(program, f'#!/bin/sh\nexec {shlex.join(own_command())} "$@"\n')
    program.chmod(0o755)
    subprocess.run([*own_command(), "scripts", "install", str(folder)], stdout=subprocess.DEVNULL, check=True)


def _pk_up(directory: Path, kind: Cluster) -> Playground:
    words = ["--data-dir", str(directory / "data"), "--port", "0", "--zookeeper-port", "0"]
    if kind is Cluster.CLOCK:
        words += ["--clock", "manual"]
    state = start_detached(words, {**os.environ, MARK: str(directory)})
    return Playground(directory, state.bootstrap, state.zookeeper)


def _three_brokers(directory: Path) -> Playground:
    zookeeper, *ports = _free_ports(1 + len(_BROKERS))
    _write_properties(
        directory / "zookeeper.properties",
        {"dataDir": str(directory / "zookeeper"), "clientPort": str(zookeeper), "clientPortAddress": _HOST},
    )
    for broker, port in zip(_BROKERS, ports, strict=True):
        _write_properties(
            directory / f"broker-{broker}.properties",
            {
                "broker.id": str(broker),
                "listeners": f"PLAINTEXT://{_HOST}:{port}",
                "log.dirs": str(directory / f"broker-{broker}"),
                "zookeeper.connect": f"{_HOST}:{zookeeper}",
                "zookeeper.session.timeout.ms": "3000",
                "replica.lag.time.max.ms": "5000",
                "offsets.topic.num.partitions": "3",
                "group.initial.rebalance.delay.ms": "0",
            },
        )
    bootstrap = ",".join(f"{_HOST}:{port}" for port in ports)
    playground = Playground(directory, bootstrap, f"{_HOST}:{zookeeper}")
    playground.run_in_background("zookeeper", f"pk zookeeper-server-start {directory / 'zookeeper.properties'}")
    for broker in _BROKERS:
        playground.run_in_background(f"broker-{broker}", f"pk server-start {directory / f'broker-{broker}.properties'}")
    unmet = event_loop.run(wait_until_met(playground.session, [parse_condition("broker=3")], _START_S, lambda _: None))
    if unmet:
        raise ScriptError(f"The brokers did not start: {unmet[0].reason}", hint=f"Look at {directory}/*.log.")
    return playground


def _write_properties(file: Path, values: Mapping[str, str]) -> None:
    write_text(file, "".join(f"{key}={value}\n" for key, value in values.items()))


def _free_ports(count: int) -> list[int]:
    """Ports that are free now. They must be known before the servers start, which return to them."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((_HOST, 0))
        return [each.getsockname()[1] for each in sockets]
