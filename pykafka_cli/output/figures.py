"""Figures of the perf tools, in tables and documents.

Keys of documents name their units; undefined values, such as a rate over no time, are null.
"""

from math import isfinite

from pykafka_cli.output.render import Table
from pykafka_cli.rules.throughput import Latencies

LATENCY_NAMES = {
    "avg": "mean latency, ms",
    "max": "maximum, ms",
    "p50": "50 % within, ms",
    "p95": "95 % within, ms",
    "p99": "99 % within, ms",
    "p999": "99.9 % within, ms",
}


def latency_document(count: int, latencies: Latencies) -> dict[str, float | None]:
    values = (latencies.mean, latencies.maximum, latencies.p50, latencies.p95, latencies.p99, latencies.p999)
    return {key: value if count else None for key, value in zip(LATENCY_NAMES, values, strict=True)}


def figures_table(*rows: tuple[str, float | None]) -> Table:
    """Figures one below the other, which fits any terminal."""
    return Table(("FIGURE", "VALUE"), [(name, _cell(value)) for name, value in rows])


def _cell(figure: float | None) -> str | None:
    if figure is None or not isfinite(figure):
        return None
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:,.2f}"


def known(figure: float) -> float | None:
    return figure if isfinite(figure) else None
