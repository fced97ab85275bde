"""docs/zookeeper-security.md is true: with its files, each `$` line prints what is below it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.broker_processes import PkBroker
from tests.support.pages import DOCS, files_of, pattern_of, steps_of
from tests.support.ports import free_port
from tests.support.running import PK
from tests.support.zookeeper.servers import PkZooKeeper

PAGE = "zookeeper-security.md"
LOGIN = "-Djava.security.auth.login.config="


def test_every_command_of_the_page_prints_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peers.program("openssl", "Debian's package openssl has it")
    text = (DOCS / PAGE).read_text()
    steps = steps_of(text)
    assert len(steps) >= 10
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(PK).parent}:{os.environ['PATH']}")
    plain, secure, listener = free_port(), free_port(), free_port()

    def placed(shown: str) -> str:
        shown = shown.replace("localhost:2182", f"localhost:{secure}").replace("=2182", f"={secure}")
        return shown.replace("=2181", f"={plain}").replace(":9092", f":{listener}")

    for name, content in files_of(text).items():
        Path(name).write_text(placed(content))

    def run(commands: list[str]) -> subprocess.CompletedProcess[str]:
        """In one shell, so that what is exported stays; what the last one prints counts."""
        *before, last = map(placed, commands)
        script = "".join(f"{{ {each}; }} >/dev/null 2>&1\n" for each in before) + last
        return subprocess.run(["sh", "-ec", script], capture_output=True, text=True, timeout=120, check=False)

    certificates = [step.command for step in steps if not step.command.startswith(("pk", "export"))]
    done = run(certificates)
    assert done.returncode == 0, done.stderr
    server, broker = PkZooKeeper(tmp_path), PkBroker(0, tmp_path, "", port=listener)
    server.file, server.port, broker.file = tmp_path / "zookeeper.properties", plain, tmp_path / "broker.properties"
    with server.file.open("a") as file:
        file.write("4lw.commands.whitelist=*\n")
    try:
        monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN}zookeeper.jaas")
        server.start()
        monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN}broker.jaas")
        broker.start()
        monkeypatch.delenv("KAFKA_OPTS")
        export, *others = [step for step in steps if step.command not in certificates]
        assert export.command == f"export KAFKA_OPTS={LOGIN}broker.jaas"
        for step in others:
            done = run([export.command, step.command])
            assert done.returncode == 0, f"{step.command}: {done.stdout}{done.stderr}"
            assert re.fullmatch(pattern_of([placed(line) for line in step.printed]), done.stdout), (
                f"{step.command}:\n{done.stdout}"
            )
    finally:
        broker.kill()
        server.kill()
