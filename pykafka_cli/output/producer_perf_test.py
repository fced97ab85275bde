"""kafka-producer-perf-test.sh: the figures at the end of a run."""

from pykafka_cli.output.figures import LATENCY_NAMES, figures_table, known, latency_document
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.rules.throughput import ProducerTotal


def show_producer_total(
    form: OutputFormat, total: ProducerTotal, failed: int, steady: ProducerTotal | None = None
) -> None:
    """steady    the part after the warm-up, if there was one"""
    totals = [total, *([steady] if steady else [])]
    show(
        form,
        text=lambda: f"{total.line()}\n" + (f"{steady.line('steady state ')}\n" if steady else ""),
        table=lambda: [_table(each, failed) for each in totals],
        document=lambda: (
            {"records": total.count, "failed_records": failed}
            | _document(total)
            | ({"steady_state": _document(steady)} if steady else {})
        ),
    )


def _table(total: ProducerTotal, failed: int) -> Table:
    return figures_table(
        ("records", total.count),
        ("failed", failed),
        ("records/s", total.records_per_second),
        ("MB/s", total.mb_per_second),
        *((LATENCY_NAMES[key], value) for key, value in latency_document(total.count, total.latencies).items()),
    )


def _document(total: ProducerTotal) -> dict[str, object]:
    return {
        "records": total.count,
        "elapsed_ms": total.elapsed_ms,
        "records_per_second": known(total.records_per_second),
        "mb_per_second": known(total.mb_per_second),
        "latency_ms": latency_document(total.count, total.latencies),
    }
