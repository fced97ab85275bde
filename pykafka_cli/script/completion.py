"""Shell completion: names of the cluster that the command would connect to, and values of options.

A shell waits for these, so requests have short timeouts; after any failure there is nothing to offer.
"""

from collections.abc import Callable

import typer

from pykafka_cli.script import DEFAULT_BOOTSTRAP_SERVER
from pykafka_cli.script.cluster_names import (
    USER,
    Question,
    addresses,
    brokers,
    client_metrics,
    clients,
    groups,
    principals,
    topics,
    transactional_ids,
    users,
)
from pykafka_cli.script.option_values import OPTIONS, values_of

PATIENCE_S = 3.0
"""A login to a cluster far away, and a few requests: about ten times the way there and back."""

Completion = Callable[[typer.Context, list[str], str], list[str]]


def names_in_cluster(question: Question) -> Completion:
    """Complete an option's value with matching names in the cluster."""

    def names(ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
        return [name for name in _asked(ctx, question) if name.startswith(incomplete)]

    return names


def last_of_list(question: Question) -> Completion:
    """Complete the last of several names in the cluster; what precedes the last comma is kept."""

    def names(ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
        kept, comma, last = incomplete.rpartition(",")
        return [kept + comma + name for name in _asked(ctx, question) if name.startswith(last)]

    return names


def few_values(option: str) -> Completion:
    """Complete an option that has few values; what precedes the last comma is kept where it accepts several."""

    def found(ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
        kept, comma, last = incomplete.rpartition(",") if option in _LISTS else ("", "", incomplete)
        values = values_of(option, str(ctx.command.name))
        return [kept + comma + each for each in values if each.startswith(last)]

    return found


_LISTS = frozenset({"--state", "--type"})


def _entity_name(ctx: typer.Context, words: list[str], incomplete: str) -> list[str]:
    """Names of the entities of the type that the name belongs to: the first name to the first type, and so on."""
    types = ctx.params.get("entity_type") or []
    named = len(ctx.params.get("entity_name") or []) + bool(ctx.params.get("entity_default"))
    question = _NAMES_BY_TYPE.get(types[min(named, len(types) - 1)]) if types else None
    return names_in_cluster(question)(ctx, words, incomplete) if question else []


_NAMES_BY_TYPE: dict[str, Question] = {
    "topics": topics,
    "brokers": brokers,
    "broker-loggers": brokers,
    "groups": groups,
    "users": users,
    "clients": clients,
    "ips": addresses,
    "client-metrics": client_metrics,
}


def _principal(ctx: typer.Context, words: list[str], incomplete: str) -> list[str]:
    """Principals of the cluster; if none matches, what a principal begins with."""
    found = names_in_cluster(principals)(ctx, words, incomplete)
    return found or [USER] * (USER.startswith(incomplete) and incomplete != USER)


def _config(ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
    """Complete NAME=VALUE for the command's entity; in some commands the option names a file."""
    from pykafka_cli.script.config_completion import assignments, of_entities

    return assignments(of_entities(ctx.params), incomplete) if "topic" in ctx.params else []


def _config_names(ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
    from pykafka_cli.script.config_completion import listed_names, of_entities

    return listed_names(of_entities(ctx.params), incomplete)


def _consumer_property(_ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
    from pykafka_cli.script.config_completion import assignments, of_consumer

    return assignments(of_consumer(), incomplete)


def _producer_property(_ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
    from pykafka_cli.script.config_completion import assignments, of_producer

    return assignments(of_producer(), incomplete)


PRINCIPALS = (
    "--allow-principal",
    "--deny-principal",
    "--principal",
    "--user-principal",
    "--owner-principal",
    "--renewer-principal",
)

COMPLETED_OPTIONS: dict[str, Completion] = {
    **{option: few_values(option) for option in OPTIONS},
    "--topic": names_in_cluster(topics),
    "--include": names_in_cluster(topics),
    "--topic-list": last_of_list(topics),
    "--input-topics": last_of_list(topics),
    "--intermediate-topics": last_of_list(topics),
    "--group": names_in_cluster(groups),
    "--application-id": names_in_cluster(groups),
    "--broker": names_in_cluster(brokers),
    "--broker-logger": names_in_cluster(brokers),
    "--user": names_in_cluster(users),
    "--client": names_in_cluster(clients),
    "--client-metrics": names_in_cluster(client_metrics),
    "--ip": names_in_cluster(addresses),
    **dict.fromkeys(PRINCIPALS, _principal),
    "--entity-name": _entity_name,
    "--transactional-id": names_in_cluster(transactional_ids),
    "--config": _config,
    "--add-config": _config,
    "--delete-config": _config_names,
    "--consumer-property": _consumer_property,
    "--producer-property": _producer_property,
}
"""Options that mean the same in every command."""


def _asked(ctx: typer.Context, question: Question) -> list[str]:
    import asyncio

    from pykafka_cli.clients.errors import ApiError
    from pykafka_cli.clients.settings import BadClientSetting, read_settings
    from pykafka_cli.script.opening import unchecked_session
    from pykafka_cli.transport import event_loop
    from pykafka_cli.transport.errors import ConnectionFailed

    async def answer() -> list[str]:
        bootstrap = ctx.params.get("bootstrap_server") or DEFAULT_BOOTSTRAP_SERVER
        settings = read_settings(_property_file(ctx))
        async with asyncio.timeout(PATIENCE_S), unchecked_session(bootstrap, settings) as session:
            return [*await question(session)]

    try:
        return event_loop.run(answer())
    except (ApiError, BadClientSetting, ConnectionFailed, TimeoutError):
        return []


def _property_file(ctx: typer.Context) -> str | None:
    """The properties in the file of --command-config, or of the command's own name for it."""
    names = [param.name for param in ctx.command.params if "--command-config" in param.opts]
    return next((ctx.params.get(name) for name in names if name), None)
