"""A command that runs beside servers: its status, its environment, its end."""

import asyncio
import sys
from pathlib import Path

import pytest

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.attached_command import ensure_found, run_command


async def test_its_status_is_returned() -> None:
    never: asyncio.Future[None] = asyncio.Future()

    assert await run_command([sys.executable, "-c", "raise SystemExit(7)"], {}, never) == 7
    assert await run_command([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], {}, never) == 137


async def test_it_gets_variables_beside_its_environment() -> None:
    code = "import os; raise SystemExit(os.environ['GIVEN'] != 'yes' or 'PATH' not in os.environ)"

    assert await run_command([sys.executable, "-c", code], {"GIVEN": "yes"}) == 0


async def test_it_is_ended_when_the_servers_are() -> None:
    over: asyncio.Future[None] = asyncio.Future()
    over.set_result(None)

    status = await run_command([sys.executable, "-c", "import signal; signal.pause()"], {}, over)

    assert status == ExitStatus.TERMINATED


def test_a_command_that_does_not_exist_is_noticed_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("")

    for name, status in (
        (str(tmp_path / "absent"), 127),
        ("no-such-command-anywhere", 127),
        (str(tmp_path / "text"), 126),
    ):
        with pytest.raises(ScriptError, match=name) as refused:
            ensure_found([name])
        assert refused.value.status == status
    ensure_found([sys.executable])
