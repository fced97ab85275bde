"""`pk client-metrics`: kafka-client-metrics.sh."""

import re
import uuid
from collections.abc import Mapping
from typing import Annotated

import typer

from pykafka_cli.clients.admin.configs import Change, Resource, alter_configs, describe_configs, list_client_metrics
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.console.log_lines import error as log_error
from pykafka_cli.model import AlterConfigOp, ConfigEntry, ConfigResourceType, base64_id
from pykafka_cli.output.client_metrics import print_altered, print_deleted, print_missing, show_names, show_settings
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import BootstrapServer, CommandConfig, Output, bootstrap_or_default, chosen_output
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import VersionUnsupported

ACTION, CHANGE = "Actions, one of them", "With --alter"
INTERVAL, MATCH, METRICS = "interval.ms", "match", "metrics"
SETTINGS = (INTERVAL, MATCH, METRICS)
FAILED = "Error while executing client metrics command : "
SCRIPT = "org.apache.kafka.tools.ClientMetricsCommand"
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ClientMetricsCommand(ScriptCommand):
    without_arguments = "This tool helps to manipulate and describe client metrics configurations."


@app.command(cls=ClientMetricsCommand)
def client_metrics(
    ctx: ScriptContext,
    list_: Annotated[bool, typer.Option("--list", help="List the resources.", rich_help_panel=ACTION)] = False,
    describe: Annotated[
        bool, typer.Option("--describe", help="Show settings, of all or of --name.", rich_help_panel=ACTION)
    ] = False,
    alter: Annotated[bool, typer.Option("--alter", help="Change settings.", rich_help_panel=ACTION)] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete a resource.", rich_help_panel=ACTION)] = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the resource.")] = None,
    generate_name: Annotated[
        bool, typer.Option("--generate-name", help="Use a random id as the name.", rich_help_panel=CHANGE)
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            metavar="PREFIX,...",
            help="Metrics to send, by the prefixes of their names; * for all, empty for the default.",
            rich_help_panel=CHANGE,
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(
            "--interval", metavar="MS", help="Time between sending them; empty for the default.", rich_help_panel=CHANGE
        ),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(
            "--match",
            metavar="KEY=REGEX,...",
            help="Clients that send them, by client_id, client_instance_id, client_software_name, "
            "client_software_version, "
            "client_source_address, client_source_port; empty for all.",
            rich_help_panel=CHANGE,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Configure which metrics clients push to a KRaft cluster (KIP-714)."""
    if sum((list_, describe, alter, delete)) != 1:
        raise ctx.usage_problem("Command must include exactly one action: --alter, --delete, --describe or --list.")
    bootstrap = bootstrap_or_default(bootstrap_server, ScriptError("--bootstrap-server must be specified."))
    if alter and (name is not None) == generate_name:
        raise ScriptError("One of --name or --generate-name must be specified with --alter.")
    if delete and name is None:
        raise ScriptError("A client metrics resource name must be specified with --delete.")
    if interval and not re.fullmatch(r"[+-]?[0-9]+", interval):
        raise ScriptError("Invalid interval value. Enter an integer, or leave empty to reset.")
    session = new_session(bootstrap, command_config)
    form = chosen_output(output)
    try:
        if list_:
            show_names(event_loop.run(names_in(session)), form)
        elif describe:
            found = event_loop.run(settings_in(session, name))
            if name is not None and not found:
                print_missing(name)
            else:
                show_settings(found, form)
        elif alter:
            changed = name or random_name()
            wanted = {METRICS: metrics, INTERVAL: interval, MATCH: match}
            event_loop.run(change(session, changed, wanted))
            print_altered(changed)
        else:
            deleted = name or ""
            event_loop.run(change(session, deleted, dict.fromkeys(SETTINGS, "")))
            print_deleted(deleted)
    except (ApiError, VersionUnsupported) as error:
        is_refusal = isinstance(error, ApiError)
        log_error(error.java if isinstance(error, ApiError) else str(error), source=SCRIPT)
        hint = "" if is_refusal else "Only KRaft clusters since Kafka 3.7 have client metrics."
        raise ScriptError(f"{FAILED}{error}", on_stdout=True, hint=hint) from None


def random_name() -> str:
    """A random id in Kafka's form that does not look like an option."""
    while (name := base64_id(uuid.uuid4())).startswith("-"):
        pass
    return name


async def names_in(session: Session) -> list[str]:
    async with session:
        return await list_client_metrics(session)


async def settings_in(session: Session, name: str | None) -> dict[str, list[ConfigEntry]]:
    """Settings by resource, of all or of one; nothing if that one does not exist.

    raises    ApiError
    """
    async with session:
        resources = [
            Resource(ConfigResourceType.CLIENT_METRICS, each)
            for each in await list_client_metrics(session)
            if name in (None, each)
        ]
        found = await describe_configs(session, resources) if resources else {}
    settings: dict[str, list[ConfigEntry]] = {}
    for resource, entries in found.items():
        if isinstance(entries, ApiError):
            raise entries
        settings[resource.name] = entries
    return settings


async def change(session: Session, name: str, wanted: Mapping[str, str | None]) -> None:
    """wanted    None keeps a setting, an empty text removes it"""
    changes = [
        Change(key, AlterConfigOp.SET, value) if value else Change(key, AlterConfigOp.DELETE)
        for key, value in wanted.items()
        if value is not None
    ]
    async with session:
        await alter_configs(session, {Resource(ConfigResourceType.CLIENT_METRICS, name): changes})
