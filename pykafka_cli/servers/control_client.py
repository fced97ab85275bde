"""The other end of a `pk up`'s control socket: see servers/control.py."""

import contextlib
import json
import socket
from pathlib import Path
from typing import Any, Self

from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.control import SOCKET_NAME
from pykafka_cli.servers.socket_path import short_name


class NotControllable(ScriptError):
    """Servers that do not accept control."""


class ControlClient:
    """A connection to the servers with data in `data_dir`; for one thread at a time.

    raises    NotControllable
    """

    def __init__(self, data_dir: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with short_name(Path(data_dir) / SOCKET_NAME) as name:
                self._socket.connect(name)
        except OSError as error:
            self._socket.close()
            raise NotControllable(
                f"The servers with data in {data_dir} cannot be controlled: {error.strerror or error}",
                hint="pk up --clock manual lets their clock be moved, and pk up --faults lets their requests fail.",
            ) from None
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._answers.close()
            self._socket.close()

    def request(self, command: str, **arguments: Any) -> Any:
        """The result of one command.

        raises    ScriptError with the reason if it cannot be done
        """
        try:
            self._socket.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            line = self._answers.readline()
        except OSError as error:
            raise ScriptError(f"The servers have closed their control socket: {error.strerror}") from None
        if not line:
            raise ScriptError("The servers have closed their control socket")
        answer = json.loads(line)
        if "error" in answer:
            raise ScriptError(answer["error"])
        return answer["result"]
