"""`pk mark`: where topics end now, as a token for `pk expect --from-offset`."""

from typing import Annotated, Literal

import typer

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.rules.expect_marks import BadMark, Mark, decode_mark
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.opening import own_session
from pykafka_cli.script.options import BootstrapServer, CommandConfig, Output, bootstrap_or_default, chosen_output
from pykafka_cli.script.own_command import OwnCommand, usage_errors
from pykafka_cli.topic_names import why_invalid
from pykafka_cli.transport import event_loop
from pykafka_cli.wall_clock import now_ms

EPILOG = """\b
Examples:
  mark=$(pk mark orders payments)
  ./tests-that-send && pk expect orders --count 3 --from-offset $mark

\b
  pk mark --show $mark

Exit status: 0 if there is a mark, 1 if there is none, 2 if the command line is wrong.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=OwnCommand, epilog=EPILOG)
def mark(
    topics: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC]...", help="Topics to mark, including ones that do not exist yet."),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option("--show", metavar="TOKEN", help="Print what is in a token, as TOPIC:PARTITION:OFFSET."),
    ] = None,
    isolation_level: Annotated[
        Literal["read_uncommitted", "read_committed"],
        typer.Option("--isolation-level", help="read_committed marks where open transactions begin."),
    ] = "read_uncommitted",
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    output: Output = None,
) -> None:
    """Print a token for the current ends of topics.

    The token holds the end of each partition. `pk expect --from-offset TOKEN` reads what comes after it, including
    everything in partitions and topics that did not exist yet.
    """
    from pykafka_cli.output.mark import print_missing, show_contents, show_mark

    form = chosen_output(output)
    if show is not None:
        with usage_errors():
            if topics:
                raise ScriptError("--show cannot be used with topics")
            show_contents(form, _decoded(show))
        return
    with usage_errors():
        if not topics:
            raise ScriptError("No topic was named", hint="`pk mark orders` marks the topic orders.")
        for topic in topics:
            if problem := why_invalid(topic):
                raise ScriptError(f"Topic name is invalid: {problem}")
        missing = ScriptError("Missing required option --bootstrap-server")
        bootstrap = bootstrap_or_default(bootstrap_server, missing)
    session = own_session(bootstrap, command_config)

    async def ask() -> Mark:
        from pykafka_cli.procedures.mark import mark_ends

        async with session:
            return await mark_ends(session, topics, now_ms(), read_committed=isolation_level == "read_committed")

    with reported(words={ApiError: str}):
        found = event_loop.run(ask())
    for topic, each in found.topics.items():
        if not each.ends:
            print_missing(topic)
    show_mark(form, found)


def _decoded(token: str) -> Mark:
    try:
        return decode_mark(token)
    except BadMark as error:
        raise ScriptError(str(error)) from None
