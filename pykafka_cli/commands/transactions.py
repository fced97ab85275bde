"""`pk transactions`: kafka-transactions.sh."""

from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer

from pykafka_cli import KAFKA_VERSION
from pykafka_cli.clients.admin.transactions import (
    abort_transaction,
    describe_producers,
    describe_transactions,
    fence_producer,
    list_transactions,
)
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import (
    AbortSpec,
    BrokerId,
    CoordinatorEpoch,
    Milliseconds,
    Offset,
    ProducerEpoch,
    ProducerId,
    ProducerState,
    TopicPartition,
    TransactionDescription,
    TransactionListing,
)
from pykafka_cli.output.transactions import show_description, show_hanging, show_listing, show_producers
from pykafka_cli.procedures.hanging_transactions import FOR_MORE, failing_as, find_hanging
from pykafka_cli.rules.transactions import spec_to_abort
from pykafka_cli.script.command import VERSION_HELP, ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    INT,
    LONG,
    SHORT,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.wall_clock import now_ms

T = TypeVar("T")

WHICH = "Which transactions"
ABORT = "What to abort"
MS_PER_MINUTE = 60_000
FORCE_TERMINATE = "forceTerminateTransaction"
OPTIONS = {
    "list": {"duration-filter", "transactional-id-pattern"},
    "describe": {"transactional-id"},
    "describe-producers": {"broker-id", "topic", "partition"},
    "abort": {"topic", "partition", "start-offset", "producer-id", "producer-epoch", "coordinator-epoch"},
    "find-hanging": {"broker-id", "max-transaction-timeout", "topic", "partition"},
    FORCE_TERMINATE: {"transactionalId"},
}
REQUIRED = {
    "describe": ("transactional-id",),
    "describe-producers": ("partition", "topic"),
    "abort": ("partition", "topic"),
    FORCE_TERMINATE: ("transactionalId",),
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class TransactionsCommand(ArgparseCommand):
    subcommands = tuple(name for name in OPTIONS if name != FORCE_TERMINATE)
    subcommands_of_4 = (FORCE_TERMINATE,)
    version_text = f"{KAFKA_VERSION} (Commit:unknown)"


@app.command(cls=TransactionsCommand)
def transactions(
    ctx: ScriptContext,
    command: Annotated[
        str,
        typer.Argument(
            metavar="|".join(OPTIONS),
            help=(
                "Action to perform: list all transactions, describe one, describe a "
                "partition's producers, abort a transaction, find hanging ones, or fence the producer of a "
                "transactional id."
            ),
        ),
    ],
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    duration_filter: Annotated[
        int,
        typer.Option(
            "--duration-filter",
            parser=LONG,
            metavar="MS",
            help="list: show only transactions that have been open longer than this; a negative number shows all.",
            rich_help_panel=WHICH,
        ),
    ] = -1,
    transactional_id: Annotated[
        str | None,
        typer.Option("--transactional-id", metavar="ID", help="describe: transactional id.", rich_help_panel=WHICH),
    ] = None,
    transactional_id_pattern: Annotated[
        str | None,
        typer.Option(
            "--transactional-id-pattern",
            metavar="REGEX",
            help="list: show only transactional ids that match (brokers since 4.1).",
            rich_help_panel=WHICH,
        ),
    ] = None,
    fenced_id: Annotated[
        str | None,
        typer.Option(
            "--transactionalId",
            metavar="ID",
            help="forceTerminateTransaction: transactional id whose producer is fenced.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(
            "--topic",
            metavar="TOPIC",
            help="All but list and describe: topic of the transaction.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    partition: Annotated[
        int | None,
        typer.Option(
            "--partition",
            parser=INT,
            help="All but list and describe: partition of the transaction.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    broker_id: Annotated[
        int | None,
        typer.Option(
            "--broker-id",
            parser=INT,
            help=(
                "describe-producers: broker whose replica to describe instead of the "
                "leader's; find-hanging: broker whose partitions to search."
            ),
            rich_help_panel=WHICH,
        ),
    ] = None,
    max_transaction_timeout: Annotated[
        int,
        typer.Option(
            "--max-transaction-timeout",
            parser=INT,
            metavar="MINUTES",
            help="find-hanging: maximum age, in minutes, of a transaction that is not hanging.",
            rich_help_panel=WHICH,
        ),
    ] = 15,
    start_offset: Annotated[
        int | None,
        typer.Option(
            "--start-offset",
            parser=LONG,
            help="First offset of the transaction (brokers since 3.0).",
            rich_help_panel=ABORT,
        ),
    ] = None,
    producer_id: Annotated[
        int | None,
        typer.Option(
            "--producer-id",
            parser=LONG,
            help="Producer id; for brokers before 3.0, with both epochs, instead of --start-offset.",
            rich_help_panel=ABORT,
        ),
    ] = None,
    producer_epoch: Annotated[
        int | None,
        typer.Option("--producer-epoch", parser=SHORT, help="Epoch of --producer-id.", rich_help_panel=ABORT),
    ] = None,
    coordinator_epoch: Annotated[
        int | None,
        typer.Option("--coordinator-epoch", parser=INT, help="Epoch of the coordinator.", rich_help_panel=ABORT),
    ] = None,
    version: Annotated[bool, typer.Option("--version", "-v", help=VERSION_HELP)] = False,  # noqa: ARG001
    output: Output = None,
) -> None:
    """List, describe and abort transactions, and find hanging ones."""
    bootstrap = bootstrap_or_default(
        bootstrap_server, TransactionsCommand.argparse_error(ctx, "argument --bootstrap-server is required")
    )
    check(ctx, command)
    where = TopicPartition(topic or "", partition or 0)
    replica = None if broker_id is None else BrokerId(broker_id)
    now = now_ms()
    if command == "abort":
        spec = given_spec(where, start_offset, producer_id, producer_epoch, coordinator_epoch)
    elif command == "find-hanging":
        check_scope(topic, partition, broker_id)
    session = new_session(
        bootstrap,
        command_config,
        unreadable=lambda file: f"Failed to load admin client properties: {file}. {FOR_MORE}",
    )
    form = chosen_output(output)
    match command:
        case "list":
            listing = fetch_listing(session, duration_filter, transactional_id_pattern)
            show_listing(form, run(session, listing))
        case "forceTerminateTransaction":
            run(session, fence(session, fenced_id or ""))
        case "describe":
            show_description(form, run(session, fetch_description(session, transactional_id or "")), now)
        case "describe-producers":
            show_producers(form, run(session, fetch_producers(session, where, replica)))
        case "abort":
            run(session, abort(session, where, spec or start_offset or 0))
        case _:
            limit_ms = max_transaction_timeout * MS_PER_MINUTE
            search = find_hanging(session, topic, partition, replica, Milliseconds(limit_ms), now)
            show_hanging(form, run(session, search), now)


def check(ctx: ScriptContext, command: str) -> None:
    """Check that options belong to the subcommand, and that required ones are given.

    raises    ScriptError
    """
    of_others = set().union(*OPTIONS.values()) - OPTIONS[command]
    for name in ctx.order:
        if name in of_others:
            raise TransactionsCommand.argparse_error(ctx, f"unrecognized arguments: '--{name}'")
    for name in REQUIRED.get(command, ()):
        if name not in ctx.given:
            raise TransactionsCommand.argparse_error(ctx, f"argument --{name} is required")


def check_scope(topic: str | None, partition: int | None, broker: int | None) -> None:
    """Reject a search through all partitions of a cluster, which must not happen by accident.

    raises    ScriptError
    """
    if topic is None and broker is None:
        raise ScriptError(
            "The `find-hanging` command requires either --topic or --broker-id to limit the scope of the search"
        )
    if partition is not None and topic is None:
        raise ScriptError("The --partition argument requires --topic to be provided")


def given_spec(
    partition: TopicPartition,
    start: int | None,
    producer_id: int | None,
    producer_epoch: int | None,
    coordinator_epoch: int | None,
) -> AbortSpec | None:
    """The transaction to abort, as given; None if it has to be looked up by an offset.

    raises    ScriptError
    """
    if start is not None:
        return None
    if producer_id is None:
        raise ScriptError(
            "The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) or "
            "with --producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)"
        )
    if producer_epoch is None:
        raise ScriptError("Missing required argument --producer-epoch")
    if coordinator_epoch is None:
        raise ScriptError("Missing required argument --coordinator-epoch")
    return AbortSpec(
        partition, ProducerId(producer_id), ProducerEpoch(producer_epoch), CoordinatorEpoch(max(coordinator_epoch, 0))
    )


def run(session: Session, work: Coroutine[Any, Any, T]) -> T:
    async def within() -> T:
        try:
            async with session:
                return await work
        finally:
            work.close()

    return event_loop.run(within())


async def fetch_listing(session: Session, longer_than_ms: int, pattern: str | None) -> list[TransactionListing]:
    with failing_as("Failed to list transactions"):
        return await list_transactions(
            session, longer_than_ms=None if longer_than_ms < 0 else Milliseconds(longer_than_ms), pattern=pattern
        )


async def fence(session: Session, transactional_id: str) -> None:
    with failing_as(f"Failed to force terminate transactionalId `{transactional_id}`"):
        await fence_producer(session, transactional_id)


async def fetch_description(session: Session, transactional_id: str) -> TransactionDescription:
    with failing_as(f"Failed to describe transaction state of transactional-id `{transactional_id}`"):
        found = (await describe_transactions(session, [transactional_id]))[transactional_id]
        if isinstance(found, ApiError):
            raise found
        return found


async def fetch_producers(
    session: Session, partition: TopicPartition, broker: BrokerId | None, what: str = ""
) -> list[ProducerState]:
    replica = "leader" if broker is None else f"broker {broker}"
    with failing_as(what or f"Failed to describe producers for partition {partition} on {replica}"):
        found = (await describe_producers(session, [partition], broker=broker))[partition]
        if isinstance(found, ApiError):
            raise found
        return found


async def abort(session: Session, partition: TopicPartition, which: AbortSpec | int) -> None:
    """`which` is what to abort, or the offset at which it began."""
    if isinstance(which, AbortSpec):
        spec = which
    else:
        what = f"Failed to validate producer state for partition {partition}"
        found = spec_to_abort(partition, await fetch_producers(session, partition, None, what), Offset(which))
        if found is None:
            raise ScriptError(
                f"Could not find any open transactions starting at offset {which} on partition {partition}"
            )
        spec = found
    with failing_as(f"Failed to abort transaction {spec}"):
        await abort_transaction(session, spec)
