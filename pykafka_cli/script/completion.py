"""Shell completion: topics and groups of the cluster that the command would connect to, and values of options.

A shell waits for these, so requests have short timeouts; after any failure there is nothing to offer.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pykafka_cli.clients.session import Session

PATIENCE_S = 1.0
DEFAULT_BOOTSTRAP_SERVER = "localhost:9092"

Question = Callable[["Session"], Awaitable[list[str]]]


Completion = Callable[[typer.Context, list[str], str], list[str]]


def names_in_cluster(question: Question) -> Completion:
    """Complete an option's value with matching names in the cluster."""

    def names(ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
        return [name for name in _asked(ctx, question) if name.startswith(incomplete)]

    return names


async def topics(session: "Session") -> list[str]:
    from pykafka_cli.clients.admin.topics import list_topics

    return [listing.topic for listing in await list_topics(session)]


async def groups(session: "Session") -> list[str]:
    from pykafka_cli.clients.admin.groups import list_groups

    return [listing.group for listing in await list_groups(session)]


def words(*choices: str) -> Completion:
    """Complete an option that has few values."""

    def found(_ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return found


def _entity_type(_ctx: typer.Context, _words: list[str], incomplete: str) -> list[str]:
    from pykafka_cli.rules.config_arguments import ENTITY_TYPES, ENTITY_TYPES_OF_4

    return [each for each in (*ENTITY_TYPES, *ENTITY_TYPES_OF_4) if each.startswith(incomplete)]


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


COMPLETED_OPTIONS: dict[str, Completion] = {
    "--topic": names_in_cluster(topics),
    "--group": names_in_cluster(groups),
    "--application-id": names_in_cluster(groups),
    "--entity-type": _entity_type,
    "--offset": words("earliest", "latest"),
    "--isolation-level": words("read_committed", "read_uncommitted"),
    "--compression-codec": words("none", "gzip", "snappy", "lz4", "zstd"),
    "--request-required-acks": words("0", "1", "all"),
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
    from pykafka_cli.clients.session import Session
    from pykafka_cli.clients.settings import BadClientSetting, read_settings
    from pykafka_cli.transport import event_loop
    from pykafka_cli.transport.errors import ConnectionFailed

    async def answer() -> list[str]:
        bootstrap = ctx.params.get("bootstrap_server") or DEFAULT_BOOTSTRAP_SERVER
        settings = read_settings(_property_file(ctx))
        async with asyncio.timeout(PATIENCE_S), Session(bootstrap, settings) as session:
            return await question(session)

    try:
        return event_loop.run(answer())
    except (ApiError, BadClientSetting, ConnectionFailed, TimeoutError):
        return []


def _property_file(ctx: typer.Context) -> str | None:
    """The properties in the file of --command-config, or of the command's own name for it."""
    names = [param.name for param in ctx.command.params if "--command-config" in param.opts]
    return next((ctx.params.get(name) for name in names if name), None)
