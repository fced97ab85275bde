"""The quickstarts in docs/ tell the truth: typed as printed, in an empty directory, with scripts of Kafka's names."""

import re
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.pages import DOCS, Step, files_of, pattern_of, steps_of
from tests.support.ports import free_port
from tests.support.running import PK
from tests.support.server_processes import READY_TIMEOUT_S, ServerProcess

INTERRUPT = "^C"
ENSEMBLE_PORTS = ("2181", "2182", "2183", "2888", "2889", "2890", "3888", "3889", "3890")
SERVER = re.compile(r"bin/((?:kafka|zookeeper)-server-start)\.sh (\S+)")


class Server(ServerProcess):
    """A server that a page starts in a terminal of its own."""

    def __init__(self, script: Path, properties: Path) -> None:
        super().__init__(script.with_name(f"{script.stem}-{properties.stem}.log"))
        self._command = [str(script), str(properties)]

    def command(self) -> list[str]:
        return self._command

    def serves(self) -> bool:
        return bool(self.ports())

    def ports(self) -> dict[str, str]:
        """The ports it got, by those of the page; empty until it serves."""
        if "zookeeper" in self._command[0]:
            found = re.search(r"ZooKeeper listens on port (\d+)", self.said())
            return {"2181": found[1]} if found else {}
        (started,) = re.findall(r"\] listens on (.*) \(.*", self.said()) or [""]
        page = {"PLAINTEXT": "9092", "CONTROLLER": "9093"}
        return {page[name]: port for name, port in re.findall(r"([A-Z]+)://[^:]+:(\d+)", started)}


class Reader:
    """Who types what a page says, in a directory of their own. Servers get free ports in place of the page's."""

    def __init__(self, directory: Path, text: str, stopping: ExitStack) -> None:
        self._directory, self._stopping = directory, stopping
        self._ports = dict.fromkeys(("9092", "9093", "9094", "2181"), "0")
        self._is_ensemble = "server.1=" in text
        if self._is_ensemble:  # its servers have to know each other's ports before they start
            self._ports |= {port: str(free_port()) for port in ENSEMBLE_PORTS}
        self._files = files_of(text)
        self._assignments: list[str] = []
        (directory / "home").mkdir()
        (directory / "home" / "pk").symlink_to(PK)
        self._save_files()

    def type(self, step: Step) -> None:
        """Do what one step says, and compare what it prints."""
        if server := SERVER.fullmatch(step.command):
            self._start(server[1], server[2])
        elif re.match(r"\w+=|export ", step.command):
            self._assignments.append(self._with_own_ports(step.command))
        elif step.command.startswith("pk up "):
            self._start_detached(step)
        else:
            self._run(step)

    def _start(self, script: str, properties: str) -> None:
        server = Server(self._directory / "bin" / f"{script}.sh", self._directory / properties)
        server.start()
        self._stopping.callback(server.stop)
        if not self._is_ensemble:
            self._ports |= server.ports()
            self._save_files()

    def _start_detached(self, step: Step) -> None:
        """On free ports, which are then known from what it prints."""
        self._stopping.callback(subprocess.run, [PK, "down"], env=self._environment, capture_output=True, check=False)
        process = self._begin(f"{step.command} --port 0 --zookeeper-port 0")
        printed, _ = process.communicate(timeout=READY_TIMEOUT_S)
        for kind, first in (("ZooKeeper", 2181), (r"Broker \d", 9092)):
            ports = re.findall(rf"^{kind} listens on 127\.0\.0\.1:(\d+)$", printed, re.MULTILINE)
            self._ports |= {str(first + number): port for number, port in enumerate(ports)}
        self._compare(step, printed)
        assert process.returncode == 0

    def _save_files(self) -> None:
        for name, text in self._files.items():
            file = self._directory / name
            file.parent.mkdir(exist_ok=True)
            text = self._with_own_ports(text).replace("://:", "://127.0.0.1:")
            file.write_text(re.sub(r"=(?:/tmp|data)/", f"={self._directory}/data/", text))

    def _with_own_ports(self, text: str) -> str:
        return re.sub(rf"\b({'|'.join(self._ports)})\b", lambda port: self._ports[port[0]], text)

    def _run(self, step: Step) -> None:
        process = self._begin(self._with_own_ports(step.command))
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            process.stdin.write("".join(f"{line}\n" for line in step.typed))
            process.stdin.close()
            last = next((line for line in step.printed if line.startswith(INTERRUPT)), None)
            printed = ""
            if last is not None:
                while printed.count("\n") < len(step.printed) - 1 and (line := process.stdout.readline()):
                    printed += line
                process.send_signal(signal.SIGINT)
            printed += process.stdout.read()
        self._compare(step, printed)
        fails = any(" ERROR " in line for line in step.printed)
        assert process.returncode == (130 if last is not None else 1 if fails else 0)

    @property
    def _environment(self) -> dict[str, str]:
        home = f"{self._directory}/home"
        return {"PATH": f"{home}:/usr/bin:/bin", "HOME": "/nonexistent", "XDG_RUNTIME_DIR": home}

    def _begin(self, command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["bash", "-c", "\n".join([*self._assignments, f"exec {command}"])],
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _compare(self, step: Step, printed: str) -> None:
        lines = [self._with_own_ports(line.removeprefix(INTERRUPT)) for line in step.printed]
        assert re.fullmatch(pattern_of(lines), printed), f"{step.command} printed\n{printed}not\n" + "\n".join(lines)


@pytest.mark.parametrize(
    ("page", "at_least"),
    [
        ("kafka-4-quickstart.md", 10),
        ("kafka-2-course.md", 14),
        ("kafka-2-course-brokers.md", 18),
        ("kafka-2-course-zookeepers.md", 14),
    ],
)
def test_every_line_of_a_quickstart_does_what_the_page_says(page: str, at_least: int, tmp_path: Path) -> None:
    text = (DOCS / page).read_text()
    steps = steps_of(text)
    assert len(steps) >= at_least

    with ExitStack() as stopping:
        reader = Reader(tmp_path, text, stopping)
        for step in steps:
            reader.type(step)
