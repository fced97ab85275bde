"""What `pk up`, `pk status` and `pk broker list` print fits a terminal of 80 columns, and breaks at no wrong place."""

from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.output.local_servers import show_brokers
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.output.up import show_running, show_started

ADDRESSES = ("127.0.0.1:19092", "127.0.0.1:19093", "127.0.0.1:19094")


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def brokers(directory: Path) -> list[dict[str, Any]]:
    return [
        {
            "broker": index,
            "pid": 4711 + index,
            "state": "running",
            "address": address,
            "advertised": address,
            "log": str(directory / "data" / "logs" / f"broker-{index}.log"),
        }
        for index, address in enumerate(ADDRESSES)
    ]


def cluster(directory: Path) -> dict[str, Any]:
    return {
        "pid": 4710,
        "data_dir": "/home/me/data",
        "bootstrap_servers": ",".join(ADDRESSES),
        "zookeeper_connect": "127.0.0.1:12181,127.0.0.1:12182,127.0.0.1:12183",
        "zookeepers": [],
        "brokers": brokers(directory),
        "metrics": [],
    }


def test_what_to_type_next_fits_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_started(OutputFormat.TABLE, cluster(tmp_path))

    printed = capsys.readouterr().out
    assert f"    export PK_BOOTSTRAP_SERVER={ADDRESSES[0]}\n    pk topics --create" in printed
    assert [line for line in printed.splitlines() if len(line) > 80] == []


def test_no_address_is_broken_in_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_running(OutputFormat.TABLE, [cluster(tmp_path)])

    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if len(line) > 80] == []
    for address in (*ADDRESSES, "127.0.0.1:12181", "127.0.0.1:12182", "127.0.0.1:12183"):
        assert address in printed


def test_a_pipe_gets_addresses_as_commands_accept_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_running(OutputFormat.KAFKA, [cluster(tmp_path)])

    assert capsys.readouterr().out.split("\t")[1] == ",".join(ADDRESSES)


def test_people_see_logs_from_where_they_are_and_programs_whole_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    show_brokers(OutputFormat.TABLE, brokers(tmp_path))
    shown = capsys.readouterr().out
    show_brokers(OutputFormat.KAFKA, brokers(tmp_path))
    piped = capsys.readouterr().out

    assert "   data/logs/broker-0.log" in shown
    assert piped.splitlines()[0].split("\t")[-1] == f"{tmp_path}/data/logs/broker-0.log"


def test_a_log_elsewhere_has_its_whole_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_brokers(OutputFormat.TABLE, [{**brokers(tmp_path)[0], "log": "/logs/broker-0.log"}])

    assert "/logs/broker-0.log" in capsys.readouterr().out
