"""`pk wire`: what Kafka clients and brokers send each other."""

import asyncio
import sys
import time
from typing import Annotated

import typer

from pykafka_cli.console.stderr import print_remark
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.script.client_properties import key_values
from pykafka_cli.script.errors import ScriptError, UsageError
from pykafka_cli.script.own_command import OwnCommand

EPILOG = """\b
A proxy on this machine: connect a client to its port instead of the broker's.
Every request and response is printed with its fields, in Kafka's names, and
the time that it took. Passwords and tokens are not shown.

\b
Examples:
  pk wire 9092 --listen 9192
  pk wire kafka:9092 --api Produce --api Fetch --records --output json

pk COMMAND --show-wire prints the same about a command of pk, on stderr, and
--show-wire=json,records,Fetch,topic=orders what the options here select.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=OwnCommand, epilog=EPILOG)
def wire(
    address: Annotated[str, typer.Argument(metavar="[HOST:]PORT", help="The broker; without a host, on this machine.")],
    listen: Annotated[int, typer.Option("--listen", min=0, max=65535, help="Port for clients; 0 is any free one.")] = 0,
    api: Annotated[
        list[str] | None, typer.Option("--api", metavar="API", help="Show this API, such as Fetch; may be repeated.")
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", metavar="TOPIC", help="Show messages that name this topic; may be repeated."),
    ] = None,
    records: Annotated[bool, typer.Option("--records", help="Show the records of Produce and Fetch.")] = False,
    formatter: Annotated[
        str | None,
        typer.Option("--formatter", metavar="CLASS", help="Show records as this formatter of console-consumer does."),
    ] = None,
    formatter_property: Annotated[
        list[str] | None,
        typer.Option(
            "--formatter-property",
            metavar="KEY=VALUE",
            help="Property of the formatter, such as print.key=true; may be repeated.",
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show long lists whole.")] = False,
    output: Annotated[
        OutputFormat | None, typer.Option("--output", help="Form of the output; json prints an object per line.")
    ] = None,
) -> None:
    """Show the requests and responses between clients and a broker."""
    from pykafka_cli.clients.settings import BadAddress, parse_addresses
    from pykafka_cli.output.wire import print_address, wire_log
    from pykafka_cli.procedures.wire import HOST, WireProxy
    from pykafka_cli.rules.formatters import DEFAULT_FORMATTER
    from pykafka_cli.rules.wire_choice import BadWireChoice, WireChoice, chosen_apis, formatted
    from pykafka_cli.rules.wire_log import WireFilter
    from pykafka_cli.servers.starting import run_until_signalled

    try:
        target, *others = parse_addresses(address if ":" in address else f"{HOST}:{address}")
    except BadAddress as error:
        raise UsageError(str(error)) from None
    if others:
        raise UsageError("Name one broker; the others are found through it")
    try:
        properties = key_values(formatter_property)
        show_record = formatted(formatter or DEFAULT_FORMATTER, properties) if formatter or properties else None
        only = WireFilter(chosen_apis(api or ()), frozenset(topic or ()))
    except BadWireChoice as problem:
        raise UsageError(str(problem), hint=problem.hint) from None
    has_records = records or show_record is not None
    choice = WireChoice(only, has_records, show_record, not full, output is OutputFormat.JSON)
    log = wire_log(choice, sys.stdout, time.monotonic)

    async def serve(stop: asyncio.Event) -> None:
        proxy = WireProxy(log, print_remark)
        try:
            port = await proxy.listen(target, listen)
        except OSError as error:
            raise ScriptError(f"cannot listen on port {listen}: {error.strerror}") from None
        print_address(HOST, port)
        await stop.wait()
        await proxy.close()

    run_until_signalled(serve)
