"""Every `pk up` on this machine keeps a file while it runs, so that `pk status` and `pk down` find it.

$XDG_RUNTIME_DIR/pk-UID/PID.json      or below the directory for temporary files
"""

import contextlib
import json
import os
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.options import BOOTSTRAP_SERVER_VARIABLE
from pykafka_cli.servers.stopping import processes, runs
from pykafka_cli.text_files import write_text

RUNNING, PAUSED, STOPPED = "running", "paused", "stopped"
"""The states of a server."""


class BrokerState(NamedTuple):
    """One broker; addresses are HOST:PORT.

    pid    its process, which is `pk up` itself if it runs only one broker; None while the broker is not running
    log    the file that it logs to; None if its log is that of `pk up`
    """

    address: str
    advertised: str
    log_dir: str
    pid: int | None
    log: str | None

    def document(self, number: int) -> dict[str, Any]:
        return {"broker": number, **self._asdict()}


class ZooKeeperState(NamedTuple):
    """One ZooKeeper server; its address, HOST:PORT, is for clients.

    pid    its process, which is `pk up` itself without --zookeepers; None once it has stopped
    log    the file that it logs to; None if its log is that of `pk up`
    """

    address: str
    data_dir: str
    pid: int | None
    log: str | None

    def document(self, number: int) -> dict[str, Any]:
        return {"zookeeper": number, **self._asdict()}


class RunState(NamedTuple):
    """One `pk up`; the index of a broker is its id.

    zookeeper     HOST:PORT of each ZooKeeper server, separated by commas
    zookeepers    the servers that have their own processes; the number of the first is 1
    metrics       the URL of each broker's metrics, then of each ZooKeeper server's; empty without --metrics-port
    """

    pid: int
    data_dir: str
    zookeeper: str
    brokers: tuple[BrokerState, ...]
    zookeepers: tuple[ZooKeeperState, ...] = ()
    metrics: tuple[str, ...] = ()

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers for commands on this machine."""
        return ",".join(each.address for each in self.brokers)

    @property
    def own_broker(self) -> dict[str, Any] | None:
        """The broker with its state, for JSON, if it runs in the process of `pk up`."""
        return {**self.brokers[0].document(0), "state": RUNNING} if len(self.brokers) == 1 else None

    @property
    def own_zookeeper(self) -> dict[str, Any] | None:
        """The ZooKeeper likewise."""
        if self.zookeepers:
            return None
        server = ZooKeeperState(self.zookeeper, str(Path(self.data_dir) / "zookeeper"), self.pid, log=None)
        return {**server.document(1), "state": RUNNING, "mode": "standalone"}

    def document(self) -> dict[str, Any]:
        """For JSON; the keys are in docs/output.md."""
        return {
            "pid": self.pid,
            "data_dir": self.data_dir,
            "bootstrap_servers": self.bootstrap,
            "zookeeper_connect": self.zookeeper,
            "zookeepers": [each.document(number) for number, each in enumerate(self.zookeepers, start=1)],
            "brokers": [each.document(number) for number, each in enumerate(self.brokers)],
            "metrics": list(self.metrics),
        }


def state_of(document: dict[str, Any]) -> RunState:
    """The state in a document of RunState.document; raises KeyError, TypeError for any other."""
    brokers = tuple(BrokerState(*(each[key] for key in BrokerState._fields)) for each in document["brokers"])
    zookeepers = tuple(
        ZooKeeperState(*(each[key] for key in ZooKeeperState._fields)) for each in document["zookeepers"]
    )
    where, metrics = document["zookeeper_connect"], tuple(document["metrics"])
    return RunState(document["pid"], document["data_dir"], where, brokers, zookeepers, metrics)


def runtime_directory() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"pk-{os.getuid()}"


@contextmanager
def published(state: RunState, ready_files: Sequence[Path]) -> Iterator[Callable[[RunState], None]]:
    """Publish the state while the block runs, also in files of the user's choice.

    The block gets a function that publishes a new state, but not in those files.

    raises    OSError if one of `ready_files` cannot be written
    """
    found_by_others = runtime_directory() / f"{state.pid}.json"

    def publish(state: RunState) -> None:
        with contextlib.suppress(OSError):  # the servers run even if no other command can find them
            _write(found_by_others, state)

    with contextlib.suppress(OSError):
        found_by_others.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_those_of_killed(found_by_others.parent)
    publish(state)
    for file in ready_files:
        _write(file, state)
    try:
        yield publish
    finally:
        for file in (found_by_others, found_by_others.with_suffix(".log"), *ready_files):
            if file.is_file():
                with contextlib.suppress(OSError):
                    file.unlink()


def _remove_those_of_killed(directory: Path) -> None:
    for file in directory.iterdir():
        if file.suffix in (".json", ".log") and file.stem.isdigit():
            try:
                os.kill(int(file.stem), 0)
            except ProcessLookupError:
                file.unlink(missing_ok=True)
            except OSError:  # another user's
                continue


def _write(file: Path, state: RunState) -> None:
    """Write the file as a whole or not at all, unless it is a pipe."""
    text = json.dumps(state.document()) + "\n"
    if file.exists() and not file.is_file():
        write_text(file, text)
        return
    unfinished = file.with_name(f".{file.name}.{state.pid}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        error.filename, error.filename2 = str(file), None
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def running_states(data_dir: Path | None = None) -> list[RunState]:
    """The states of this user's running `pk up`, sorted; only the one with data in `data_dir` if that is given."""
    alive = {pid for pid, words in processes() if runs(words, "up")}
    states = []
    for file in sorted(runtime_directory().glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            state = state_of(json.loads(file.read_text(encoding="utf-8")))
            is_ours = file.stat().st_uid == os.getuid() and file.stem == str(state.pid)
            if is_ours and state.pid in alive:
                states.append(state)
    wanted = data_dir and data_dir.resolve()
    return sorted(state for state in states if not wanted or Path(state.data_dir).resolve() == wanted)


def the_running(data_dir: Path | None = None) -> RunState:
    """The `pk up` that a command applies to; if several run, the one whose brokers $PK_BOOTSTRAP_SERVER names.

    raises    ScriptError if none is running, or several and `data_dir` is None
    """
    found = running_states(data_dir)
    if not found:
        raise ScriptError(
            "No pk up is running" + (f" with data in {data_dir}" if data_dir else ""),
            hint="`pk up --detach` starts one.",
        )
    if len(found) > 1 and not data_dir:
        named = [each for each in found if each.bootstrap == os.environ.get(BOOTSTRAP_SERVER_VARIABLE)]
        found = named or found
    if len(found) > 1:
        raise ScriptError(
            "\n".join(
                [f"{len(found)} pk up are running:", *(f"  {each.data_dir} (process {each.pid})" for each in found)]
            ),
            hint="--data-dir chooses one.",
        )
    return found[0]


def left_running() -> str:
    """A line about each running `pk up`, for commands that stop only other servers."""
    return "\n".join(
        f"Process {each.pid} is a pk up, which is not stopped: pk down --data-dir {shlex.quote(each.data_dir)} stops it"
        for each in running_states(None)
    )
