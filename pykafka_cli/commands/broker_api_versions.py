"""`pk broker-api-versions`: kafka-broker-api-versions.sh."""

import typer

from pykafka_cli.clients.admin.cluster import describe_brokers, offered_versions
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Broker
from pykafka_cli.output.broker_api_versions import Offered, show_versions
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import BootstrapServer, CommandConfig, Output, bootstrap_or_default, chosen_output
from pykafka_cli.transport import event_loop

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
    show_versions(chosen_output(output), event_loop.run(fetch(session)))


async def fetch(session: Session) -> dict[Broker, Offered]:
    async with session:
        return await offered_versions(session, await describe_brokers(session))
