"""kafka-e2e-latency.sh: the figures at the end of a run."""

from pykafka_cli.output.figures import LATENCY_NAMES, figures_table, latency_document
from pykafka_cli.output.render import OutputFormat, show
from pykafka_cli.rules.throughput import RoundTripTotal


def show_round_trips(form: OutputFormat, total: RoundTripTotal) -> None:
    latencies = latency_document(total.count, total.latencies)
    show(
        form,
        text=total.lines,
        table=lambda: [
            figures_table(("records", total.count), *((LATENCY_NAMES[key], value) for key, value in latencies.items()))
        ],
        document=lambda: {"records": total.count, "latency_ms": latencies},
    )
