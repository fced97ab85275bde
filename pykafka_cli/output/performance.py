"""What the perf tools have measured, at the end of a run: the script's lines, a table, or a document.

Keys of documents name their units; what is undefined, a rate over no time or a latency of nothing, is null.
"""

from math import isfinite

from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.rules.throughput import ConsumerTotal, Latencies, ProducerTotal, RoundTripTotal

LATENCY_NAMES = {
    "avg": "mean latency, ms",
    "max": "maximum, ms",
    "p50": "50 % within, ms",
    "p95": "95 % within, ms",
    "p99": "99 % within, ms",
    "p999": "99.9 % within, ms",
}


def show_producer_total(form: OutputFormat, total: ProducerTotal, failed: int) -> None:
    latencies = _latency_document(total.count, total.latencies)
    show(
        form,
        text=lambda: f"{total.line()}\n",
        table=lambda: [
            _figures(
                ("records", total.count),
                ("failed", failed),
                ("records/s", total.records_per_second),
                ("MB/s", total.mb_per_second),
                *((LATENCY_NAMES[key], value) for key, value in latencies.items()),
            )
        ],
        document=lambda: {
            "records": total.count,
            "failed_records": failed,
            "elapsed_ms": total.elapsed_ms,
            "records_per_second": _known(total.records_per_second),
            "mb_per_second": _known(total.mb_per_second),
            "latency_ms": latencies,
        },
    )


def show_consumer_total(form: OutputFormat, total: ConsumerTotal, date_format: str) -> None:
    show(
        form,
        text=lambda: f"{total.line(date_format)}\n",
        table=lambda: [
            _figures(
                ("records", total.count),
                ("MB", total.mb),
                ("records/s", total.records_per_second),
                ("MB/s", total.mb_per_second),
                ("joining the group, ms", total.joining_ms),
                ("fetching, ms", total.fetching_ms),
                ("records/s while fetching", total.fetched_records_per_second),
                ("MB/s while fetching", total.fetched_mb_per_second),
            )
        ],
        document=lambda: {
            "start_time_ms": total.started_ms,
            "end_time_ms": total.ended_ms,
            "records": total.count,
            "mb": total.mb,
            "records_per_second": _known(total.records_per_second),
            "mb_per_second": _known(total.mb_per_second),
            "rebalance_time_ms": total.joining_ms,
            "fetch_time_ms": total.fetching_ms,
            "fetch_records_per_second": _known(total.fetched_records_per_second),
            "fetch_mb_per_second": _known(total.fetched_mb_per_second),
        },
    )


def show_round_trips(form: OutputFormat, total: RoundTripTotal) -> None:
    latencies = _latency_document(total.count, total.latencies)
    show(
        form,
        text=total.lines,
        table=lambda: [
            _figures(("records", total.count), *((LATENCY_NAMES[key], value) for key, value in latencies.items()))
        ],
        document=lambda: {"records": total.count, "latency_ms": latencies},
    )


def _latency_document(count: int, latencies: Latencies) -> dict[str, float | None]:
    values = (latencies.mean, latencies.maximum, latencies.p50, latencies.p95, latencies.p99, latencies.p999)
    return {key: value if count else None for key, value in zip(LATENCY_NAMES, values, strict=True)}


def _figures(*rows: tuple[str, float | None]) -> Table:
    """One below the other, which fits any terminal."""
    return Table(("FIGURE", "VALUE"), [(name, _cell(value)) for name, value in rows])


def _cell(figure: float | None) -> str | None:
    if figure is None or not isfinite(figure):
        return None
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:,.2f}"


def _known(figure: float) -> float | None:
    return figure if isfinite(figure) else None
