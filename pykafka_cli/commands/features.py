"""`pk features`: kafka-features.sh."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import typer

from pykafka_cli.clients.admin.features import describe_features, update_features
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, UpgradeType
from pykafka_cli.output.features import print_deprecation, print_known, print_outcome, show_features
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.features import (
    BadFeature,
    dependencies,
    disabled_levels,
    release_levels,
    version_mapping,
    wanted_levels,
)
from pykafka_cli.script.command import ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    CONNECTION,
    INT,
    BootstrapController,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import BrokerUnreachable

WHICH = "What to change"
MISSING = "one of the arguments --bootstrap-server --bootstrap-controller is required"
MISSING_IN_4 = (
    "Command line error: You must specify either --bootstrap-controller or --bootstrap-server.. Type --help for help."
)
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class FeaturesCommand(ArgparseCommand):
    subcommands = ("describe", "upgrade", "downgrade", "disable")
    subcommands_of_4 = ("version-mapping", "feature-dependencies")
    exclusive = frozenset({"bootstrap-server", "bootstrap-controller"})


@app.command(cls=FeaturesCommand)
def features(
    ctx: ScriptContext,
    command: Annotated[
        str,
        typer.Argument(
            metavar="|".join(FeaturesCommand.subcommands + FeaturesCommand.subcommands_of_4),
            help="Action to perform; the last two need no cluster.",
        ),
    ],
    bootstrap_server: BootstrapServer = None,
    bootstrap_controller: BootstrapController = None,
    command_config: CommandConfig = None,
    node_id: Annotated[
        int | None,
        typer.Option(
            "--node-id",
            parser=INT,
            help="With describe: the broker or controller to ask.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    release_version: Annotated[
        str | None,
        typer.Option(
            "--release-version",
            metavar="RELEASE",
            help="The release whose level every feature gets, or whose mapping is shown, such as 4.3.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    metadata: Annotated[
        str | None,
        typer.Option(
            "--metadata",
            metavar="RELEASE",
            help="metadata.version, such as 3.9-IV0; deprecated in favor of --release-version.",
            rich_help_panel=WHICH,
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
    with reported(words={BadFeature: str}):
        if command in FeaturesCommand.subcommands_of_4:
            print_known(known_levels(ctx, command, release_version, feature or []))
            return
        missing = FeaturesCommand.argparse_error(ctx, f"{MISSING}\n{MISSING_IN_4}")
        bootstrap = bootstrap_or_default(bootstrap_controller or bootstrap_server, missing)
        session = new_session(bootstrap, command_config, controllers=bootstrap_controller is not None)
        if command == "describe":
            event_loop.run(describe(session, None if node_id is None else BrokerId(node_id), chosen_output(output)))
            return
        if release_version and (metadata or feature):
            raise ScriptError("Can not specify `release-version` with other feature flags.")
        kind = UpgradeType.UPGRADE
        if command != "upgrade":
            kind = UpgradeType.UNSAFE_DOWNGRADE if unsafe else UpgradeType.SAFE_DOWNGRADE
        change = Change(command, kind, release_version, metadata, feature or [], dry_run=dry_run)
        event_loop.run(update(session, change))


def known_levels(ctx: ScriptContext, command: str, release: str | None, words: list[str]) -> list[str]:
    """What is known without a cluster.

    raises    ScriptError, BadFeature
    """
    if command == "version-mapping":
        return version_mapping(release)
    if not words:
        raise FeaturesCommand.argparse_error(ctx, "argument --feature is required")
    return dependencies(words)


async def describe(session: Session, node: BrokerId | None, form: OutputFormat) -> None:
    async with session:
        try:
            found = await describe_features(session, node)
        except BrokerUnreachable as error:
            if node is None:
                raise
            message = "org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment."
            raise ScriptError(f"{message} Call: describeFeatures", hint=str(error)) from None
        kafka_4 = await session.is_kafka_4()
    show_features(found, form, kafka_4=kafka_4)


class Change(NamedTuple):
    """A change that the command line requests."""

    command: str
    kind: UpgradeType
    release: str | None
    metadata: str | None
    features: list[str]
    dry_run: bool

    def levels(self, *, kafka_4: bool) -> dict[str, int]:
        """Levels by feature.

        raises    BadFeature, ScriptError
        """
        if self.command == "disable":
            levels = disabled_levels(self.features)
        elif self.release:
            levels = release_levels(self.release)
        else:
            upgrade = self.kind is UpgradeType.UPGRADE
            levels = wanted_levels(self.metadata, self.features, upgrade=upgrade, kafka_4=kafka_4)
        if not levels:
            raise ScriptError(f"You must specify at least one feature to {self.command}")
        if not all(name.strip() for name in levels):
            raise ScriptError("Provided feature can not be empty.")
        return levels


async def update(session: Session, change: Change) -> None:
    """raises    ScriptError, BadFeature"""
    async with session:
        kafka_4 = await session.is_kafka_4()
        if kafka_4 and change.metadata is not None:
            print_deprecation()
        levels = change.levels(kafka_4=kafka_4)
        results = await update_features(session, levels, change.kind, dry_run=change.dry_run)
    report(change, levels, results)


def report(change: Change, levels: Mapping[str, int], results: Mapping[str, ApiError | None]) -> None:
    """raises    ScriptError if one of the features was not changed"""
    for name, problem in results.items():
        print_outcome(change.command, name, levels[name], problem, dry_run=change.dry_run)
    if failed := sum(problem is not None for problem in results.values()):
        raise ScriptError(f"{failed} out of {len(levels)} operation(s) failed.")
