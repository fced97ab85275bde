"""`pk storage`: kafka-storage.sh, which prepares the directories of a KRaft node."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.command import ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import Ended, ScriptError, reported
from pykafka_cli.script.options import Output, chosen_output

if TYPE_CHECKING:
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.rules.storage_format import NewScramCredential, Voters

FEATURES = "Versions and features"
QUORUM = "The controllers of the cluster"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class StorageCommand(ArgparseCommand):
    subcommands = ("info", "format", "version-mapping", "feature-dependencies", "random-uuid")
    exclusive = frozenset({"standalone", "no-initial-controllers", "initial-controllers"})


@app.command(cls=StorageCommand)
def storage(
    ctx: ScriptContext,
    command: Annotated[
        str,
        typer.Argument(
            metavar="info|format|version-mapping|feature-dependencies|random-uuid",
            help="Show the directories, format them, list a release's features, list what a feature requires, or "
            "print a new id.",
        ),
    ],
    config: Annotated[
        str | None,
        typer.Option("--config", "-c", metavar="FILE", help="File of the node's properties. Required to format."),
    ] = None,
    cluster_id: Annotated[
        str | None, typer.Option("--cluster-id", "-t", metavar="ID", help="Id of the cluster. Required to format.")
    ] = None,
    ignore_formatted: Annotated[
        bool, typer.Option("--ignore-formatted", "-g", help="Skip formatted directories instead of failing.")
    ] = False,
    add_scram: Annotated[
        list[str] | None,
        typer.Option(
            "--add-scram",
            "-S",
            metavar="MECHANISM=[name=USER,password=PASSWORD]",
            help="Create a SCRAM user; may be repeated.",
        ),
    ] = None,
    standalone: Annotated[
        bool, typer.Option("--standalone", "-s", help="Make this node the only controller.", rich_help_panel=QUORUM)
    ] = False,
    no_initial_controllers: Annotated[
        bool,
        typer.Option(
            "--no-initial-controllers",
            "-N",
            help="Name no controllers, because the node joins an existing quorum.",
            rich_help_panel=QUORUM,
        ),
    ] = False,
    initial_controllers: Annotated[
        str | None,
        typer.Option(
            "--initial-controllers",
            "-I",
            metavar="ID@HOST:PORT:DIRECTORY,...",
            help="Name the controllers. Only quorums of one node can run here.",
            rich_help_panel=QUORUM,
        ),
    ] = None,
    release_version: Annotated[
        str | None,
        typer.Option(
            "--release-version",
            "-r",
            metavar="RELEASE",
            help="Release whose features the cluster starts with, such as 4.2; the newest by default.",
            rich_help_panel=FEATURES,
        ),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(
            "--feature",
            "-f",
            metavar="NAME=LEVEL",
            help="Feature and its level; may be repeated.",
            rich_help_panel=FEATURES,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Format the log directories of a KRaft node, or show their state."""
    from pykafka_cli.output.storage import print_dependencies, print_uuid, show_info, show_mapping
    from pykafka_cli.procedures.storage_format import look_at_directories
    from pykafka_cli.rules.feature_versions import UnknownVersion
    from pykafka_cli.rules.storage_format import (
        BadFormat,
        choose_voters,
        feature_dependencies,
        initial_features,
        parse_add_scram,
        random_uuid,
        version_mapping,
    )

    with reported(words={BadFormat: str, UnknownVersion: str, OSError: unusable_file}):
        match command:
            case "random-uuid":
                print_uuid(random_uuid())
            case "version-mapping":
                show_mapping(version_mapping(release_version), chosen_output(output))
            case "feature-dependencies":
                if not feature:
                    raise StorageCommand.argparse_error(ctx, "argument --feature/-f is required")
                print_dependencies(feature_dependencies(feature))
            case "info":
                found = look_at_directories(read_node(required(ctx, config, "--config/-c")))
                show_info(found, chosen_output(output))
                if found.problems:
                    raise Ended(ExitStatus.FAILURE)
            case "format":
                file = required(ctx, config, "--config/-c")
                cluster = required(ctx, cluster_id, "--cluster-id/-t")
                if not cluster.strip():
                    raise ScriptError("The cluster id is empty.", hint="`pk storage random-uuid` prints a new one.")
                settings = read_node(file)
                voters = choose_voters(
                    settings,
                    standalone=standalone,
                    initial_controllers=initial_controllers,
                    no_initial_controllers=no_initial_controllers,
                )
                features = initial_features(
                    release_version, feature or [], dynamic=not settings.controller_quorum_voters
                )
                credentials = [parse_add_scram(text) for text in add_scram or []]
                format_node(settings, cluster, voters, features, credentials, ignore_formatted=ignore_formatted)


def unusable_file(error: OSError) -> str | OSError:
    """Which file cannot be used, and why; an error without a file is about stdout, and every command reports it."""
    return f"{error.filename}: {error.strerror}" if error.filename else error


def required(ctx: ScriptContext, value: str | None, name: str) -> str:
    """raises ScriptError where a subcommand needs an option that was not given."""
    if value is None:
        raise StorageCommand.argparse_error(ctx, f"argument {name} is required")
    return value


def read_node(file: str) -> "BrokerSettings":
    """The properties of a KRaft node.

    raises    ScriptError; OSError
    """
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.properties.grammar import MalformedProperties, read_properties
    from pykafka_cli.properties.keys import ConfigError

    try:
        properties = read_properties(Path(file).read_bytes())
        if not any(each.key == "process.roles" and each.value for each in properties):
            raise ScriptError('Missing required configuration "process.roles" which has no default value.')
        return BrokerSettings(properties)
    except (MalformedProperties, ConfigError) as error:
        raise ScriptError(f"{file}: {error}") from None


def format_node(
    settings: "BrokerSettings",
    cluster_id: str,
    voters: "Voters",
    features: dict[str, int],
    credentials: "list[NewScramCredential]",
    *,
    ignore_formatted: bool,
) -> None:
    """raises BadFormat, OSError"""
    from pykafka_cli.output.storage import print_all_formatted, print_bootstrap_metadata, print_formatting
    from pykafka_cli.procedures.storage_format import format_directories, unformatted_directories

    wanted = unformatted_directories(settings, cluster_id, ignore_formatted=ignore_formatted)
    if not wanted:
        print_all_formatted()
        return
    print_bootstrap_metadata(features)
    for kind, directory in format_directories(settings, wanted, cluster_id, voters, credentials):
        print_formatting(kind, directory, features)
