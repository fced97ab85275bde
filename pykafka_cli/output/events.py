"""Events of a long-running command, printed as they occur: a JSON object per line, or YAML documents.

There is no table of a stream. Time and name come first in each event; the verifiable scripts print JSON anyway.
"""

from collections.abc import Mapping

from pykafka_cli.output.documents import as_json_line, as_yaml_document
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.wall_clock import now_ms


class Events:
    """Prints events to stdout, in the chosen form."""

    def __init__(self, form: OutputFormat | None) -> None:
        self._form = form

    def report(self, name: str, **values: object) -> None:
        print_document({"timestamp": now_ms(), "name": name, **values}, self._form)


def print_document(document: Mapping[str, object], form: OutputFormat | None) -> None:
    """Print one document of a stream immediately; JSON unless YAML was chosen."""
    write = as_yaml_document if form is OutputFormat.YAML else as_json_line
    print(write(document), end="", flush=True)
