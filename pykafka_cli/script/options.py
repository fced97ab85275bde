"""Options that many commands share, and the scripts' checks of which options go together.

The checks are those of org.apache.kafka.server.util.CommandLineUtils, with its messages.
"""

import re
import sys
from typing import Annotated

import typer

from pykafka_cli.output.render import OutputFormat
from pykafka_cli.script import DEFAULT_BOOTSTRAP_SERVER
from pykafka_cli.script.command import ScriptContext
from pykafka_cli.script.errors import ScriptError

CONNECTION = "Connection"
OUTPUT = "Output"
BOOTSTRAP_SERVER_VARIABLE = "PK_BOOTSTRAP_SERVER"
HOST_PORTS = re.compile(r"(?:[A-Za-z]+://)?\[?([0-9A-Za-z\-%._:]*)\]?:([0-9]+)")


class Integer:
    """Parser of a Java int or long: ASCII digits with a sign, within its range."""

    __name__ = "number"

    def __init__(self, bits: int) -> None:
        self.java_name = {16: "Short", 32: "Integer", 64: "Long"}[bits]
        self._limit = 1 << (bits - 1)

    def __call__(self, value: int | str) -> int:
        """raises    ValueError"""
        if isinstance(value, int):
            return value
        if not re.fullmatch(r"[+-]?[0-9]+", value) or not -self._limit <= int(value) < self._limit:
            raise ValueError(f"{value!r} is not a whole number")
        return int(value)


SHORT = Integer(16)
INT = Integer(32)
LONG = Integer(64)


BootstrapServer = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-server",
        envvar=BOOTSTRAP_SERVER_VARIABLE,
        show_envvar=True,
        metavar="HOST:PORT,...",
        help=f"Brokers to connect to. On a terminal, the default is {DEFAULT_BOOTSTRAP_SERVER}.",
        rich_help_panel=CONNECTION,
    ),
]
BootstrapController = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-controller",
        metavar="HOST:PORT,...",
        help="KRaft controllers to connect to, in place of brokers.",
        rich_help_panel=CONNECTION,
    ),
]
BrokerList = Annotated[
    str | None,
    typer.Option(
        "--broker-list",
        metavar="HOST:PORT,...",
        help="Older name of --bootstrap-server.",
        rich_help_panel=CONNECTION,
    ),
]

ConsumerConfig = Annotated[
    str | None,
    typer.Option(
        "--consumer.config",
        "--command-config",
        metavar="FILE",
        help="File of consumer properties.",
        rich_help_panel=CONNECTION,
    ),
]

ProducerConfig = Annotated[
    str | None,
    typer.Option(
        "--producer.config",
        "--command-config",
        metavar="FILE",
        help="File of producer properties.",
        rich_help_panel=CONNECTION,
    ),
]

CommandConfig = Annotated[
    str | None,
    typer.Option(
        "--command-config", metavar="FILE", help="File of client properties: security, timeouts.",
        rich_help_panel=CONNECTION,
    ),
]  # fmt: skip
Output = Annotated[
    OutputFormat | None,
    typer.Option(
        "--output",
        help="Form of the output. The default is table on a terminal, and kafka, the script's own output, elsewhere.",
        rich_help_panel=OUTPUT,
    ),
]

EventOutput = Annotated[
    OutputFormat | None,
    typer.Option(
        "--output",
        help=(
            "Form of the output: json prints an object per line, as the script does; yaml prints a stream of documents."
        ),
        rich_help_panel=OUTPUT,
    ),
]

StreamOutput = Annotated[
    OutputFormat | None,
    typer.Option(
        "--output",
        help=(
            "Form of the output: json prints an object per line, yaml a stream of "
            "documents; the default is the script's own output."
        ),
        rich_help_panel=OUTPUT,
    ),
]


def chosen_output(output: OutputFormat | None) -> OutputFormat:
    """The output format: the chosen one, otherwise a table on a terminal and the script's text elsewhere."""
    return output or (OutputFormat.TABLE if sys.stdout.isatty() else OutputFormat.KAFKA)


def bootstrap_or_default(value: str | None, missing: ScriptError, *, given: bool = False) -> str:
    """The address to connect to: the option, the variable or the current cluster, which Click resolves, or, on a
    terminal, localhost:9092.

    A script without the option must fail as with Kafka, so `missing` is raised if there is no terminal. An option that
    was `given` but is empty stays empty.
    """
    if given:
        return value or ""
    if (found := bootstrap_if_any(value)) is None:
        missing.hint = (
            f"Give one, set {BOOTSTRAP_SERVER_VARIABLE}, or choose a cluster with `pk config`. "
            f"`pk up` starts a broker at {DEFAULT_BOOTSTRAP_SERVER}."
        )
        raise missing
    return found


def bootstrap_if_any(value: str | None) -> str | None:
    """The same, or None."""
    return value or (DEFAULT_BOOTSTRAP_SERVER if is_interactive() else None)


def is_interactive() -> bool:
    """Whether the command is interactive: one of the standard streams is a terminal."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def require(ctx: ScriptContext, *names: str) -> None:
    """Require that all options are given.

    raises    UsageProblem
    """
    for name in names:
        if name not in ctx.given:
            raise ctx.usage_problem(f'Missing required argument "[{name}]"')


def refuse(ctx: ScriptContext, used: str, *others: str) -> None:
    """Reject the others if `used` is given.

    raises    UsageProblem
    """
    if used in ctx.given:
        for other in others:
            if other in ctx.given:
                raise ctx.usage_problem(f'Option "[{used}]" can\'t be used with option "[{other}]"')


def check_host_ports(ctx: ScriptContext, addresses: str) -> None:
    """Check that every address is HOST:PORT; empty ones between commas are accepted.

    raises    UsageProblem
    """
    given = [address.strip() for address in addresses.split(",") if address.strip()]
    for address in given or [""]:
        if not HOST_PORTS.fullmatch(address):
            raise ctx.usage_problem("Please provide valid host:port like host1:9091,host2:9092\n ")
