"""`pk broker-api-versions`: kafka-broker-api-versions.sh."""

import asyncio
from collections.abc import Mapping

import typer

from pykafka_cli.clients.admin.cluster import describe_brokers, offered_versions
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Broker
from pykafka_cli.output.broker_api_versions import block, usable_version
from pykafka_cli.output.render import Table, show
from pykafka_cli.protocol.api_keys import api_name
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import BootstrapServer, CommandConfig, Output, bootstrap_or_default, chosen_output
from pykafka_cli.transport.connection import ConnectionFailed, VersionRange

Offered = dict[Broker, Mapping[int, VersionRange] | ConnectionFailed]

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class BrokerApiVersionsCommand(ScriptCommand):
    without_arguments = "This tool helps to retrieve broker version information."


@app.command(cls=BrokerApiVersionsCommand)
def broker_api_versions(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    output: Output = None,
) -> None:
    """List the APIs and versions that each broker supports."""
    missing = ctx.usage_problem('Missing required argument "[bootstrap-server]"')
    session = new_session(bootstrap_or_default(bootstrap_server, missing), command_config)
    found = asyncio.run(fetch(session))
    show(
        chosen_output(output),
        text=lambda: "".join(block(broker, offered) for broker, offered in found.items()),
        table=lambda: [_table(broker, offered) for broker, offered in found.items()],
        document=lambda: [_document(broker, offered) for broker, offered in found.items()],
    )


async def fetch(session: Session) -> Offered:
    async with session:
        return await offered_versions(session, await describe_brokers(session))


def _table(broker: Broker, offered: Mapping[int, VersionRange] | ConnectionFailed) -> Table | str:
    title = f"broker {broker.id} at {broker.host}:{broker.port}"
    if isinstance(offered, ConnectionFailed):
        return f"{title}: {offered}"
    rows = [
        (key, api_name(key), f"{low} to {high}", usable_version(key, offered))
        for key, (low, high) in sorted(offered.items())
    ]
    return Table(("KEY", "API", "VERSIONS", "USABLE"), rows, title)


def _document(broker: Broker, offered: Mapping[int, VersionRange] | ConnectionFailed) -> dict[str, object]:
    failed = isinstance(offered, ConnectionFailed)
    return {
        "broker": broker.id,
        "host": broker.host,
        "port": broker.port,
        "rack": broker.rack,
        "error": str(offered) if failed else None,
        "apis": []
        if isinstance(offered, ConnectionFailed)
        else [
            {"key": key, "name": api_name(key), "min": low, "max": high} for key, (low, high) in sorted(offered.items())
        ],
    }
