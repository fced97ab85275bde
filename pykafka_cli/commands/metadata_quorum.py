"""`pk metadata-quorum`: kafka-metadata-quorum.sh."""

import base64
import binascii
import uuid
from typing import Annotated

import typer

from pykafka_cli.clients.admin.quorum import describe_quorum, remove_voter
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Quorum
from pykafka_cli.output.metadata_quorum import print_removal, show_replication, show_status
from pykafka_cli.script.command import ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, in_java, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    INT,
    BootstrapController,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import VersionUnsupported
from pykafka_cli.wall_clock import now_ms

STATUS, REPLICATION, REMOVE = "With describe: status", "With describe: replication", "With remove-controller"
UUID_BYTES = 16
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class MetadataQuorumCommand(ArgparseCommand):
    subcommands = ("describe", "add-controller", "remove-controller")
    exclusive = frozenset({"bootstrap-server", "bootstrap-controller"})


@app.command(cls=MetadataQuorumCommand)
def metadata_quorum(
    ctx: ScriptContext,
    command: Annotated[
        str, typer.Argument(metavar="describe|add-controller|remove-controller", help="Action to perform.")
    ],
    bootstrap_server: BootstrapServer = None,
    bootstrap_controller: BootstrapController = None,
    command_config: CommandConfig = None,
    status: Annotated[
        bool, typer.Option("--status", help="Show leader, high watermark, lag, and voters.", rich_help_panel=STATUS)
    ] = False,
    replication: Annotated[
        bool, typer.Option("--replication", help="Show the progress of each node.", rich_help_panel=REPLICATION)
    ] = False,
    human_readable: Annotated[
        bool,
        typer.Option("--human-readable", help="Show how long ago times were.", rich_help_panel=REPLICATION),
    ] = False,
    controller_id: Annotated[
        int | None,
        typer.Option("--controller-id", "-i", parser=INT, help="The voter to remove.", rich_help_panel=REMOVE),
    ] = None,
    controller_directory_id: Annotated[
        str | None,
        typer.Option("--controller-directory-id", "-d", help="Id of its directory.", rich_help_panel=REMOVE),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done.", rich_help_panel=REMOVE)
    ] = False,
    output: Output = None,
) -> None:
    """Describe the quorum of KRaft controllers, or remove one of its voters."""
    missing = MetadataQuorumCommand.argparse_error(
        ctx, "one of the arguments --bootstrap-server --bootstrap-controller is required"
    )
    bootstrap = bootstrap_or_default(bootstrap_controller or bootstrap_server, missing)
    session = new_session(bootstrap, command_config, controllers=bootstrap_controller is not None)
    if command == "describe":
        check_view(status=status, replication=replication, human=human_readable)
        quorum = event_loop.run(fetch(session))
        now = now_ms()
        if status:
            show_status(quorum, chosen_output(output), now)
        else:
            show_replication(quorum, chosen_output(output), now, human=human_readable)
    elif command == "add-controller":
        raise ScriptError(
            "pk cannot add a controller: the request has to name a directory that the controller itself has formatted.",
            hint="Run kafka-metadata-quorum.sh of Apache Kafka on the new controller's machine.",
        )
    else:
        if controller_directory_id is None:
            raise MetadataQuorumCommand.argparse_error(ctx, "argument --controller-directory-id/-d is required")
        if controller_id is None:
            raise MetadataQuorumCommand.argparse_error(ctx, "argument --controller-id/-i is required")
        remove(session, controller_id, controller_directory_id, dry_run=dry_run)


def check_view(*, status: bool, replication: bool, human: bool) -> None:
    """raises    ScriptError"""
    if status and replication:
        raise ScriptError("Only one of --status or --replication should be specified with describe sub-command")
    if status and human:
        raise ScriptError("The option --human-readable is only supported along with --replication")
    if not status and not replication:
        raise ScriptError("One of --status or --replication must be specified with describe sub-command")


async def fetch(session: Session) -> Quorum:
    """raises    ScriptError"""
    with reported(words={ApiError: in_java, VersionUnsupported: no_quorum}):
        async with session:
            return await describe_quorum(session)


def no_quorum(error: VersionUnsupported) -> ScriptError:
    return ScriptError(
        f"org.apache.kafka.common.errors.UnsupportedVersionException: {error}",
        hint="A cluster with ZooKeeper has no quorum of controllers.",
    )


def remove(session: Session, voter: int, directory: str, *, dry_run: bool) -> None:
    """raises    ScriptError"""
    id_ = directory_id(directory)
    if not dry_run:
        with reported(words={ApiError: in_java}):
            event_loop.run(send_removal(session, voter, id_))
    print_removal(voter, directory, dry_run=dry_run)


async def send_removal(session: Session, voter: int, directory: uuid.UUID) -> None:
    async with session:
        await remove_voter(session, voter, directory)


def directory_id(text: str) -> uuid.UUID:
    """A UUID as Kafka writes it: base64 for URLs, without padding.

    raises    ScriptError
    """
    problem = "Failed to parse --controller-directory-id: "
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ScriptError(f"{problem}{error}") from None
    if len(decoded) != UUID_BYTES:
        raise ScriptError(
            f"{problem}Input string `{text}` decoded as {len(decoded)} bytes, which is not equal to the expected "
            f"{UUID_BYTES} bytes of a base64-encoded UUID"
        )
    return uuid.UUID(bytes=decoded)
