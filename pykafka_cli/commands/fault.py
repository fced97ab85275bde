"""`pk fault`: make requests of clients fail on purpose."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pykafka_cli.rules.fault_arguments import BadFault, parse_api, parse_error
from pykafka_cli.rules.wait_conditions import parse_duration
from pykafka_cli.script.errors import ScriptError, UsageError
from pykafka_cli.script.options import Output, chosen_output
from pykafka_cli.script.own_command import OwnCommand, usage_errors

EPILOG = """\b
Examples:
  pk fault Produce --error NOT_LEADER_OR_FOLLOWER --times 3
  pk fault OffsetCommit --disconnect --after --client-id billing
  pk fault Fetch --delay 5s --always

With --after, the request is served, and only its response is lost, late or wrong.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=OwnCommand, epilog=EPILOG)
def fault(
    api: Annotated[
        str | None, typer.Argument(metavar="[API]", help="API whose requests to affect, such as Produce or Fetch.")
    ] = None,
    error: Annotated[
        str | None, typer.Option(metavar="ERROR", help="Respond with this error, by Kafka's name or code.")
    ] = None,
    delay: Annotated[
        str | None, typer.Option(metavar="TIME", help="Wait for this long, such as 500ms or 5s, before responding.")
    ] = None,
    disconnect: Annotated[bool, typer.Option("--disconnect", help="Close the connection instead.")] = False,
    after: Annotated[bool, typer.Option("--after", help="Serve the request first.")] = False,
    client_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Choose requests of this client.id; all by default.")
    ] = None,
    times: Annotated[int, typer.Option(min=1, help="Number of requests to affect.")] = 1,
    always: Annotated[bool, typer.Option("--always", help="Affect all requests until --clear.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all faults.")] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Choose servers by their data directory; required if several pk up are running."),
    ] = None,
    output: Output = None,
) -> None:
    """Make requests of clients fail, wait, or lose their connection, on servers that pk up --faults has started.

    Without an API, show the faults that are set.
    """
    from pykafka_cli.output.fault import show_faults
    from pykafka_cli.servers.control_client import ControlClient
    from pykafka_cli.servers.run_states import the_running

    command, arguments = "clear-faults" if clear else "faults", dict[str, Any]()
    if api:
        with usage_errors():
            _check_together(api, error, delay, disconnect=disconnect, clear=clear)
        command = "fault"
        arguments = {"api": api, "error": error, "delay_s": _seconds(delay), "disconnect": disconnect, "after": after}
        arguments |= {"client_id": client_id, "times": None if always else times}
    elif error or delay or disconnect or after or client_id:
        raise UsageError("No API was named", hint="`pk fault Produce --error ...` makes requests of one fail.")
    with ControlClient(the_running(data_dir).data_dir) as control:
        show_faults(chosen_output(output), control.request(command, **arguments))


def _check_together(api: str, error: str | None, delay: str | None, *, disconnect: bool, clear: bool) -> None:
    """raises    ScriptError"""
    if clear:
        raise ScriptError("--clear cannot be used with an API")
    if error and disconnect:
        raise ScriptError("--error and --disconnect cannot be used together")
    if not (error or delay or disconnect):
        raise ScriptError(f"No fault was given for {api}", hint="--error, --delay or --disconnect")
    try:
        parse_api(api)
        if error:
            parse_error(error)
    except BadFault as bad:
        raise ScriptError(str(bad), hint=bad.hint) from None


def _seconds(delay: str | None) -> float:
    try:
        return 0 if delay is None else parse_duration(delay)
    except ValueError as error:
        raise UsageError(f"--delay: {error}") from None
