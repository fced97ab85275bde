"""`pk doctor`: find out what is wrong between this machine and a cluster, and in the cluster."""

from typing import Annotated

import typer

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.script.errors import Ended, UsageError
from pykafka_cli.script.options import BootstrapServer, CommandConfig, Output, bootstrap_or_default, chosen_output
from pykafka_cli.script.own_command import OwnCommand
from pykafka_cli.transport import event_loop

EPILOG = """\b
Layer by layer, with the time that each takes: name resolution, TCP, TLS,
Kafka's protocol, SASL, the metadata, the controller, advertised listeners as
seen from here, partitions, internal topics, disks, clocks, and ZooKeeper.
Nothing is changed.

\b
Examples:
  pk doctor
  pk doctor kafka:9093 --command-config tls.properties --output json

Exit status: 0 if all is well, 1 if something is wrong, 2 if the command line is.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=OwnCommand, epilog=EPILOG)
def doctor(
    address: Annotated[
        str | None,
        typer.Argument(metavar="[HOST:PORT,...]", help="Cluster to connect to, in place of --bootstrap-server."),
    ] = None,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="Time to wait for a response, such as 500ms or 5s.")
    ] = "1s",
    output: Output = None,
) -> None:
    """Check a cluster and the way to it, and suggest what would help."""
    from pykafka_cli.clients.settings import read_settings
    from pykafka_cli.console.log_lines import warn
    from pykafka_cli.output.doctor import print_advice, print_check, show_checks
    from pykafka_cli.procedures.doctor import examine
    from pykafka_cli.rules.diagnosis import Check, is_healthy
    from pykafka_cli.rules.wait_conditions import parse_duration
    from pykafka_cli.servers.run_states import running_states

    bootstrap = bootstrap_or_default(address or bootstrap_server, UsageError("Missing the address of a cluster"))
    form = chosen_output(output)

    def report(check: Check) -> None:
        if form is OutputFormat.TABLE:
            print_check(check)

    try:
        patience = parse_duration(timeout)
        milliseconds = str(max(int(patience * 1000), 1))
        limits = {"request.timeout.ms": milliseconds, "socket.connection.setup.timeout.ms": milliseconds}
        settings = read_settings(command_config, limits, warn)
        local_clusters = [each.bootstrap for each in running_states()]
        checks = event_loop.run(examine(bootstrap, settings, patience, report, local_clusters))
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
    except BadClientSetting as error:
        raise UsageError(str(error)) from None
    if form is not OutputFormat.TABLE:
        show_checks(form, checks)
    if form is OutputFormat.KAFKA:
        print_advice(checks)
    if not is_healthy(checks):
        raise Ended(ExitStatus.FAILURE)
