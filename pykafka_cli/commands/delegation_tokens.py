"""`pk delegation-tokens`: kafka-delegation-tokens.sh."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

import typer

from pykafka_cli.acls import NotAPrincipal, Principal, parse_principal
from pykafka_cli.clients.admin.delegation_tokens import (
    DelegationToken,
    create_token,
    describe_tokens,
    expire_token,
    renew_token,
)
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.output.delegation_tokens import (
    show_changing,
    show_created,
    show_creating,
    show_described,
    show_describing,
    show_expiry,
)
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    LONG,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    refuse,
    require,
)
from pykafka_cli.transport import event_loop

ACTION, WHAT = "Actions, one of them", "Options of the actions"
ACTIONS = ("create", "renew", "expire", "describe")
NEEDED = {
    "create": ("max-life-time-period",),
    "renew": ("hmac", "renew-time-period"),
    "expire": ("hmac", "expiry-time-period"),
}
OUT_OF_PLACE = {
    "create": ("hmac", "renew-time-period", "expiry-time-period"),
    "renew": ("renewer-principal", "max-life-time-period", "expiry-time-period", "owner-principal"),
    "expire": ("renew", "max-life-time-period", "renew-time-period", "owner-principal"),
    "describe": ("renew-time-period", "max-life-time-period", "hmac", "expiry-time-period"),
}
WORDS: Words = dict.fromkeys((ApiError, NotAPrincipal), str)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class DelegationTokensCommand(ScriptCommand):
    without_arguments = "This tool helps to create, renew, expire, or describe delegation tokens."


@app.command(cls=DelegationTokensCommand)
def delegation_tokens(
    ctx: ScriptContext,
    create: Annotated[bool, typer.Option("--create", help="Create a token.", rich_help_panel=ACTION)] = False,
    renew: Annotated[bool, typer.Option("--renew", help="Renew a token.", rich_help_panel=ACTION)] = False,
    expire: Annotated[bool, typer.Option("--expire", help="Expire a token.", rich_help_panel=ACTION)] = False,
    describe: Annotated[  # noqa: ARG001 - see check_usage
        bool, typer.Option("--describe", help="List tokens of owners.", rich_help_panel=ACTION)
    ] = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    owner_principal: Annotated[
        list[str] | None,
        typer.Option(
            "--owner-principal",
            metavar="TYPE:NAME",
            help="Owner of the token to create, or of the tokens to list; may be repeated.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    renewer_principal: Annotated[
        list[str] | None,
        typer.Option(
            "--renewer-principal",
            metavar="TYPE:NAME",
            help="Principal that may also renew the token; may be repeated.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    max_life_time_period: Annotated[
        int,
        typer.Option(
            "--max-life-time-period",
            metavar="MS",
            parser=LONG,
            help="How long the token can be renewed; -1 for the broker's default.",
            rich_help_panel=WHAT,
        ),
    ] = -1,
    renew_time_period: Annotated[
        int,
        typer.Option(
            "--renew-time-period",
            metavar="MS",
            parser=LONG,
            help="How long the token is valid from now; -1 for the broker's default.",
            rich_help_panel=WHAT,
        ),
    ] = -1,
    expiry_time_period: Annotated[
        int,
        typer.Option(
            "--expiry-time-period",
            metavar="MS",
            parser=LONG,
            help="Time from now until the token expires; -1 expires it at once.",
            rich_help_panel=WHAT,
        ),
    ] = -1,
    hmac: Annotated[
        str, typer.Option("--hmac", metavar="BASE64", help="HMAC of the token.", rich_help_panel=WHAT)
    ] = "",
    output: Output = None,
) -> None:
    """Create, renew, expire, and list delegation tokens."""
    check_usage(ctx, command_config)
    bootstrap = bootstrap_or_default(
        bootstrap_server, ctx.usage_problem('Missing required argument "[bootstrap-server]"')
    )
    session = new_session(bootstrap, command_config)
    form = chosen_output(output)
    with reported(words=WORDS):
        owners = [parse_principal(each.strip()) for each in owner_principal or ()]
        renewers = [parse_principal(each.strip()) for each in renewer_principal or ()]
        if create:
            show_creating(form, renewers, max_life_time_period)
            token = event_loop.run(created(session, renewers, owners, max_life_time_period))
            show_created(form, token)
        elif renew or expire:
            name, option, period = (
                ("renew", "renew-time-period", renew_time_period)
                if renew
                else ("expire", "expire-time-period", expiry_time_period)
            )
            show_changing(form, name, hmac, option, period)
            expiry = event_loop.run(prolonged(session, decoded(hmac), period, renews=renew))
            show_expiry(form, name, expiry)
        else:
            show_describing(form, owners)
            show_described(form, event_loop.run(described(session, owners)))


def check_usage(ctx: ScriptContext, command_config: str | None) -> None:
    """raises    UsageProblem"""
    actions = [action for action in ACTIONS if action in ctx.given]
    if len(actions) != 1:
        raise ctx.usage_problem("Command must include exactly one action: --create, --renew, --expire or --describe")
    if command_config is None:
        require(ctx, "command-config")
    (action,) = actions
    require(ctx, *NEEDED.get(action, ()))
    refuse(ctx, action, *OUT_OF_PLACE[action])


def decoded(hmac: str) -> bytes:
    """raises    ScriptError"""
    try:
        return base64.b64decode(hmac, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ScriptError(f"--hmac is not Base64: {error}") from None


async def created(
    session: Session, renewers: Sequence[Principal], owners: Sequence[Principal], lifetime_ms: int
) -> DelegationToken:
    async with session:
        return await create_token(session, renewers, owners[0] if owners else None, lifetime_ms)


async def prolonged(session: Session, hmac: bytes, period_ms: int, *, renews: bool) -> int:
    async with session:
        return await (renew_token if renews else expire_token)(session, hmac, period_ms)


async def described(session: Session, owners: Sequence[Principal]) -> list[DelegationToken]:
    async with session:
        return await describe_tokens(session, owners)
