"""What the perf tools and the verifiable ones print for programs and for people."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.consoles import Talk
from tests.support.running import RunningCluster, pk

LATENCIES = ["avg", "max", "p50", "p95", "p99", "p999"]


@pytest.fixture
def topic(cluster: RunningCluster, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name.replace("[", "-").replace("]", "")
    created = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", name)
    assert created.returncode == 0, created.stderr
    return name


def sending(cluster: RunningCluster, topic: str, *extra: str) -> list[str]:
    props = f"bootstrap.servers={cluster.bootstrap}"
    return ["producer-perf-test", "--topic", topic, "--throughput", "-1", "--producer-props", props, *extra]


def reading(cluster: RunningCluster, topic: str, *extra: str) -> list[str]:
    return ["consumer-perf-test", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *extra]


def succeeded(words: list[str]) -> "subprocess.CompletedProcess[str]":
    done = pk(*words)
    assert done.returncode == 0, done.stderr
    return done


def send(cluster: RunningCluster, topic: str, count: int) -> None:
    succeeded(sending(cluster, topic, "--num-records", str(count), "--record-size", "100"))


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)], ids=["json", "yaml"])
def test_what_was_sent_is_one_document_and_all_else_goes_to_stderr(
    cluster: RunningCluster, topic: str, form: str, read: Callable[[str], dict[str, Any]]
) -> None:
    extra = ["--num-records", "500", "--payload-file", __file__, "--print-metrics", "--output", form]
    done = succeeded(sending(cluster, topic, *extra))

    document = read(done.stdout)
    latencies = document.pop("latency_ms")
    assert list(document) == ["records", "failed_records", "elapsed_ms", "records_per_second", "mb_per_second"]
    assert (document["records"], document["failed_records"]) == (500, 0)
    assert document["records_per_second"] == pytest.approx(500_000 / document["elapsed_ms"])
    assert list(latencies) == LATENCIES
    assert latencies["p50"] <= latencies["p999"] <= latencies["max"]
    assert "Reading payloads from: " in done.stderr
    assert "record-send-total" in done.stderr


def test_a_transactional_id_among_the_properties_is_enough_for_transactions(
    cluster: RunningCluster, topic: str, tmp_path: Path
) -> None:
    config = tmp_path / "producer.properties"
    config.write_text(f"transactional.id=id-{topic}\n")
    words = sending(cluster, topic, "--num-records", "5", "--record-size", "9", "--producer.config", str(config))

    done = succeeded(words)

    assert done.stdout.startswith("5 records sent")
    assert (done.stderr, "failed" in done.stdout) == ("", False)
    described = succeeded(
        ["transactions", "--bootstrap-server", cluster.bootstrap, "describe", "--transactional-id", f"id-{topic}"]
    )
    assert "CompleteCommit" in described.stdout

    without = pk(*words, "--transaction-duration-ms", "0")
    assert without.returncode == 1
    assert "--transaction-duration-ms must be more than 0" in without.stderr


def test_what_was_read_is_one_document(cluster: RunningCluster, topic: str) -> None:
    send(cluster, topic, 300)

    done = succeeded(reading(cluster, topic, "--messages", "300", "--output", "json"))

    document = json.loads(done.stdout)
    assert list(document) == [
        "start_time_ms", "end_time_ms", "records", "mb", "records_per_second", "mb_per_second", "rebalance_time_ms",
        "fetch_time_ms", "fetch_records_per_second", "fetch_mb_per_second",
    ]  # fmt: skip
    elapsed = document["end_time_ms"] - document["start_time_ms"]
    assert document["records"] == 300
    assert document["mb"] == pytest.approx(300 * 100 / (1 << 20))
    assert document["records_per_second"] == pytest.approx(300_000 / elapsed)
    assert document["rebalance_time_ms"] + document["fetch_time_ms"] == elapsed


def test_intervals_and_warnings_stay_out_of_the_document(cluster: RunningCluster, topic: str) -> None:
    send(cluster, topic, 10)
    extra = ["--messages", "11", "--timeout", "8000", "--show-detailed-stats", "--reporting-interval", "1"]

    done = succeeded(reading(cluster, topic, *extra, "--output", "yaml"))

    assert yaml.safe_load(done.stdout)["records"] == 10
    assert "time, threadId, data.consumed.in.MB" in done.stderr
    assert re.search(r"^\d{4}-.*, 0, 0\.\d{4}, .*, 10, ", done.stderr, re.MULTILINE)
    assert "WARNING: Exiting before consuming the expected number of messages" in done.stderr


@pytest.mark.parametrize("place", ["before", "behind"])
def test_the_way_of_a_record_is_one_document(cluster: RunningCluster, topic: str, place: str) -> None:
    words = [cluster.bootstrap, topic, "3", "1", "10"]
    option = ["--output", "json"]

    done = succeeded(["e2e-latency", *(option + words if place == "before" else words + option)])

    document = json.loads(done.stdout)
    assert list(document) == ["records", "latency_ms"]
    assert document["records"] == 3
    assert list(document["latency_ms"]) == LATENCIES
    assert 0 < document["latency_ms"]["avg"] <= document["latency_ms"]["max"] + 1
    assert re.fullmatch(r"0\t[\d.]+\n", done.stderr)


def test_the_way_of_a_record_is_the_scripts_lines_in_a_pipe(cluster: RunningCluster, topic: str) -> None:
    done = succeeded(["e2e-latency", cluster.bootstrap, topic, "3", "all", "10"])

    lines = r"0\t[\d.]+\nAvg latency: \d+\.\d{4} ms\nPercentiles: 50th = \d+, 99th = \d+, 99\.9th = \d+\n"
    assert re.fullmatch(lines, done.stdout)


def test_an_output_that_is_no_form_is_rejected() -> None:
    done = pk("e2e-latency", "localhost:1", "t", "3", "1", "10", "--output", "xml")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "Cannot parse argument 'xml' of option output" in done.stderr


def test_a_terminal_shows_a_table(cluster: RunningCluster, topic: str) -> None:
    send_words = sending(cluster, topic, "--num-records", "20", "--record-size", "100")
    with Talk(send_words, terminal=True) as sender:
        sender.read_until(r"records +20\s(?s:.*)records/s +[\d,]+\.\d\d\s(?s:.*)99\.9 % within, ms +\d+\s")
    with Talk(reading(cluster, topic, "--messages", "20"), terminal=True) as reader:
        shown = reader.read_until(r"records +20\s(?s:.*)MB/s while fetching +[\d.-]+\s")
    assert b"start.time" not in shown.string


@pytest.mark.parametrize("form", ["kafka", "json", "table"])
def test_events_are_lines_of_json(cluster: RunningCluster, topic: str, form: str) -> None:
    words = ["--bootstrap-server", cluster.bootstrap, "--topic", topic, "--output", form]

    done = succeeded(["verifiable-producer", *words, "--max-messages", "2"])

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["name"] for event in events] == [
        "startup_complete", "producer_send_success", "producer_send_success", "shutdown_complete", "tool_data",
    ]  # fmt: skip


def test_events_are_a_stream_of_yaml_documents(cluster: RunningCluster, topic: str) -> None:
    words = ["--bootstrap-server", cluster.bootstrap, "--topic", topic, "--output", "yaml"]

    sent = succeeded(["verifiable-producer", *words, "--max-messages", "2"])
    read = succeeded(["verifiable-consumer", *words, "--max-messages", "2", "--group-id", topic])

    first, *_, last = yaml.safe_load_all(sent.stdout)
    assert list(first) == ["timestamp", "name"]
    assert (last["name"], last["sent"], last["acked"]) == ("tool_data", 2, 2)
    by_name = {event["name"]: event for event in yaml.safe_load_all(read.stdout)}
    assert by_name["partitions_assigned"]["partitions"] == [{"topic": topic, "partition": 0}]
    assert by_name["offsets_committed"]["offsets"] == [{"topic": topic, "partition": 0, "offset": 2}]
