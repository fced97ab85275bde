"""Servers for tests: ZooKeeper and brokers in a separate process, which ends with the one that started it."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import IO, Any, Self

from pykafka_cli.servers.control_client import ControlClient
from pykafka_cli.servers.program import own_command
from pykafka_cli.testing.cluster import Cluster
from pykafka_cli.testing.security import Prepared, Security

STOP_TIMEOUT_S = 30.0
_NONE: Mapping[str, str] = MappingProxyType({})


class CannotStart(Exception):
    """The servers did not start; the message says why."""


class Kafka(Cluster):
    """ZooKeeper and brokers on free ports, with data in memory or a temporary directory; the constructor starts them.

    brokers      number of brokers
    overrides    properties of all brokers, by Kafka's names
    security     login and TLS for clients; None: neither
    raises       CannotStart
    """

    def __init__(
        self, *, brokers: int = 1, overrides: Mapping[str, str] = _NONE, security: Security | None = None
    ) -> None:
        self._prepared = Prepared(security) if security else None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._control: ControlClient | None = None
        began = time.monotonic()
        try:
            self._process, state = self._start(brokers, overrides)
            super().__init__(
                _addresses(state),
                state["zookeeper_connect"],
                self._prepared.client_properties if self._prepared else _NONE,
            )
            self._control = ControlClient(state["data_dir"])
            if self._prepared:
                self._prepared.create_users(state["bootstrap_servers"], self.bootstrap_servers.split(","), self._loop)
        except BaseException:
            self._stop()
            raise
        self.start_seconds = time.monotonic() - began
        """Seconds until they were ready."""

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Stop the servers, and delete their data."""
        self._stop()
        super().close()

    @property
    def log(self) -> str:
        """The log of the servers: warnings and errors."""
        return self.log_since(0)

    @property
    def log_end(self) -> int:
        """The size of the log in bytes."""
        return 0 if self._log.closed else os.stat(self._log.fileno()).st_size

    def log_since(self, position: int) -> str:
        """The log after the first `position` bytes."""
        if self._log.closed:
            return ""
        return os.pread(self._log.fileno(), max(self.log_end - position, 0), position).decode(errors="replace")

    def _request(self, command: str, **arguments: Any) -> Any:
        assert self._control is not None, "the servers have been stopped"
        return self._control.request(command, **arguments)

    def _start(self, brokers: int, overrides: Mapping[str, str]) -> tuple["subprocess.Popen[bytes]", dict[str, Any]]:
        ready, its_end = os.pipe()
        given = {**(self._prepared.overrides if self._prepared else {}), **overrides}
        words = [
            "--ephemeral",
            "--stop-at-eof",
            "--port=0",
            "--zookeeper-port=0",
            f"--brokers={brokers}",
            "--clock=manual",
            "--faults",
        ]
        words += ["--listen=localhost"] if self._prepared else []
        words += [f"--override={key}={value}" for key, value in given.items()]
        try:
            process = subprocess.Popen(
                [*own_command(), "up", *words, f"--ready-file=/dev/fd/{its_end}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                pass_fds=(its_end,),
                env={**_environment(), **(self._prepared.environment if self._prepared else {})},
                start_new_session=True,
            )
        finally:
            os.close(its_end)
        with os.fdopen(ready, encoding="utf-8") as pipe:
            import_module("pykafka_cli.testing.operations")  # while the servers start, which takes as long
            line = pipe.readline()  # empty if it has ended
        if not line:
            process.wait()
            raise CannotStart(self.log.strip() or f"pk up exited with status {process.returncode}")
        return process, json.loads(line)

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if process := getattr(self, "_process", None):
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()
        if self._prepared:
            self._prepared.close()


def _addresses(state: Mapping[str, Any]) -> str:
    """Addresses for clients, which may be of another listener than that of the brokers."""
    brokers: Sequence[Mapping[str, str]] = state["brokers"]
    return ",".join(each["advertised"] for each in brokers)


def _environment() -> dict[str, str]:
    """This process's environment, without variables that would change the servers."""
    unwanted = ("KAFKA_CREATE_TOPICS", "KAFKA_OPTS", "PK_STANDSTILL_FILE")
    return {name: value for name, value in os.environ.items() if name not in unwanted}
