"""`pk configs`: kafka-configs.sh."""

import socket
from typing import Annotated

import typer

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import BadClientSetting, read_property_file
from pykafka_cli.output.configs import print_warning
from pykafka_cli.procedures.configs import ConfigRequest, alter_configs, describe_configs
from pykafka_cli.rules.config_arguments import (
    BROKER_LOGGERS,
    BROKERS,
    CLIENT_METRICS,
    CLIENTS,
    DEFAULT_ENTITY,
    GROUPS,
    IPS,
    TOPICS,
    USERS,
    BadConfigArgument,
    ensure_entities,
    ensure_keys,
    ensure_names,
    format_version_warning,
    pair_entities,
    parse_added,
    parse_deleted,
    without_secrets,
)
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, in_java, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    CONNECTION,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_if_any,
    bootstrap_or_default,
    chosen_output,
    refuse,
)
from pykafka_cli.transport import event_loop

ACTION, ENTITY, CHANGE = "Actions (choose one)", "Which entities", "What to change"
NAMED_ENTITIES = {
    "topic": TOPICS,
    "client": CLIENTS,
    "user": USERS,
    "broker": BROKERS,
    "broker-logger": BROKER_LOGGERS,
    "ip": IPS,
    "client-metrics": CLIENT_METRICS,
    "group": GROUPS,
}
ONLY_IN_4 = frozenset({"client-metrics", "group"})
"""Options that 3.9 does not have."""
DEFAULT_ENTITIES = {"client-defaults": CLIENTS, "user-defaults": USERS, "broker-defaults": BROKERS, "ip-defaults": IPS}
WORDS: Words = {
    BadConfigArgument: lambda error: ScriptError(str(error)),
    ApiError: in_java,
    **dict.fromkeys((BadClientSetting, ScriptError), str),
}
CONNECTIONS = ("bootstrap-server", "bootstrap-controller", "zookeeper")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ConfigsCommand(ScriptCommand):
    without_arguments = (
        "This tool helps to manipulate and describe entity config for a topic, client, user, broker, ip or "
        "client-metrics"
    )
    parse_error_shows_usage = False


