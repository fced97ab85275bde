"""kafka-replica-verification.sh: what differs between replicas, as the script's lines or as documents."""

from datetime import datetime

from pykafka_cli.output.events import Events
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.replica_verification import Finding, Lag, OtherOffset, lag_document, lag_text


class Report:
    """Prints findings as they are made."""

    def __init__(self, form: OutputFormat | None) -> None:
        self._events = Events(form) if form and form.is_document else None

    def begin(self, partitions: int) -> None:
        if self._events:
            self._events.report("verification_started", partitions=partitions)
        else:
            _print_line("verification process is started")

    def find(self, finding: Finding) -> None:
        if self._events:
            name = "unmatched_offset" if isinstance(finding, OtherOffset) else "unmatched_checksum"
            self._events.report(name, **finding.document())
        else:
            _print_line(str(finding))

    def lag(self, lag: Lag | None, partitions: int) -> None:
        if self._events:
            self._events.report("max_lag", **lag_document(lag, partitions))
        else:
            _print_line(lag_text(lag, partitions))


def _print_line(message: str) -> None:
    now = datetime.now()  # local, as the script prints it
    print(f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}: {message}", flush=True)
