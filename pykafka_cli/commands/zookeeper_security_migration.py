"""`pk zookeeper-security-migration`: zookeeper-security-migration.sh, which sets the ACLs of Kafka's znodes."""

from typing import Annotated

import typer

from pykafka_cli.model import Milliseconds, in_seconds
from pykafka_cli.output.zookeeper_security_migration import print_no_security
from pykafka_cli.procedures.zookeeper_security import security_of
from pykafka_cli.procedures.zookeeper_security_migration import migrate
from pykafka_cli.properties.jaas import login_file
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.options import INT
from pykafka_cli.transport import event_loop
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.client_security import ClientSecurity
from pykafka_cli.zookeeper.errors import ZooKeeperUnreachable

USAGE = (
    "ZooKeeper Migration Tool Help. This tool updates the ACLs of znodes as part of the process of setting up "
    "ZooKeeper authentication."
)
WHOSE = {"secure": True, "unsecure": False}
TIMEOUT_MS = Milliseconds(30_000)
NOBODY = (
    "ERROR: No JAAS configuration file has been specified and no TLS client certificate has been specified. Please "
    "make sure that you set the system property java.security.auth.login.config or provide a ZooKeeper client TLS "
    "configuration via --zk-tls-config-file <filename> identifying at least zookeeper.ssl.client.enable, "
    "zookeeper.clientCnxnSocket, and zookeeper.ssl.keystore.location"
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ZooKeeperSecurityMigrationCommand(ScriptCommand):
    parse_error_shows_usage = False


@app.command(cls=ZooKeeperSecurityMigrationCommand)
def zookeeper_security_migration(
    ctx: ScriptContext,
    zookeeper_acl: Annotated[
        str,
        typer.Option(
            "--zookeeper.acl",
            metavar="WHOSE",
            help="secure: only brokers may change Kafka's znodes; unsecure: anyone may.",
            show_default=False,
        ),
    ] = "",
    zookeeper_connect: Annotated[
        str, typer.Option("--zookeeper.connect", metavar="HOST:PORT,.../CHROOT", help="ZooKeeper servers.")
    ] = "localhost:2181",
    zookeeper_session_timeout: Annotated[
        int,
        typer.Option(
            "--zookeeper.session.timeout", metavar="MS", parser=INT, help="Timeout of the session with ZooKeeper."
        ),
    ] = TIMEOUT_MS,
    zookeeper_connection_timeout: Annotated[
        int,
        typer.Option(
            "--zookeeper.connection.timeout", metavar="MS", parser=INT, help="How long to wait for a connection."
        ),
    ] = TIMEOUT_MS,
    enable_path_check: Annotated[
        bool,
        typer.Option(
            "--enable.path.check", help="Change nothing below the chroot if some of Kafka's paths are missing."
        ),
    ] = False,
    zk_tls_config_file: Annotated[
        str | None,
        typer.Option("--zk-tls-config-file", metavar="FILE", help="File of properties for TLS to ZooKeeper."),
    ] = None,
) -> None:
    """Let only brokers change Kafka's znodes, or anyone."""
    security = security_of(zk_tls_config_file)
    ensure_somebody(security)
    if zookeeper_acl not in WHOSE:
        raise ctx.usage_problem(USAGE)
    client = ZooKeeperClient(
        zookeeper_connect,
        session_timeout=in_seconds(Milliseconds(zookeeper_session_timeout)),
        connection_timeout=in_seconds(Milliseconds(zookeeper_connection_timeout)),
        security=security.securing(WHOSE[zookeeper_acl]),
    )
    event_loop.run(run(client, checks_paths=enable_path_check))


def ensure_somebody(security: ClientSecurity) -> None:
    """Check that the command authenticates to ZooKeeper, so that it can own znodes; raises ScriptError."""
    if security.is_somebody:
        return
    file = login_file()
    if file is None:
        raise ScriptError(f"{NOBODY}\nIncorrect configuration")
    print_no_security(file)
    raise ScriptError("Incorrect configuration")


async def run(client: ZooKeeperClient, *, checks_paths: bool) -> None:
    """raises ScriptError"""
    try:
        await client.start()
    except ZooKeeperUnreachable as error:
        raise ScriptError("Timed out waiting for connection while in state: CONNECTING", hint=f"{error}.") from None
    try:
        await migrate(client, checks_paths=checks_paths)
    finally:
        await client.close()
