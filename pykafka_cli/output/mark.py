"""`pk mark`: the token, or its content."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from pykafka_cli.model import Offset
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.rules.expect_marks import Mark, encode_mark, mark_document


def show_mark(form: OutputFormat, mark: Mark) -> None:
    """The token alone, which a script keeps in a variable, or a document."""
    token = encode_mark(mark)
    plain = form if form.is_document else OutputFormat.KAFKA
    show(plain, text=lambda: f"{token}\n", table=list, document=lambda: mark_document(mark, token))


def print_missing(topic: str) -> None:
    print(f"The topic {topic} does not exist yet: all of its records will be after the mark.", file=sys.stderr)


def show_contents(form: OutputFormat, mark: Mark) -> None:
    """The content of a token."""
    moment = datetime.fromtimestamp(mark.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    title = f"Marked at {moment.replace('+00:00', 'Z')} in the cluster {mark.cluster_id or 'without an id'}"
    rows = list(_rows(mark))
    show(
        form,
        text=lambda: "".join(f"{topic}:{partition}:{end}\n" for topic, partition, end in rows),
        table=lambda: [Table(("TOPIC", "PARTITION", "END"), rows, title=title, empty="None of the topics existed.")],
        document=lambda: mark_document(mark, encode_mark(mark)),
    )


def _rows(mark: Mark) -> Iterator[tuple[str, int, Offset]]:
    for topic, each in mark.topics.items():
        for partition, end in enumerate(each.ends):
            yield topic, partition, end
