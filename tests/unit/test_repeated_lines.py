"""Lines that any peer can cause: the first, then a count a minute, in bounded memory."""

import logging

import pytest

from pykafka_cli.repeated_lines import INTERVAL_S, MOST_CHARACTERS, MOST_COUNTED, RepeatedLines
from tests.fakes.clock import FakeClock

_log = logging.getLogger("pykafka_cli.tests.repeated_lines")


class Log:
    """The lines under test, and what the log has got since the last look."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.clock = FakeClock()
        self.lines = RepeatedLines(self.clock)
        self._caplog = caplog

    def write(self, address: str, text: str, *, cause: str = "garbage", level: int = logging.WARNING) -> None:
        self.lines.log(_log, level, cause, address, text)

    def new(self) -> list[str]:
        seen = [record.getMessage() for record in self._caplog.records]
        self._caplog.clear()
        return seen


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    caplog.set_level(logging.INFO, _log.name)
    return Log(caplog)


def test_the_first_line_is_logged_at_once_and_the_others_as_a_count(log: Log) -> None:
    for number in range(1, 6):
        log.write("10.0.0.7", f"garbage from 10.0.0.7:{number}")
    assert log.new() == ["garbage from 10.0.0.7:1"]

    log.clock.advance(INTERVAL_S)

    assert log.new() == ["4 more from 10.0.0.7 in the last minute, the last: garbage from 10.0.0.7:5"]


def test_who_continues_is_counted_every_minute(log: Log) -> None:
    log.write("10.0.0.7", "garbage")
    for _ in range(3):
        log.write("10.0.0.7", "more garbage")
        log.clock.advance(INTERVAL_S)

    assert log.new() == ["garbage"] + ["1 more from 10.0.0.7 in the last minute, the last: more garbage"] * 3


def test_after_a_quiet_minute_a_line_is_logged_at_once_again(log: Log) -> None:
    log.write("10.0.0.7", "garbage")
    log.clock.advance(INTERVAL_S)
    log.write("10.0.0.7", "garbage again")

    assert log.new() == ["garbage", "garbage again"]
    log.clock.advance(INTERVAL_S)
    assert (log.new(), log.clock.pending) == ([], 0)


def test_causes_and_addresses_are_counted_separately(log: Log) -> None:
    log.write("10.0.0.7", "garbage")
    log.write("10.0.0.7", "no TLS", cause="handshake")
    log.write("10.0.0.8", "garbage of another")

    assert log.new() == ["garbage", "no TLS", "garbage of another"]


def test_many_addresses_are_counted_together(log: Log) -> None:
    for number in range(MOST_COUNTED + 5):
        log.write(f"address {number}", f"garbage {number}")
    assert log.new() == [f"garbage {number}" for number in range(MOST_COUNTED + 1)]
    assert log.clock.pending == MOST_COUNTED + 1

    log.clock.advance(INTERVAL_S)

    last = f"garbage {MOST_COUNTED + 4}"
    assert log.new() == [f"4 more from other addresses in the last minute, the last: {last}"]


def test_a_logger_at_debug_gets_every_line(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, _log.name)
    log.write("10.0.0.7", "garbage")
    log.write("10.0.0.7", "more garbage")
    log.clock.advance(INTERVAL_S)

    assert log.new() == ["garbage", "more garbage"]


def test_lines_at_debug_are_not_counted(log: Log) -> None:
    log.write("10.0.0.7", "detail", level=logging.DEBUG)
    log.write("10.0.0.7", "garbage")

    assert log.new() == ["garbage"]


def test_what_was_counted_is_logged_at_the_end(log: Log) -> None:
    log.write("10.0.0.7", "garbage")
    log.write("10.0.0.7", "more garbage")

    log.lines.close()

    assert log.new() == ["garbage", "1 more from 10.0.0.7 in the last minute, the last: more garbage"]
    assert log.clock.pending == 0


def test_a_long_line_is_cut(log: Log) -> None:
    log.write("10.0.0.7", "x" * (MOST_CHARACTERS + 1))

    assert log.new() == ["x" * MOST_CHARACTERS]
