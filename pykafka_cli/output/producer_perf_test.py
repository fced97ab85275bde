"""kafka-producer-perf-test.sh: what was measured, at the end of a run."""

from pykafka_cli.output.figures import LATENCY_NAMES, figures_table, known, latency_document
from pykafka_cli.output.render import OutputFormat, show
from pykafka_cli.rules.throughput import ProducerTotal


def show_producer_total(form: OutputFormat, total: ProducerTotal, failed: int) -> None:
    latencies = latency_document(total.count, total.latencies)
    show(
        form,
        text=lambda: f"{total.line()}\n",
        table=lambda: [
            figures_table(
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
            "records_per_second": known(total.records_per_second),
            "mb_per_second": known(total.mb_per_second),
            "latency_ms": latencies,
        },
    )
