"""pk zookeeper-server-start and -stop, as processes."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.commands.zookeeper_server_stop import zookeeper_server_stop
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers import stopping
from pykafka_cli.servers.stopping import runs
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import PK
from tests.support.server_processes import ServerProcess
from tests.support.zookeeper.servers import four_letter_word


class Server(ServerProcess):
    """`pk zookeeper-server-start` with a file of properties."""

    def __init__(self, file: Path) -> None:
        super().__init__(file.with_suffix(".out"))
        self._file = file

    def command(self) -> list[str]:
        return [PK, "zookeeper-server-start", str(self._file)]

    def serves(self) -> bool:
        return "listens on port" in self.said()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def file(tmp_path: Path, port: int) -> Path:
    path = tmp_path / "zookeeper.properties"
    path.write_text(f"dataDir={tmp_path / 'data'}\nclientPort={port}\n4lw.commands.whitelist=*\n")
    return path


@pytest.fixture
def running(file: Path) -> Iterator[Server]:
    server = Server(file)
    server.start()
    yield server
    server.kill()


def start(*words: str, cwd: Path | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [PK, "zookeeper-server-start", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
    )


def answers(port: int) -> bool:
    return four_letter_word(port, b"ruok") == b"imok"


@pytest.mark.parametrize(("by", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_server_runs_until_a_signal_and_reports_which(
    running: Server, port: int, by: signal.Signals, status: int
) -> None:
    assert answers(port)

    assert running.stop(by) == status
    assert re.search(r"^\[\d{4}-.*\] INFO ZooKeeper on port \d+ has stopped \(", running.said(), re.MULTILINE)
    assert not answers(port)


def test_without_a_file_the_usage_is_reported_on_stdout() -> None:
    done = start()

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("USAGE: zookeeper-server-start [-daemon] zookeeper.properties")


def test_a_file_that_is_not_there_is_reported() -> None:
    done = start("absent.properties")

    assert (done.returncode, done.stderr) == (1, "absent.properties cannot be read: No such file or directory\n")


def test_a_bad_value_is_reported_with_key_value_and_line(file: Path) -> None:
    with file.open("a") as properties:
        properties.write("# one tick\ntickTime=soon\n")

    done = start(str(file))

    assert done.returncode == 1
    assert done.stderr == f"{file}, line 5: Invalid value soon for configuration tickTime: Not a number of type INT\n"


def test_an_override_wins_over_the_file_and_is_blamed_where_it_is_bad(file: Path) -> None:
    with file.open("a") as properties:
        properties.write("tickTime=soon\n")

    done = start(str(file), "--override", "tickTime=later")

    assert (
        done.stderr == "--override tickTime: Invalid value later for configuration tickTime: Not a number of type INT\n"
    )


def test_what_changes_nothing_is_warned_of(file: Path) -> None:
    with file.open("a") as properties:
        properties.write("tickTimes=1\nelectionAlg=3\n")

    server = Server(file)
    server.start()

    assert server.stop() == 143
    assert f"WARN {file}: line 4: unknown key tickTimes is ignored; did you mean tickTime?" in server.said()
    assert f"WARN {file}: accepted without effect: electionAlg" in server.said()


def test_stray_words_are_rejected(file: Path) -> None:
    done = start(str(file), "stray")

    assert done.returncode == 1
    assert done.stderr.startswith("Found non argument parameters: stray\nUSAGE: ")


def test_a_second_server_on_the_port_or_the_data_is_rejected(running: Server, file: Path, port: int) -> None:
    same_port, same_data = start(str(file)), start(str(file), "--override", f"clientPort={free_port()}")

    assert (same_port.returncode, same_data.returncode) == (1, 1)
    assert f"ZooKeeper cannot run: port {port} is in use" in same_port.stderr
    assert "is in use by another ZooKeeper server" in same_data.stderr
    assert answers(port)


def test_a_daemon_leaves_the_terminal_and_writes_to_log_dir(tmp_path: Path, file: Path, port: int) -> None:
    done = start("-daemon", str(file), LOG_DIR=str(tmp_path / "logs"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    log = tmp_path / "logs/zookeeper.out"
    until(lambda: answers(port), log.read_text)
    found = subprocess.run(
        [sys.executable, "-c", _FIND, str(file)], capture_output=True, text=True, check=True, timeout=120
    )
    os.kill(int(found.stdout), signal.SIGTERM)
    until(lambda: not answers(port))
    assert "ZooKeeper listens on port" in log.read_text()


_FIND = """
import sys
from pykafka_cli.servers.stopping import processes, runs
print(*[pid for pid, words in processes() if runs(words, "zookeeper-server-start") and sys.argv[1] in words])
"""


def test_stopping_when_nothing_runs_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "processes", lambda: iter([(1, ["init"])]))

    with pytest.raises(ScriptError, match="No zookeeper server to stop") as told:
        zookeeper_server_stop()

    assert told.value.on_stdout


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("/venv/bin/python /venv/bin/pk zookeeper-server-start file", True),
        ("python -m pykafka_cli zookeeper-server-start -daemon file", True),
        ("python -m pykafka_cli zookeeper-server-start.sh file", True),
        ("/venv/bin/python /venv/bin/pk zookeeper-server-stop", False),
        ("/venv/bin/python /venv/bin/pk server-start file", False),
        ("vi zookeeper-server-start.properties", False),
        ("grep zookeeper-server-start", False),
    ],
)
def test_servers_are_known_by_their_command_lines(line: str, found: bool) -> None:
    assert runs(line.split(), "zookeeper-server-start") == found


def test_stopping_signals_servers_with_what_is_configured(running: Server) -> None:
    """Signal 0 reaches the servers of this machine and harms none."""
    done = subprocess.run(
        [PK, "zookeeper-server-stop"], capture_output=True, text=True, env={**os.environ, "SIGNAL": "0"}, timeout=120
    )

    assert (done.returncode, done.stdout) == (0, "")
    assert running.process is not None
    assert f"Sent signal 0 to process {running.process.pid}: " in done.stderr
    assert running.is_running


def test_a_signal_that_is_none_is_rejected() -> None:
    done = subprocess.run(
        [PK, "zookeeper-server-stop"], capture_output=True, text=True, env={**os.environ, "SIGNAL": "SOON"}, timeout=120
    )

    assert (done.returncode, done.stderr) == (1, "SIGNAL=SOON is not a signal\n")


def test_system_properties_in_kafka_opts_are_read_or_named(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "zookeeper.properties"
    file.write_text(f"dataDir={tmp_path / 'data'}\nclientPort={port}\n")
    monkeypatch.setenv("KAFKA_OPTS", "-Dzookeeper.4lw.commands.whitelist=* -Dcom.sun.management.jmxremote")
    server = Server(file)
    server.start()
    try:
        assert answers(port)
        assert "KAFKA_OPTS: ignored: -Dcom.sun.management.jmxremote" in server.said()
    finally:
        server.kill()


def test_a_bad_value_in_kafka_opts_is_said_to_be_there(file: Path) -> None:
    refused = start(str(file), KAFKA_OPTS="-Dzookeeper.audit.enable=true")

    assert refused.returncode == 1
    assert "KAFKA_OPTS: Invalid value" in refused.stderr


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            "server.1=a:1:2\nserver.2=b:1:2\n",
            "data/myid is missing; write the N of this server's line server.N into it",
        ),
        (
            "server.1=a:1:2\nserver.2=b:1\n",
            "line 5: Invalid value b:1 for configuration server.2: this is not of the form",
        ),
        (
            "server.1=a:1:2\nserver.2=b:1:2\nweight.1=3\n",
            "line 6: Invalid value 3 for configuration weight.1: all parti",
        ),
        ("dynamicConfigFile=nowhere\n", "dynamicConfigFile nowhere cannot be read: No such file or directory"),
        ("server.1=a:1:2\nserver.2=b:1:2\nsslQuorum=true\n", "configuration sslQuorum: this server does not use TLS"),
    ],
    ids=["no myid", "a bad line", "weights", "no dynamic file", "TLS"],
)
def test_a_server_of_an_ensemble_that_cannot_be_is_reported(file: Path, lines: str, why: str) -> None:
    with file.open("a") as properties:
        properties.write(lines)

    done = start(str(file))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(str(file))
    assert why in done.stderr


def test_an_election_port_in_use_is_reported_with_its_owner(file: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/myid").write_text("1")
    with socket.create_server(("127.0.0.1", 0)) as taken, file.open("a") as properties:
        taken_port = taken.getsockname()[1]
        properties.write(f"server.1=127.0.0.1:{free_port()}:{taken_port}\nserver.2=127.0.0.1:1:2\n")
        properties.flush()

        done = start(str(file))

    assert done.returncode == 1
    assert f"port {taken_port} of 127.0.0.1 is in use" in done.stderr
    assert f"Port {taken_port} belongs to" in done.stderr
