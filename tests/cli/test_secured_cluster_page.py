"""docs/secured-cluster.md is true: from the files in config/secured, by the page's own lines, a secured cluster starts,
each `$` line prints what is below it, and those who should not get in do not."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.pages import DOCS, Step, files_of, pattern_of, steps_of
from tests.support.ports import free_port
from tests.support.running import PK
from tests.support.server_processes import ServerProcess

FILES = DOCS.parent / "config" / "secured"
TEXT = (DOCS / "secured-cluster.md").read_text()
PAGE, REFUSALS = TEXT.split("## Who is rejected")
PORTS = ("2182", "9093", "9094", "9095")
STATE = ("umask", "cd", "export")
"""Commands that change what the shell does afterwards."""
INDEXES = (".index", ".timeindex")
"""Offsets and times alone, in files of which 10 MB are preallocated: gigabytes that nobody needs to search."""
READY = re.compile(r"ZooKeeper listens on|started \(kafka\.server\.KafkaServer\)")


class ServerOfThePage(ServerProcess):
    """A server that one line of the page starts."""

    def __init__(self, output: Path, script: str, environment: dict[str, str]) -> None:
        super().__init__(output)
        self._script, self._environment = script, environment

    def command(self) -> Sequence[str]:
        return ["env", *(f"{name}={value}" for name, value in self._environment.items()), "sh", "-c", self._script]

    def serves(self) -> bool:
        return READY.search(self.said()) is not None


class Reader:
    """Somebody who follows the page in a clone of the repository."""

    def __init__(self, clone: Path) -> None:
        self.folder = clone / "cluster"
        self._clone, self._before = clone, ""
        self._ports = {port: str(free_port()) for port in PORTS}
        self._environment = {"PATH": f"{Path(PK).parent}:{os.environ['PATH']}"}
        self.servers: list[ServerOfThePage] = []

    def placed(self, text: str) -> str:
        return re.sub(rf"(?<=[:=])({'|'.join(PORTS)})\b", lambda found: self._ports[found[1]], text)

    def place_files(self) -> None:
        """Ports of the page are somebody's on a machine that runs tests."""
        for file in self.folder.iterdir():
            file.write_text(self.placed(file.read_text()))

    def take(self, step: Step) -> tuple[int, str, str]:
        """Exit status, and what a step has printed."""
        command = self.placed(step.command)
        done = subprocess.run(
            ["sh", "-c", f"{self._before}{command}"], input="".join(f"{line}\n" for line in step.typed),
            capture_output=True, text=True, timeout=120, cwd=self._clone, env={**os.environ, **self._environment},
            check=False,
        )  # fmt: skip
        if command.split()[0] in STATE:
            self._before += f"{command}\n"
        return done.returncode, done.stdout, done.stderr

    def start(self, script: str) -> None:
        # What is started is the server itself, not a shell that would outlive it.
        words = re.sub(r"\bpk\b", "exec pk", script, count=1)
        server = ServerOfThePage(
            self._clone / f"server-{len(self.servers)}.log", f"umask 077\ncd {self.folder}\n{words}", self._environment
        )
        self.servers.append(server)
        server.start()

    def said(self) -> str:
        return "".join(server.said() for server in self.servers)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    peers.program("openssl", "Debian's package openssl has it")
    (tmp_path / "config").mkdir()
    subprocess.run(["cp", "-R", str(FILES), str(tmp_path / "config")], check=True)
    reader = Reader(tmp_path)
    with contextlib.ExitStack() as running:
        running.callback(lambda: [server.kill() for server in reader.servers])
        yield reader


def test_a_secured_cluster_starts_by_the_lines_of_the_page(reader: Reader) -> None:
    for step in steps_of(PAGE):
        for script in step.servers_before:
            reader.start(script)
        status, out, error = reader.take(step)
        assert status == 0, f"{step.command}: {out}{error}"
        assert re.fullmatch(pattern_of([reader.placed(line) for line in step.printed]), out), f"{step.command}:\n{out}"
        if step.command.startswith("cp "):
            reader.place_files()
    assert len(reader.servers) == 4
    for step in steps_of(REFUSALS):
        _, out, error = reader.take(step)
        expected = pattern_of([reader.placed(line) for line in step.printed])
        assert re.fullmatch(expected, out) or re.fullmatch(expected, error), f"{step.command}:\n{out}\n{error}"

    secrets = _secrets(reader.folder)
    assert len(secrets) == 5
    assert [secret for secret in secrets if secret in reader.said()] == []
    assert "can be reached from other machines" not in reader.said()
    with_secrets = [
        file for file in reader.folder.rglob("*")
        if file.is_file() and file.suffix not in INDEXES
        and any(secret in file.read_text(errors="ignore") for secret in (*secrets, "PRIVATE KEY"))
    ]  # fmt: skip
    assert len(with_secrets) > 15
    assert [file.name for file in with_secrets if file.stat().st_mode & 0o077] == []


def _secrets(folder: Path) -> set[str]:
    """The passwords that the page has made."""
    texts = [file.read_text() for file in (*folder.glob("*.properties"), *folder.glob("*.jaas"))]
    return {secret for text in texts for secret in re.findall(r"\b[0-9a-f]{40}\b", text)}


def test_the_page_shows_the_files_as_they_are() -> None:
    shown = files_of(TEXT)

    assert len(shown) >= 6
    assert {name: (FILES / name).read_text() for name in shown} == shown


@pytest.mark.parametrize("number", ["2", "3"])
def test_the_other_brokers_files_have_another_number_port_and_directory(number: str) -> None:
    ours = (FILES / "broker-1.properties").read_text()
    ours = ours.replace("Broker 1", f"Broker {number}").replace("broker.id=1", f"broker.id={number}")
    ours = ours.replace("data-1", f"data-{number}").replace("9093", f"{9092 + int(number)}")

    assert (FILES / f"broker-{number}.properties").read_text() == ours


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_other_users_files_have_another_user_and_password(user: str) -> None:
    for name in ("{}.properties", "{}-password.properties"):
        admins = (FILES / name.format("admin")).read_text()
        assert (FILES / name.format(user)).read_text() == admins.replace("admin", user)
