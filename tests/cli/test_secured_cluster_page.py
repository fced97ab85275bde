"""docs/secured-cluster.md is true: from its files a secured cluster of three starts, and each `$` line prints what is
below it."""

import contextlib
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support import peers
from tests.support.pages import DOCS, Step, files_of, pattern_of, steps_of
from tests.support.ports import free_port
from tests.support.running import PK, pk
from tests.support.server_processes import ServerProcess

PAGE = "secured-cluster.md"


class ServerOfThePage(ServerProcess):
    """A server that is started in the page's folder, with one of its files.

    started    what it prints when it serves
    """

    def __init__(self, folder: Path, command: str, file: str, started: str) -> None:
        super().__init__(folder / f"{file}.log")
        self.folder, self.words, self.started = folder, (command, file), started

    def command(self) -> Sequence[str]:
        return ["env", "-C", str(self.folder), PK, *self.words]

    def serves(self) -> bool:
        return self.started in self.said()


def test_a_secured_cluster_starts_from_the_files_of_the_page(tmp_path: Path) -> None:
    peers.program("openssl", "Debian's package openssl has it")
    text = (DOCS / PAGE).read_text()
    ports = {port: str(free_port()) for port in ("2181", "9093", "9094", "9095")}

    def placed(shown: str) -> str:
        return re.sub(r"(?<=[:=])(2181|9093|9094|9095)\b", lambda found: ports[found[1]], shown)

    def take(step: Step) -> None:
        path = f"{Path(PK).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            placed(step.command), shell=True, input="".join(f"{line}\n" for line in step.typed), capture_output=True,
            text=True, timeout=60, cwd=tmp_path, env={**os.environ, "PATH": path}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{step.command}: {done.stdout}{done.stderr}"
        assert re.fullmatch(pattern_of(step.printed), done.stdout), f"{step.command} printed\n{done.stdout}"

    for name, content in files_of(text).items():
        (tmp_path / name).write_text(placed(content))
    zookeeper = ServerOfThePage(tmp_path, "zookeeper-server-start", "zookeeper.properties", "ZooKeeper listens on")
    started = "started (kafka.server.KafkaServer)"
    brokers = [ServerOfThePage(tmp_path, "server-start", f"broker-{n}.properties", started) for n in (1, 2, 3)]
    with contextlib.ExitStack() as running:
        running.callback(zookeeper.kill)
        zookeeper.start()
        for step in steps_of(text):
            if step.command.startswith("pk topics") and not brokers[0].is_running:
                for broker in brokers:
                    running.callback(broker.kill)
                    broker.start()
            take(step)
        stranger = pk("topics", "--bootstrap-server", f"localhost:{ports['9093']}", "--list", timeout=60)
        assert stranger.returncode == 1
        assert "is a TLS listener" in stranger.stdout
        said = zookeeper.said() + "".join(broker.said() for broker in brokers)
        assert "-secret" not in said
        assert "can be reached from other machines" not in said
    secrets = [file for file in tmp_path.iterdir() if file.suffix in (".properties", ".pem", ".key")
               and re.search("-secret|PRIVATE KEY", file.read_text())]  # fmt: skip
    assert [file.name for file in secrets if file.stat().st_mode & 0o077] == []
