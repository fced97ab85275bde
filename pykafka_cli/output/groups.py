"""kafka-groups.sh: three columns, each as wide as the longest group id."""

from collections.abc import Sequence

from pykafka_cli.model import GroupListing
from pykafka_cli.output.render import OutputFormat, Table, show

_NARROWEST = 20


def show_groups(groups: Sequence[GroupListing], form: OutputFormat) -> None:
    show(
        form,
        text=lambda: _lines(groups),
        table=lambda: [
            Table(("GROUP", "TYPE", "PROTOCOL", "STATE"), [(g.group, g.type, g.protocol, g.state) for g in groups])
        ],
        document=lambda: [each._asdict() for each in groups],
    )


def _lines(groups: Sequence[GroupListing]) -> str:
    rows = [("GROUP", "TYPE", "PROTOCOL"), *((each.group, each.type, each.protocol) for each in groups)]
    width = max(_NARROWEST, *(len(group) for group, _, _ in rows))
    return "".join(" ".join(f"{cell:<{width}}" for cell in row) + "\n" for row in rows)
