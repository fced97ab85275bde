"""`pk groups`: kafka-groups.sh, which Kafka has since 4.0."""

from typing import Annotated

import typer

from pykafka_cli.clients.admin.groups import CONSUMER, list_all_groups
from pykafka_cli.clients.session import Session
from pykafka_cli.model import GroupListing
from pykafka_cli.output.groups import show_groups
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    refuse,
)
from pykafka_cli.transport import event_loop

WHICH = "Which groups"
TYPES = ("classic", "consumer", "share", "streams")
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class GroupsCommand(ScriptCommand):
    pass


@app.command(cls=GroupsCommand)
def groups(
    ctx: ScriptContext,
    list_: Annotated[bool, typer.Option("--list", help="List groups.")] = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    group_type: Annotated[
        str | None,
        typer.Option("--group-type", metavar="TYPE", help=f"One of {', '.join(TYPES)}.", rich_help_panel=WHICH),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            metavar="PROTOCOL",
            help="List groups of this protocol, such as consumer.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    consumer: Annotated[
        bool,
        typer.Option("--consumer", help="List consumer groups, of every protocol.", rich_help_panel=WHICH),
    ] = False,
    share: Annotated[bool, typer.Option("--share", help="List share groups.", rich_help_panel=WHICH)] = False,
    streams: Annotated[bool, typer.Option("--streams", help="List streams groups.", rich_help_panel=WHICH)] = False,
    output: Output = None,
) -> None:
    """List groups of every type."""
    bootstrap = bootstrap_or_default(
        bootstrap_server, ctx.usage_problem("Missing required option(s) [bootstrap-server]")
    )
    if not list_:
        raise ctx.usage_problem("Command must include exactly one action: --list.")
    refuse(ctx, "consumer", "group-type", "protocol", "share", "streams")
    refuse(ctx, "share", "consumer", "group-type", "protocol", "streams")
    refuse(ctx, "streams", "consumer", "group-type", "protocol", "share")
    if group_type is not None and group_type.lower() not in TYPES:
        raise ScriptError("--group-type must be a valid group type.", hint=f"It is one of {', '.join(TYPES)}.")
    wanted = "share" if share else "streams" if streams else group_type

    def is_wanted(group: GroupListing) -> bool:
        if consumer:
            kind = group.type.lower()
            return kind == CONSUMER or (kind == "classic" and group.protocol in (CONSUMER, ""))
        return wanted in (None, group.type.lower()) and protocol in (None, group.protocol)

    wanted = wanted.lower() if wanted else None
    found = event_loop.run(fetch(new_session(bootstrap, command_config)))
    show_groups([group for group in found if is_wanted(group)], chosen_output(output))


async def fetch(session: Session) -> list[GroupListing]:
    async with session:
        return await list_all_groups(session)
