"""docs/acls.md is true: with its files, each `$` line prints what is below it."""

import re
import shlex
import subprocess
from pathlib import Path

from tests.support.broker_processes import BrokerProcess, PkBroker
from tests.support.pages import DOCS, files_of, pattern_of, steps_of
from tests.support.ports import free_port
from tests.support.running import PK
from tests.support.zookeeper.servers import pk_zookeeper

PAGE = "acls.md"


class BrokerOfThePage(PkBroker):
    """Our broker with the file that the page shows."""

    def __init__(self, folder: Path, zookeeper: str, port: int, text: str) -> None:
        super().__init__(0, folder, zookeeper, port=port)
        self.file.write_text(text)


def test_every_command_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    text = (DOCS / PAGE).read_text()
    steps = steps_of(text)
    assert len(steps) >= 10
    port, sasl = free_port(), free_port()
    with pk_zookeeper(tmp_path) as zookeeper:

        def placed(shown: str) -> str:
            shown = shown.replace("127.0.0.1:2181", zookeeper.address).replace(
                "log.dirs=data", f"log.dirs={tmp_path}/d"
            )
            return shown.replace("127.0.0.1:9092", f"127.0.0.1:{port}").replace("127.0.0.1:9093", f"127.0.0.1:{sasl}")

        files = {name: placed(content) for name, content in files_of(text).items()}
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        broker: BrokerProcess = BrokerOfThePage(tmp_path, zookeeper.address, port, files["broker.properties"])
        broker.start()
        try:
            for step in steps:
                program, *words = shlex.split(placed(step.command))
                assert program == "pk"
                typed = "".join(f"{line}\n" for line in step.typed)
                done = subprocess.run(
                    [PK, *words], input=typed, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False
                )
                assert done.returncode == 0, f"{step.command}: {done.stdout}{done.stderr}"
                assert re.fullmatch(pattern_of(step.printed), done.stdout), f"{step.command} printed\n{done.stdout}"
        finally:
            broker.stop()
