"""The files of servers in the background."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pykafka_cli.servers.log_output import KEPT, DaemonLog, log_warnings, open_locked


def test_a_second_server_gets_a_file_of_its_own(tmp_path: Path) -> None:
    first, file = open_locked(tmp_path, "kafkaServer.out", "server-0")
    with file:
        second, other = open_locked(tmp_path, "kafkaServer.out", "server-1")
        other.close()
    third, again = open_locked(tmp_path, "kafkaServer.out", "server-2")
    again.close()

    assert [each.name for each in (first, second, third)] == [
        "kafkaServer.out",
        "kafkaServer-server-1.out",
        "kafkaServer.out",
    ]


def test_servers_whose_properties_files_have_one_name_do_not_share_a_log(tmp_path: Path) -> None:
    with ExitStack() as stack:
        opened = [open_locked(tmp_path, "kafkaServer.out", "server") for _ in range(4)]
        for _, file in opened:
            stack.enter_context(file)

    assert [path.name for path, _ in opened] == [
        "kafkaServer.out",
        "kafkaServer-server.out",
        "kafkaServer-server-2.out",
        "kafkaServer-server-3.out",
    ]


def test_a_full_file_is_emptied_into_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kafkaServer.out"
    with path.open("a") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        log = DaemonLog(path, limit=10)
        for number in range(KEPT + 3):
            log.emit(logging.makeLogRecord({"msg": f"line number {number}"}))

    assert path.read_text() == f"line number {KEPT + 2}\n"
    assert (tmp_path / "kafkaServer.out.1").read_text() == f"line number {KEPT + 1}\n"
    assert (tmp_path / f"kafkaServer.out.{KEPT}").read_text() == "line number 2\n"
    assert len(list(tmp_path.iterdir())) == KEPT + 1


@pytest.fixture
def loggers() -> Iterator[logging.Logger]:
    """A logger whose level was lowered; afterwards, logging is as before."""
    changed = [logging.getLogger(name) for name in (None, "pykafka_cli", "kafka", "pykafka_cli.test_log_output")]
    before = [(each.level, each.handlers[:]) for each in changed]
    changed[-1].setLevel(logging.DEBUG)
    yield changed[-1]
    for each, (level, handlers) in zip(changed, before, strict=True):
        each.setLevel(level)
        each.handlers[:] = handlers


@pytest.mark.parametrize("has_file", [False, True])
def test_what_a_logger_is_asked_for_is_printed_only_where_it_has_no_file(
    has_file: bool, loggers: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_warnings("broker 1: ", has_file=has_file)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        loggers.log(level, "at %d", level)
    logging.getLogger("pykafka_cli.another_test").info("elsewhere")

    printed = [line.partition("] ")[2] for line in capsys.readouterr().err.splitlines()]
    lowered = ["DEBUG broker 1: at 10", "INFO broker 1: at 20"]
    wanted = [*([] if has_file else lowered), "WARNING broker 1: at 30"]
    assert printed == [f"{each} (pykafka_cli.test_log_output)" for each in wanted]
