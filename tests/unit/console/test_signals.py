"""Signals that end a command, in a separate process."""

import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from pykafka_cli.console.signals import ending_signals
from tests.support.polling import PATIENCE_S

WAITS = """
import asyncio, sys
from pykafka_cli.console.signals import EndBySignal

async def main():
    with EndBySignal() as end:
        print("begun", flush=True)
        await asyncio.Event().wait()
    print("ended", flush=True)
    if len(sys.argv) > 1:
        await asyncio.Event().wait()  # as a stuck connection
    sys.exit(end.status)

asyncio.run(main())
"""


def run(signals: Sequence[signal.Signals], *words: str) -> tuple[int, str, str]:
    """Status, output and complaints of a process that gets the signals, each once what came before is done with."""
    command = [sys.executable, "-c", WAITS, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        for each in signals:
            said += process.stdout.readline()
            process.send_signal(each)
        rest, complaints = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said + rest, complaints


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=lambda each: str(each)
)
def test_a_signal_ends_the_body_and_lets_the_rest_be_done(sent: signal.Signals, status: int) -> None:
    assert run([sent]) == (status, "begun\nended\n", "")


def test_the_second_signal_ends_a_process_that_stands_still_without_a_traceback() -> None:
    assert run([signal.SIGINT, signal.SIGINT], "stand still") == (130, "begun\nended\n", "")


def test_a_closed_terminal_does_not_end_what_nohup_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)

    assert signal.SIGHUP not in ending_signals()