@app.command(cls=ConfigsCommand)
def configs(
    ctx: ScriptContext,
    describe: Annotated[bool, typer.Option("--describe", help="Show configs.", rich_help_panel=ACTION)] = False,
    alter: Annotated[bool, typer.Option("--alter", help="Change configs.", rich_help_panel=ACTION)] = False,
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
    zookeeper: Annotated[
        str | None,
        typer.Option(
            "--zookeeper",
            metavar="HOST:PORT,.../CHROOT",
            help="Connect to ZooKeeper directly, as the scripts did up to 2.8.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    zk_tls_config_file: Annotated[
        str | None,
        typer.Option(
            "--zk-tls-config-file",
            metavar="FILE",
            help="File of properties for TLS to ZooKeeper.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    command_config: CommandConfig = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also show static configs and defaults.", rich_help_panel=ENTITY)
    ] = False,
    entity_type: Annotated[
        list[str] | None,
        typer.Option(
            "--entity-type",
            metavar="TYPE",
            help=(
                "topics, clients, users, brokers, broker-loggers, ips, client-metrics or groups; "
                "users and clients can be combined."
            ),
            rich_help_panel=ENTITY,
        ),
    ] = None,
    entity_name: Annotated[
        list[str] | None,
        typer.Option(
            "--entity-name",
            metavar="NAME",
            help="Name of an entity; once for each --entity-type.",
            rich_help_panel=ENTITY,
        ),
    ] = None,
    entity_default: Annotated[  # noqa: ARG001 - its place on the command line counts, see generic_names
        bool,
        typer.Option(
            "--entity-default",
            help="Use the default entity instead of a name; once for each --entity-type.",
            rich_help_panel=ENTITY,
        ),
    ] = False,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="NAME", help="Name of a topic.", rich_help_panel=ENTITY)
    ] = None,
    client: Annotated[
        str | None, typer.Option("--client", metavar="ID", help="Client id.", rich_help_panel=ENTITY)
    ] = None,
    client_defaults: Annotated[
        bool, typer.Option("--client-defaults", help="Default for all clients.", rich_help_panel=ENTITY)
    ] = False,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Principal of a user.", rich_help_panel=ENTITY)
    ] = None,
    user_defaults: Annotated[
        bool, typer.Option("--user-defaults", help="Default for all users.", rich_help_panel=ENTITY)
    ] = False,
    broker: Annotated[
        str | None, typer.Option("--broker", metavar="ID", help="Id of a broker.", rich_help_panel=ENTITY)
    ] = None,
    broker_defaults: Annotated[
        bool, typer.Option("--broker-defaults", help="Default for all brokers.", rich_help_panel=ENTITY)
    ] = False,
    broker_logger: Annotated[
        str | None,
        typer.Option(
            "--broker-logger",
            metavar="ID",
            help="Id of a broker whose log levels to show or change.",
            rich_help_panel=ENTITY,
        ),
    ] = None,
    ip: Annotated[
        str | None, typer.Option("--ip", metavar="ADDRESS", help="IP address of clients.", rich_help_panel=ENTITY)
    ] = None,
    ip_defaults: Annotated[
        bool, typer.Option("--ip-defaults", help="Default for all addresses.", rich_help_panel=ENTITY)
    ] = False,
    client_metrics: Annotated[
        str | None,
        typer.Option(
            "--client-metrics", metavar="NAME", help="Client metrics resource (Kafka 4).", rich_help_panel=ENTITY
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="Group (Kafka 4).", rich_help_panel=ENTITY)
    ] = None,
    add_config: Annotated[
        str | None,
        typer.Option(
            "--add-config",
            metavar="NAME=VALUE,...",
            help="Configs to set; enclose a value that contains commas in [brackets].",
            rich_help_panel=CHANGE,
        ),
    ] = None,
    add_config_file: Annotated[
        str | None,
        typer.Option("--add-config-file", metavar="FILE", help="File of configs to set.", rich_help_panel=CHANGE),
    ] = None,
    delete_config: Annotated[
        list[str] | None,
        typer.Option(
            "--delete-config",
            metavar="NAME,...",
            help="Configs to remove; may be repeated.",
            rich_help_panel=CHANGE,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Accepted and ignored.", rich_help_panel=CHANGE)] = False,  # noqa: ARG001
    output: Output = None,
) -> None:
    """Show and change configs of topics and brokers, quotas, and users' credentials."""
    if describe == alter:
        raise ctx.usage_problem("Command must include exactly one action: --describe, --alter")
    refuse(ctx, "describe", "add-config", "delete-config")
    named = {
        "topic": topic,
        "client": client,
        "user": user,
        "broker": broker,
        "broker-logger": broker_logger,
        "ip": ip,
        "client-metrics": client_metrics,
        "group": group,
    }
    default = {
        "client-defaults": client_defaults,
        "user-defaults": user_defaults,
        "broker-defaults": broker_defaults,
        "ip-defaults": ip_defaults,
    }
    types = [
        *(entity_type or []),
        *(NAMED_ENTITIES[option] for option, value in named.items() if value is not None),
        *(DEFAULT_ENTITIES[option] for option, is_given in default.items() if is_given),
    ]
    names = [
        *generic_names(ctx, entity_name or []),
        *(value for value in named.values() if value is not None),
        *(DEFAULT_ENTITY for is_given in default.values() if is_given),
    ]
    servers = bootstrap_controller or (None if zookeeper is not None else bootstrap_if_any(bootstrap_server))
    failed = f"Error while executing config command with args '{without_secrets(ctx.words)}'"
    with reported(f"{failed}\n", WORDS):
        ensure_entities(types, has_brokers=servers is not None or zookeeper is not None)
        if ctx.given & {"entity-name", "entity-type", "entity-default"} and (
            any(default.values()) or any(value is not None for value in named.values())
        ):
            raise BadConfigArgument(
                "--entity-{type,name,default} should not be used in conjunction with specific entity flags"
            )
        check_connection(ctx, has_brokers=servers is not None, shows_all=show_all, tls_file=zk_tls_config_file)
        ensure_names(types, names, is_alter=alter)
        for name in filter(None, names if types[:1] == [IPS] else ()):
            ensure_host(name)
        if alter:
            check_changes(ctx)
        entities = pair_entities(types, names, is_alter=alter)
        added = parse_added(add_config) if add_config is not None else {}
        if add_config_file is not None:
            added = {**read_property_file(add_config_file), **added}
        if warning := format_version_warning(added):
            print_warning(warning)
        ensure_keys(added)
        request = ConfigRequest(entities, added, parse_deleted(delete_config or []), show_all, chosen_output(output))
        if zookeeper is not None:
            from pykafka_cli.procedures.configs_over_zookeeper import through_zookeeper

            event_loop.run(through_zookeeper(request, zookeeper, is_alter=alter, tls_file=zk_tls_config_file))
            return
        controllers = bootstrap_controller is not None
        address = bootstrap_or_default(servers, ScriptError(""))
        if new := ctx.given & ONLY_IN_4:
            event_loop.run(ensure_kafka_4(new_session(address, command_config, controllers=controllers), min(new)))
        session = new_session(address, command_config, controllers=controllers)
        event_loop.run(alter_configs(request, session) if alter else describe_configs(request, session))


async def ensure_kafka_4(session: Session, option: str) -> None:
    """raises    BadConfigArgument where the cluster's own script does not have the option"""
    async with session:
        if not await session.is_kafka_4():
            raise BadConfigArgument(f"{option} is not a recognized option")


def ensure_host(name: str) -> None:
    """raises    BadConfigArgument if it is neither an address nor a name that resolves to one"""
    try:
        socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        raise BadConfigArgument(
            f"The entity name for {IPS} must be a valid IP or resolvable host, but it is: {name}"
        ) from None


def generic_names(ctx: ScriptContext, names: list[str]) -> list[str]:
    """--entity-name and --entity-default in their order, as each belongs to a type before it."""
    left = iter(names)
    return [
        next(left) if option == "entity-name" else DEFAULT_ENTITY
        for option in ctx.order
        if option in ("entity-name", "entity-default")
    ]


def check_connection(ctx: ScriptContext, *, has_brokers: bool, shows_all: bool, tls_file: str | None) -> None:
    """Check that there is one way to the cluster, and that options fit it.

    raises    BadConfigArgument
    """
    given = [name for name in CONNECTIONS if name in ctx.given]
    if len(given) > 1:
        raise BadConfigArgument(
            "Only one of --bootstrap-server, --boostrap-controller, and --zookeeper can be specified"
        )
    if not given and not has_brokers:
        raise BadConfigArgument(
            "One of the required --bootstrap-server, --boostrap-controller, or --zookeeper arguments must be specified"
        )
    if shows_all and "zookeeper" in ctx.given:
        raise BadConfigArgument("--bootstrap-server must be specified for --all")
    if tls_file is not None and "zookeeper" not in ctx.given:
        raise BadConfigArgument("Only the --zookeeper option can be used with the --zk-tls-config-file option.")


def check_changes(ctx: ScriptContext) -> None:
    """Check that something changes, and that the changes come from one source.

    raises    BadConfigArgument
    """
    if {"add-config", "add-config-file"} <= ctx.given:
        raise BadConfigArgument("Only one of --add-config or --add-config-file must be specified")
    if not ctx.given & {"add-config", "add-config-file", "delete-config"}:
        raise BadConfigArgument(
            "At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter"
        )
