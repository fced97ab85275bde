"""kafka-consumer-perf-test.sh: the figures at the end of a run."""

from pykafka_cli.output.figures import figures_table, known
from pykafka_cli.output.render import OutputFormat, show
from pykafka_cli.rules.throughput import ConsumerTotal


def show_consumer_total(form: OutputFormat, total: ConsumerTotal, date_format: str) -> None:
    show(
        form,
        text=lambda: f"{total.line(date_format)}\n",
        table=lambda: [
            figures_table(
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
            "records_per_second": known(total.records_per_second),
            "mb_per_second": known(total.mb_per_second),
            "rebalance_time_ms": total.joining_ms,
            "fetch_time_ms": total.fetching_ms,
            "fetch_records_per_second": known(total.fetched_records_per_second),
            "fetch_mb_per_second": known(total.fetched_mb_per_second),
        },
    )
