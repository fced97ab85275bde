"""The ends of runs in which nothing happened, or in no time."""

import json

import pytest

from pykafka_cli.model import Timestamp
from pykafka_cli.output.consumer_perf_test import show_consumer_total
from pykafka_cli.output.e2e_latency import show_round_trips
from pykafka_cli.output.producer_perf_test import show_producer_total
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.throughput import ConsumerFigures, ProducerFigures, RoundTripTotal, latencies_of

NO_LATENCIES = dict.fromkeys(["avg", "max", "p50", "p95", "p99", "p999"])


def test_nothing_sent_in_no_time_has_no_figures(capsys: pytest.CaptureFixture[str]) -> None:
    show_producer_total(OutputFormat.JSON, ProducerFigures(now_ms=Timestamp(5)).total(now_ms=Timestamp(5)), failed=3)

    assert json.loads(capsys.readouterr().out) == {
        "records": 0,
        "failed_records": 3,
        "elapsed_ms": 0,
        "records_per_second": None,
        "mb_per_second": None,
        "latency_ms": NO_LATENCIES,
    }


def test_what_came_while_the_group_was_joined_has_no_rate_of_fetching(capsys: pytest.CaptureFixture[str]) -> None:
    figures = ConsumerFigures(now_ms=Timestamp(1000))
    figures.joined(500)
    figures.record(10, 1024 * 1024)

    show_consumer_total(OutputFormat.JSON, figures.total(now_ms=Timestamp(1500)), "s")

    assert json.loads(capsys.readouterr().out) == {
        "start_time_ms": 1000,
        "end_time_ms": 1500,
        "records": 10,
        "mb": 1.0,
        "records_per_second": 20.0,
        "mb_per_second": 2.0,
        "rebalance_time_ms": 500,
        "fetch_time_ms": 0,
        "fetch_records_per_second": None,
        "fetch_mb_per_second": None,
    }


def test_no_round_trip_has_no_latencies(capsys: pytest.CaptureFixture[str]) -> None:
    show_round_trips(OutputFormat.JSON, RoundTripTotal(0, latencies_of({}, 0.0)))

    assert json.loads(capsys.readouterr().out) == {"records": 0, "latency_ms": NO_LATENCIES}


def test_a_table_shows_a_dash_for_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    show_producer_total(OutputFormat.TABLE, ProducerFigures(now_ms=Timestamp(5)).total(now_ms=Timestamp(5)), failed=0)

    cells = [line.split()[-1] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert cells[2:] == ["0", "0", *["-"] * 8]
