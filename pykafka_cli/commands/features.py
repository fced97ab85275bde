"""`pk features`: kafka-features.sh."""

import asyncio
from typing import Annotated

import typer

from pykafka_cli.clients.admin.features import Features, UpgradeType, describe_features, update_features
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.output.render import Table, show
from pykafka_cli.rules.features import BadFeature, disabled_levels, shown_level, wanted_levels
from pykafka_cli.script.command import ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    CONNECTION,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
)

WHICH = "What to change"
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class FeaturesCommand(ArgparseCommand):
    subcommands = ("describe", "upgrade", "downgrade", "disable")
    exclusive = frozenset({"bootstrap-server", "bootstrap-controller"})


@app.command(cls=FeaturesCommand)
def features(
    ctx: ScriptContext,
    command: Annotated[str, typer.Argument(metavar="describe|upgrade|downgrade|disable", help="Action to perform.")],
    bootstrap_server: BootstrapServer = None,
    bootstrap_controller: Annotated[
        str | None,
        typer.Option(
            "--bootstrap-controller",
            metavar="HOST:PORT,...",
            help="KRaft controllers to connect to.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    command_config: CommandConfig = None,
    metadata: Annotated[
        str | None,
        typer.Option(
            "--metadata", metavar="RELEASE", help="Value of metadata.version, such as 3.9-IV0.", rich_help_panel=WHICH
        ),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(
            "--feature",
            metavar="NAME=LEVEL",
            help="Feature and level, or only the feature to disable; may be repeated.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Allow a downgrade that may lose metadata.", rich_help_panel=WHICH)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check whether the change is possible.", rich_help_panel=WHICH)
    ] = False,
    output: Output = None,
) -> None:
    """Show and change the features that the cluster uses."""
    missing = FeaturesCommand.argparse_error(
        ctx, "one of the arguments --bootstrap-server --bootstrap-controller is required"
    )
    session = new_session(bootstrap_or_default(bootstrap_controller or bootstrap_server, missing), command_config)
    if command == "describe":
        show_features(asyncio.run(fetch(session)), output)
        return
    try:
        levels = (
            disabled_levels(feature or [])
            if command == "disable"
            else wanted_levels(metadata, feature or [], upgrade=command == "upgrade")
        )
    except BadFeature as error:
        raise ScriptError(str(error)) from None
    if not levels:
        raise ScriptError(f"You must specify at least one feature to {command}")
    if not all(name.strip() for name in levels):
        raise ScriptError("Provided feature can not be empty.")
    kind = UpgradeType.UPGRADE
    if command != "upgrade":
        kind = UpgradeType.UNSAFE_DOWNGRADE if unsafe else UpgradeType.SAFE_DOWNGRADE
    results = asyncio.run(update(session, levels, kind, dry_run=dry_run))
    for name, problem in results.items():
        print(outcome(command, name, levels[name], problem, dry_run=dry_run))
    if failed := sum(problem is not None for problem in results.values()):
        raise ScriptError(f"{failed} out of {len(levels)} operation(s) failed.")


async def fetch(session: Session) -> Features:
    async with session:
        return await describe_features(session)


async def update(
    session: Session, levels: dict[str, int], kind: UpgradeType, *, dry_run: bool
) -> dict[str, ApiError | None]:
    async with session:
        return await update_features(session, levels, kind, dry_run=dry_run)


def outcome(command: str, name: str, level: int, problem: ApiError | None, *, dry_run: bool) -> str:
    """The script's line for one feature."""
    if problem:
        what = f"disable {name}" if command == "disable" else f"{command} {name} to {level}"
        return f"{'Can' if dry_run else 'Could'} not {what}. {problem}"
    done = "disabled." if command == "disable" else f"{command}d to {level}."
    return f"{name} {'can be' if dry_run else 'was'} {done}"


def show_features(found: Features, output: Output) -> None:
    epoch = "-" if found.epoch is None else found.epoch
    shown = [
        (
            each.name,
            *(shown_level(each.name, level) for level in (each.min_level, each.max_level, each.finalized_level)),
        )
        for each in found.features
    ]
    show(
        chosen_output(output),
        text=lambda: "".join(
            f"Feature: {name}\tSupportedMinVersion: {low}\tSupportedMaxVersion: {high}"
            f"\tFinalizedVersionLevel: {level}\tEpoch: {epoch}\n"
            for name, low, high, level in shown
        ),
        table=lambda: [Table(("FEATURE", "FROM", "TO", "AGREED"), shown)],
        document=lambda: [
            {
                "feature": each.name,
                "min_level": each.min_level,
                "max_level": each.max_level,
                "finalized_level": each.finalized_level,
                "epoch": found.epoch,
            }
            for each in found.features
        ],
    )
