"""`pk dump-log` prints what Apache Kafka 3.9.1's tool printed of the same files, whole and damaged ones."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pykafka_cli.cli import run
from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.records import Record, build_batch
from tests.support.dump_log_runs import ARCHIVES, differences, pk_dump, recorded
from tests.support.recorded_directories import unpacked
from tests.support.running import PK

RECORDED = list(recorded())


@pytest.mark.parametrize("name", ARCHIVES)
def test_every_file_is_dumped_as_by_kafkas_tool(name: str, tmp_path: Path) -> None:
    directory = unpacked(name, tmp_path, archives=ARCHIVES[name])
    runs = [(words, owed) for archive, words, owed in RECORDED if archive == name]

    assert runs
    assert not [each for words, owed in runs for each in differences(words, owed, pk_dump(words, directory))]


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = unpacked("clean", tmp_path)
    monkeypatch.chdir(directory)
    return directory


def log_of(folder: Path, *batches: bytes) -> str:
    path = folder / "00000000000000000000.log"
    path.write_bytes(b"".join(batches))
    return str(path)


def batch(first: int, *values: bytes) -> bytes:
    return bytes(
        build_batch([Record(Offset(first + at), Timestamp(1_000), None, value) for at, value in enumerate(values)])
    )


def test_files_are_dumped_in_order_and_problems_reported_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = log_of(tmp_path, batch(0, b"a"), batch(5, b"b"), batch(7, b"c"), b"tail")
    other = tmp_path / "leader-epoch.checkpoint.txt"

    assert run(["dump-log", "--print-data-log", "--files", f"{first},{other},"]) == 0
    out, err = capsys.readouterr()
    assert [line for line in out.splitlines() if "ffset:" not in line] == [
        f"Dumping {first}", "Found 4 invalid bytes at the end of 00000000000000000000.log", f"Dumping {other}",
    ]  # fmt: skip
    assert err.splitlines() == [
        f"Ignoring unknown file {other}", f"Non-consecutive offsets in {first}", "  5 is followed by 7",
        "  0 is followed by 5",
    ]  # fmt: skip


def test_offsets_beyond_a_long_are_damage_and_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray(batch(0, b"a", b"b"))
    data[:8] = b"\x7f" + b"\xff" * 7
    path = log_of(tmp_path, batch(0, b"sound"), bytes(data))

    assert run(["dump-log", "--deep-iteration", "--files", path]) == 0
    assert "  0 is followed by 9223372036854775807" in capsys.readouterr().err


def test_what_was_printed_before_the_damage_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log_of(tmp_path, batch(0, b"sound"), bytes(100))

    assert run(["dump-log", "--print-data-log", "--files", path]) == 1
    out, err = capsys.readouterr()
    assert out.endswith("payload: sound\n")
    assert err == f"Found record size 0 smaller than minimum record overhead (14) in file {path}.\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-suffix", "unknown suffix"),
        ("word.log", 'For input string: "word"'),
        ("00000000000000000000.log", "No such file or directory"),
        ("00000000000000000000.index", "00000000000000000000.log: No such file or directory"),
        ("short.checkpoint", 'For input string: "short.checkpoint"'),
    ],
)
def test_a_file_that_cannot_be_dumped_is_reported_in_a_line(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dump-log", "--files", str(tmp_path / name)]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_an_index_that_is_missing_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_of(tmp_path, batch(0, b"a"))
    (tmp_path / "00000000000000000000.timeindex").write_bytes(bytes(12))

    assert run(["dump-log", "--files", str(tmp_path / "00000000000000000000.timeindex")]) == 1
    assert "00000000000000000000.index is missing" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 2


def test_documents_say_of_which_file_they_are_and_of_what_kind(clean: Any, capsys: pytest.CaptureFixture[str]) -> None:
    log, snapshot = "codec-zstd-0/00000000000000000000.log", "codec-zstd-0/00000000000000000005.snapshot"
    words = ["dump-log", "--print-data-log", "--files", f"{log},{snapshot}", "--output"]

    assert run([*words, "json"]) == 0
    items = json.loads(capsys.readouterr().out)
    assert run([*words, "yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == items
    assert items[0] == {"file": log, "kind": "log", "start_offset": 0}
    assert {(item["kind"], item["file"]) for item in items[1:]} <= {("batch", log), ("producer", snapshot)}
    record = items[1]["records"][0]
    assert (items[1]["compression"], items[1]["is_valid"], record["key"], record["payload"]) == (
        "zstd", True, "key", "value",
    )  # fmt: skip


def test_documents_have_the_fields_of_what_kafkas_own_topics_hold(
    clean: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "__consumer_offsets-0/00000000000000000000.log"

    assert run(["dump-log", "--offsets-decoder", "--files", path, "--output", "json"]) == 0
    keys = [
        record["key"]
        for item in json.loads(capsys.readouterr().out)[1:]
        for record in item["records"]
        if "control" not in record
    ]
    assert {"type": "2", "data": {"group": "left-open"}} in keys


def test_documents_end_where_the_file_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log_of(tmp_path, batch(0, b"sound"), bytes(100))

    assert run(["dump-log", "--files", path, "--output", "json"]) == 1
    out, err = capsys.readouterr()
    assert [item["kind"] for item in json.loads(out)] == ["log", "batch"]
    assert "Found record size 0" in err


def test_index_entries_come_with_what_the_log_says(clean: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = "compacted-0/00000000000000000009.timeindex"

    assert run(["dump-log", "--files", path, "--output", "json"]) == 0
    for item in json.loads(capsys.readouterr().out):
        assert item["kind"] == "time_index_entry"
        assert item["offset_in_log"] is not None


def test_a_reader_who_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    path = log_of(tmp_path, *(batch(at, b"x" * 100) for at in range(20_000)))
    with subprocess.Popen(
        [PK, "dump-log", "--print-data-log", "--files", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == f"Dumping {path}\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_large_file_needs_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    value = os.urandom(500_000)

    def peak_of(count: int) -> int:
        path = log_of(tmp_path, *(batch(at, value) for at in range(count)))
        program = (
            "import resource, sys; from pykafka_cli.cli import run; run(sys.argv[1:]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, "dump-log", "--deep-iteration", "--files", path],
            capture_output=True,
            check=True,
        )
        return int(done.stderr.splitlines()[-1])

    assert peak_of(200) - peak_of(8) < 30_000  # KiB; the file has 100,000
