"""Events of the verifiable tools, each printed when it happens: its time and name first.

One JSON object a line, as the scripts have it, or one YAML document each.
"""

import json
import time
from typing import Annotated

import typer

from pykafka_cli.commands._options import OUTPUT
from pykafka_cli.output.render import OutputFormat

EventOutput = Annotated[
    OutputFormat | None,
    typer.Option(
        "--output",
        help="A JSON object a line, which is what the script prints, or for yaml a stream of documents.",
        rich_help_panel=OUTPUT,
    ),
]


class Events:
    """Where events go: to stdout, in the form that was asked for. There is no table of what has not ended."""

    def __init__(self, form: OutputFormat | None) -> None:
        self._is_yaml = form is OutputFormat.YAML

    def tell(self, name: str, **values: object) -> None:
        event = {"timestamp": time.time_ns() // 1_000_000, "name": name, **values}
        if self._is_yaml:
            from pykafka_cli.output.documents import as_yaml

            print(f"---\n{as_yaml(event)}", end="", flush=True)
        else:
            print(json.dumps(event, separators=(",", ":"), ensure_ascii=False), flush=True)
