"""`pk acls`: kafka-acls.sh."""

from typing import Annotated

import typer

from pykafka_cli.acls import NotAPrincipal, ResourceType, parse_principal
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.output.acls import print_deprecation
from pykafka_cli.procedures.acls import AclRequest, Action, through_brokers
from pykafka_cli.rules.acl_arguments import (
    BadAclArgument,
    BadAclUsage,
    Presets,
    WhoAndHow,
    ensure_addable,
    ensure_specific,
    parse_pattern_type,
    parse_properties,
    selected_resources,
    wanted_acls,
)
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, in_java, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    CONNECTION,
    BootstrapController,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_if_any,
    bootstrap_or_default,
    chosen_output,
    refuse,
    require,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import AuthenticationFailed

ACTION, RESOURCE, WHO = "Actions, one of them", "Resources; each may be repeated", "Principals, operations, and hosts"
AUTHORIZER = "kafka.security.authorizer.AclAuthorizer"
AUTHORIZERS = (AUTHORIZER, "kafka.security.auth.SimpleAclAuthorizer")
"""The class that keeps ACLs in ZooKeeper, and its name up to Kafka 2.3."""
FAILED = "Error while executing ACL command: "
WORDS: Words = {
    ApiError: in_java,
    AuthenticationFailed: lambda error: f"org.apache.kafka.common.errors.SaslAuthenticationException: {error}",
    **dict.fromkeys((BadAclArgument, NotAPrincipal, ScriptError), str),
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class AclsCommand(ScriptCommand):
    without_arguments = "This tool helps to manage acls on kafka."
    parse_error_shows_usage = False


def names(option: str, metavar: str, text: str, panel: str) -> typer.models.OptionInfo:
    """An option that may be repeated."""
    return typer.Option(option, metavar=metavar, help=text, rich_help_panel=panel)  # type: ignore[no-any-return]


@app.command(cls=AclsCommand)
def acls(
    ctx: ScriptContext,
    list_: Annotated[bool, typer.Option("--list", help="List ACLs.", rich_help_panel=ACTION)] = False,
    add: Annotated[bool, typer.Option("--add", help="Add ACLs.", rich_help_panel=ACTION)] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove ACLs.", rich_help_panel=ACTION)] = False,
    bootstrap_server: BootstrapServer = None,
    bootstrap_controller: BootstrapController = None,
    command_config: CommandConfig = None,
    authorizer: Annotated[
        str,
        typer.Option(
            "--authorizer",
            metavar="CLASS",
            help="Class that keeps ACLs in ZooKeeper, for --authorizer-properties.",
            rich_help_panel=CONNECTION,
        ),
    ] = AUTHORIZER,
    authorizer_properties: Annotated[
        list[str] | None,
        names(
            "--authorizer-properties",
            "KEY=VALUE",
            "zookeeper.connect=HOST:PORT,.../CHROOT: change ACLs in ZooKeeper directly. Deprecated; may be repeated.",
            CONNECTION,
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
    topic: Annotated[list[str] | None, names("--topic", "NAME", "Topic, or * for all.", RESOURCE)] = None,
    group: Annotated[list[str] | None, names("--group", "NAME", "Consumer group, or * for all.", RESOURCE)] = None,
    transactional_id: Annotated[
        list[str] | None, names("--transactional-id", "ID", "Transactional id, or * for all.", RESOURCE)
    ] = None,
    delegation_token: Annotated[
        list[str] | None, names("--delegation-token", "ID", "Delegation token, or * for all.", RESOURCE)
    ] = None,
    user_principal: Annotated[
        list[str] | None,
        names("--user-principal", "TYPE:NAME", "User whose tokens others may create or describe.", RESOURCE),
    ] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="The cluster.", rich_help_panel=RESOURCE)] = False,
    resource_pattern_type: Annotated[
        str,
        typer.Option(
            "--resource-pattern-type",
            metavar="TYPE",
            help=(
                "literal: resources with exactly these names; prefixed: resources whose names begin with them. To"
                " list or remove, also any: patterns of both types with these names; match: all patterns that "
                "apply to these resources."
            ),
            rich_help_panel=RESOURCE,
        ),
    ] = "literal",
    allow_principal: Annotated[
        list[str] | None,
        names("--allow-principal", "TYPE:NAME", "Allow this principal, such as User:alice or User:*.", WHO),
    ] = None,
    deny_principal: Annotated[
        list[str] | None,
        names("--deny-principal", "TYPE:NAME", "Deny this principal, even where another ACL allows it.", WHO),
    ] = None,
    allow_host: Annotated[
        list[str] | None, names("--allow-host", "IP", "Host that the principal is allowed from; * by default.", WHO)
    ] = None,
    deny_host: Annotated[
        list[str] | None, names("--deny-host", "IP", "Host that the principal is denied from; * by default.", WHO)
    ] = None,
    operation: Annotated[
        list[str] | None,
        names(
            "--operation",
            "NAME",
            "Read, Write, Create, Delete, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, "
            "IdempotentWrite, CreateTokens, DescribeTokens or All, which is the default.",
            WHO,
        ),
    ] = None,
    producer: Annotated[
        bool,
        typer.Option(
            "--producer",
            help="What a producer needs: Write, Describe and Create on topics; Write and Describe on transactional "
            "ids.",
            rich_help_panel=WHO,
        ),
    ] = False,
    consumer: Annotated[
        bool,
        typer.Option(
            "--consumer",
            help="What a consumer needs: Read and Describe on topics; Read on groups.",
            rich_help_panel=WHO,
        ),
    ] = False,
    idempotent: Annotated[
        bool,
        typer.Option("--idempotent", help="With --producer: also IdempotentWrite on the cluster.", rich_help_panel=WHO),
    ] = False,
    principal: Annotated[
        list[str] | None,
        typer.Option(
            "--principal",
            metavar="TYPE:NAME",
            parser=OptionalValue(),
            help="With --list: list only the ACLs of this user; may be repeated.",
            rich_help_panel=WHO,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Remove without asking.", rich_help_panel=ACTION)] = False,
    output: Output = None,
) -> None:
    """Control who may do what with topics, groups, and the cluster."""
    through_znodes = not is_through_brokers(ctx, bootstrap_server)
    check_usage(ctx, through_znodes=through_znodes)
    named = {
        ResourceType.TOPIC: topic or (),
        ResourceType.GROUP: group or (),
        ResourceType.TRANSACTIONAL_ID: transactional_id or (),
        ResourceType.DELEGATION_TOKEN: delegation_token or (),
        ResourceType.USER: user_principal or (),
    }
    who = WhoAndHow(*(each or () for each in (allow_principal, deny_principal, allow_host, deny_host, operation)))
    with reported(FAILED, {BadAclUsage: lambda error: ctx.usage_problem(str(error)), **WORDS}, on_stdout=True):
        patterns = parse_pattern_type(resource_pattern_type)
        if add:
            ensure_specific(patterns)
        resources = selected_resources(named, patterns, is_cluster=cluster or idempotent)
        wanted = {} if list_ else wanted_acls(resources, who, Presets(producer, consumer, idempotent))
        if add:
            ensure_addable(wanted)
        principals = [str(parse_principal(each.strip())) for each in principal or () if each]
        action = Action.ADD if add else Action.REMOVE if remove else Action.LIST
        request = AclRequest(action, resources, wanted, principals, chosen_output(output), force=force)
        if through_znodes:
            from pykafka_cli.procedures.acls_over_zookeeper import through_zookeeper

            ensure_authorizer(authorizer)
            event_loop.run(
                through_zookeeper(request, parse_properties(authorizer_properties or ()), zk_tls_config_file)
            )
            return
        controllers = bootstrap_controller is not None
        addresses = bootstrap_controller or bootstrap_or_default(bootstrap_server, ScriptError(""))
        session = new_session(addresses, command_config or None, controllers=controllers, unreadable=str)
        event_loop.run(through_brokers(request, session))


def is_through_brokers(ctx: ScriptContext, bootstrap_server: str | None) -> bool:
    """Whether to connect to brokers. Their address in the environment is ignored where ZooKeeper is named."""
    if ctx.given & {"bootstrap-server", "bootstrap-controller"}:
        return True
    return not ctx.given & {"authorizer", "authorizer-properties"} and bootstrap_if_any(bootstrap_server) is not None


def check_usage(ctx: ScriptContext, *, through_znodes: bool) -> None:
    """Check which options go together, and warn about deprecated ones.

    raises    UsageProblem
    """
    check_connection(ctx, through_znodes=through_znodes)
    if sum(action in ctx.given for action in ("add", "remove", "list")) != 1:
        raise ctx.usage_problem("Command must include exactly one action: --list, --add, --remove. ")
    whom = ("allow-host", "allow-principal", "deny-host", "deny-principal")
    refuse(ctx, "list", "producer", "consumer", *whom)
    for preset in ("producer", "consumer"):
        refuse(ctx, preset, "operation", "deny-principal", "deny-host")
    if "principal" in ctx.given and "list" not in ctx.given:
        raise ctx.usage_problem("The --principal option is only available if --list is set")
    if "producer" in ctx.given and "topic" not in ctx.given:
        raise ctx.usage_problem("With --producer you must specify a --topic")
    if "idempotent" in ctx.given and "producer" not in ctx.given:
        raise ctx.usage_problem("The --idempotent option is only available if --producer is set")
    strangers = ctx.given & {"cluster", "transactional-id"} if "producer" not in ctx.given else ()
    if "consumer" in ctx.given and (not {"topic", "group"} <= ctx.given or strangers):
        raise ctx.usage_problem(
            "With --consumer you must specify a --topic and a --group and no --cluster or --transactional-id option "
            "should be specified."
        )


def check_connection(ctx: ScriptContext, *, through_znodes: bool) -> None:
    """raises    UsageProblem"""
    if {"bootstrap-server", "bootstrap-controller"} <= ctx.given:
        raise ctx.usage_problem("Only one of --bootstrap-server or --bootstrap-controller must be specified")
    if not through_znodes and "authorizer" in ctx.given:
        raise ctx.usage_problem("Only one of --bootstrap-server or --authorizer must be specified")
    if through_znodes:
        require(ctx, "authorizer-properties")
        print_deprecation()
    if through_znodes and "command-config" in ctx.given:
        raise ctx.usage_problem("The --command-config option can only be used with --bootstrap-server option")
    if not through_znodes and "authorizer-properties" in ctx.given:
        raise ctx.usage_problem("The --authorizer-properties option can only be used with --authorizer option")


def ensure_authorizer(authorizer: str) -> None:
    """raises    BadAclArgument for other classes"""
    if authorizer not in AUTHORIZERS:
        raise BadAclArgument(authorizer)
