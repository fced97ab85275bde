"""`pk up`: ZooKeeper and brokers, without any configuration."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pykafka_cli.console.stderr import print_remark
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.script.errors import Ended, ScriptError, UsageError
from pykafka_cli.script.options import BOOTSTRAP_SERVER_VARIABLE, Output, chosen_output
from pykafka_cli.script.own_command import PlainOwnCommand, ensure_writable
from pykafka_cli.servers.starting import run_until_signalled

if TYPE_CHECKING:
    from socket import socket

    from pykafka_cli.rules.local_cluster import ClientListeners, WantedTopic
    from pykafka_cli.servers.broker_processes import BrokerProcesses
    from pykafka_cli.servers.local_cluster import LocalCluster
    from pykafka_cli.servers.local_plan import LocalPlan, ZooKeeperPorts
    from pykafka_cli.servers.zookeeper_processes import ZooKeeperProcesses

MAX_BROKERS, MAX_ZOOKEEPERS, MAX_PORT = 9, 7, 65535
TOPICS_VARIABLE, SEPARATOR_VARIABLE = "KAFKA_CREATE_TOPICS", "KAFKA_CREATE_TOPICS_SEPARATOR"
"""As Docker images have them."""

ROOM_IN_MEMORY = 1 << 30
"""Bytes that must be free in /dev/shm for temporary data to go there: containers often have 64 MB."""

DEFAULT_DATA_DIR = Path("data")
EPILOG = """\b
Examples:
  pk up --topic orders:3 --topic events:1:1:cleanup.policy=compact
  pk up --ephemeral --port 0 --zookeeper-port 0 -- pytest tests

COMMAND finds the brokers in PK_BOOTSTRAP_SERVER. When it ends, the servers stop,
and pk up exits with its status, or with 127 if there is no such command.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ClockChoice(StrEnum):
    """Whether the servers' time can be moved."""

    SYSTEM = "system"
    MANUAL = "manual"


class Controls(NamedTuple):
    """What other processes of this user may do with the servers."""

    has_clock: bool
    has_faults: bool

    @property
    def words(self) -> list[str]:
        return [*(["--clock=manual"] if self.has_clock else []), *(["--faults"] if self.has_faults else [])]


@app.command(cls=PlainOwnCommand, epilog=EPILOG)
def up(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND ARGS...]", help="Command to run while the servers are up.", show_default=False
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Directory for all data; created if it does not exist.  [default: data]"),
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep data in a temporary directory, and delete it at the end.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=MAX_PORT, help="Port of the first broker; the others get the next ports. 0 means any free port."
        ),
    ] = 9092,
    zookeeper_port: Annotated[
        int, typer.Option(min=0, max=MAX_PORT, help="Port of ZooKeeper; 0 means any free port.")
    ] = 2181,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST",
            help="Host or address for clients to connect to; 0.0.0.0 means all addresses of this machine.",
        ),
    ] = None,
    advertise: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Address that the first broker advertises; the others advertise the next ports.",
        ),
    ] = None,
    brokers: Annotated[
        int, typer.Option(min=1, max=MAX_BROKERS, help="Number of brokers, each in its own process if several.")
    ] = 1,
    zookeepers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_ZOOKEEPERS,
            help="Number of ZooKeepers, each in its own process: 3 or 5. Without it, there is one, in that of pk up.",
        ),
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOPIC[:PARTITIONS[:RF]][:KEY=VALUE,...]",
            help=f"Create this topic if it does not exist; may be repeated. ${TOPICS_VARIABLE} can list more.",
        ),
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Set a property of all brokers; may be repeated.")
    ] = None,
    zookeeper_override: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help=(
                "Set a property of all ZooKeepers; may be repeated. "
                "A port is that of the first one; the others get the next ports."
            ),
        ),
    ] = None,
    stop_at_eof: Annotated[
        bool,
        typer.Option(
            "--stop-at-eof",
            help="Stop when standard input ends: if that is a pipe, with the process that holds it, however that ends.",
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when the servers are ready. pk down stops them.")
    ] = False,
    clock: Annotated[
        ClockChoice, typer.Option(help="With manual, pk clock can move the time of all servers.")
    ] = ClockChoice.SYSTEM,
    faults: Annotated[bool, typer.Option("--faults", help="Let pk fault make requests of clients fail.")] = False,
    ui: Annotated[bool, typer.Option("--ui", help="Show the cluster in the browser, as pk ui does.")] = False,
    ui_port: Annotated[
        int, typer.Option(min=0, max=MAX_PORT, help="Port of the page of --ui; 0 means any free port.")
    ] = 8080,
    ready_file: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Write what --output json shows to FILE once the servers are ready."),
    ] = None,
    as_broker: Annotated[str | None, typer.Option(hidden=True)] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_PORT,
            help=(
                "Show metrics to Prometheus on this port of this machine: those of the first broker; "
                "the other brokers and then ZooKeeper get the next ports. 0 means any free ports."
            ),
        ),
    ] = None,
    as_zookeeper: Annotated[str | None, typer.Option(hidden=True)] = None,
    output: Output = None,
) -> None:
    """Start ZooKeeper and brokers together, for this machine unless --listen opens them. Ctrl-C stops them."""
    if as_broker:
        from pykafka_cli.servers.broker_processes import BROKER

        raise Ended(BROKER.serve_as(as_broker))
    if as_zookeeper:
        from pykafka_cli.servers.zookeeper_processes import ZOOKEEPER

        raise Ended(ZOOKEEPER.serve_as(as_zookeeper))
    from pykafka_cli.rules.local_cluster import (
        BadPlan,
        parse_client_listeners,
        parse_overrides,
        parse_zookeeper_overrides,
    )

    command = command or []
    if command:
        from pykafka_cli.servers.attached_command import ensure_found

        ensure_found(command)
    if ephemeral and data_dir:
        raise UsageError("--ephemeral and --data-dir cannot be used together")
    if clock is ClockChoice.MANUAL and zookeepers is not None:
        if zookeepers > 1:
            raise UsageError("--clock manual and several --zookeepers cannot be used together")
        zookeepers = None  # its time is moved in this process
    if stop_at_eof and (command or detach):
        raise UsageError(
            f"--stop-at-eof cannot be used with {'--detach' if detach else 'a command, which may read it'}"
        )
    try:
        topics = _wanted_topics(topic or [], brokers)
        overrides = parse_overrides(override or [])
        of_zookeepers = parse_zookeeper_overrides(zookeeper_override or [])
        clients = parse_client_listeners(listen, advertise, brokers)
    except BadPlan as error:
        raise UsageError(str(error), hint=error.hint) from None
    for file in ready_file or []:
        ensure_writable("--ready-file", file)
    form = chosen_output(output)
    controls = Controls(clock is ClockChoice.MANUAL, faults)
    if detach:
        if command:
            raise UsageError("--detach cannot be used with a command, which the servers stop with")
        page = ["--ui", f"--ui-port={ui_port}"] if ui else []
        where = ["--ephemeral"] if ephemeral else ["--data-dir", str((data_dir or DEFAULT_DATA_DIR).absolute())]
        more = {
            "--topic": topic or [],
            "--override": override or [],
            "--zookeeper-override": zookeeper_override or [],
            "--listen": [] if listen is None else [listen],
            "--advertise": [] if advertise is None else [advertise],
        }
        numbers = {"--port": port, "--zookeeper-port": zookeeper_port, "--brokers": brokers}
        if zookeepers is not None:
            numbers["--zookeepers"] = zookeepers
        if metrics_port is not None:
            numbers["--metrics-port"] = metrics_port
        words = [*where, *controls.words, *page, *(f"{name}={number}" for name, number in numbers.items())]
        _detach([*words, *(f"{name}={word}" for name, given in more.items() for word in given)], ready_file or [], form)
        _warn_if_exposed(clients)
        _warn_of_unknown(overrides)
        return
    _warn_of_unknown(overrides)
    from pykafka_cli.servers.local_plan import LocalPlan

    with _temporary_directory() if ephemeral else nullcontext(data_dir or DEFAULT_DATA_DIR) as directory:
        ensemble = _ensemble(zookeeper_port, zookeepers)
        ports = _ports(port, [zookeeper_port, *(each for server in ensemble for each in server)], brokers)
        metrics = _metrics_ports(metrics_port, brokers + (zookeepers or 1))
        plan = LocalPlan(
            directory.absolute(), ports, zookeeper_port, overrides, clients, *controls, ensemble, metrics, of_zookeepers
        )
        if of_zookeepers:
            _ensure_usable(plan)
        listener = _page_listener(ui_port) if ui else None
        _serve(plan, topics, command, ready_file or [], form, listener, stop_at_eof=stop_at_eof)


def _ensure_usable(plan: "LocalPlan") -> None:
    """raises    UsageError if ZooKeeper cannot have these properties"""
    from pykafka_cli.properties.keys import BadProperty, ConfigError
    from pykafka_cli.servers.local_plan import zookeeper_settings

    try:
        settings = zookeeper_settings(plan)
    except BadProperty as error:
        raise UsageError(f"--zookeeper-override {error.key}: {error}") from None
    except ConfigError as error:
        raise UsageError(f"--zookeeper-override: {error}") from None
    for warning in settings.warnings:
        print_remark(f"--zookeeper-override: {warning}")


def _detach(words: list[str], ready_files: Sequence[Path], form: OutputFormat) -> None:
    from pykafka_cli.output.up import show_started
    from pykafka_cli.servers.detached import start_detached

    state = start_detached([*words, *(f"--ready-file={file.absolute()}" for file in ready_files)])
    show_started(form, state.document(), detached=True)


def _wanted_topics(words: list[str], brokers: int) -> "list[WantedTopic]":
    """Topics from the options and from the environment.

    raises    BadPlan
    """
    listed = os.environ.get(TOPICS_VARIABLE, "")
    if not words and not listed:
        return []  # without loading all settings of topics
    from pykafka_cli.rules.local_cluster import parse_topic, split_topics

    separator = os.environ.get(SEPARATOR_VARIABLE) or ","
    return [parse_topic(word, brokers) for word in (*split_topics(listed, separator), *words)]


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """In memory if there is room, otherwise where temporary files go."""
    import shutil

    from pykafka_cli.servers.temporary_place import temporary_place

    memory = Path("/dev/shm")
    in_memory = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM_IN_MEMORY
    with temporary_place("pk-up.", memory if in_memory else None) as directory:
        yield directory


def _ports(first: int, zookeeper: Sequence[int], brokers: int) -> list[int]:
    """raises    ScriptError"""
    from pykafka_cli.servers.local_plan import broker_ports

    ports = broker_ports(first, brokers)
    if taken := sorted({0, *ports} & {0, *zookeeper})[1:]:
        raise UsageError(f"A broker and ZooKeeper cannot both have port {taken[0]}.")
    return ports


def _ensemble(first: int, zookeepers: int | None) -> "Sequence[ZooKeeperPorts]":
    """The ports of ZooKeepers that have their own processes; none without `zookeepers`.

    raises    ScriptError
    """
    if zookeepers is None:
        return ()
    from pykafka_cli.servers.free_ports import free_ports
    from pykafka_cli.servers.local_plan import ensemble_ports

    return ensemble_ports(first, zookeepers, free_ports(3 * zookeepers).pop)


def _metrics_ports(first: int | None, servers: int) -> list[int]:
    """raises    ScriptError"""
    if first is None:
        return []
    from pykafka_cli.servers.free_ports import free_ports
    from pykafka_cli.servers.local_plan import metrics_ports

    return metrics_ports(first, servers, free_ports(servers).pop)


def _serve(
    plan: "LocalPlan",
    topics: "list[WantedTopic]",
    command: list[str],
    ready_files: Sequence[Path],
    form: OutputFormat,
    page: "socket | None",
    *,
    stop_at_eof: bool,
) -> None:
    """raises    ScriptError, Ended with the status of the command or of a closed terminal"""
    from pykafka_cli.broker.server import BrokerUnusable
    from pykafka_cli.clients.errors import ApiError
    from pykafka_cli.properties.keys import BadProperty, ConfigError
    from pykafka_cli.servers.log_output import log_warnings
    from pykafka_cli.servers.starting import call_at_eof
    from pykafka_cli.zookeeper.server.server import ServerUnusable

    ends: list[int | None] = []
    for file in ready_files:
        if file.is_file():
            file.unlink()  # of one that was killed

    log_warnings()
    processes, ensemble = _processes(plan)

    async def run(stop: asyncio.Event) -> None:
        if stop_at_eof:
            call_at_eof(stop.set)
        ends.append(await _run(plan, processes, ensemble, topics, command, ready_files, form, page, stop))

    try:
        status = run_until_signalled(run)
    except ServerUnusable as error:
        raise ScriptError(f"ZooKeeper cannot run: {error}", hint=_other_port("--zookeeper-port", error, plan)) from None
    except BrokerUnusable as error:
        raise ScriptError(f"The broker cannot run: {error}", hint=_other_port("--port", error, plan)) from None
    except BadProperty as error:
        raise UsageError(f"--override {error.key}: {error}") from None
    except ConfigError as error:
        raise UsageError(str(error)) from None
    except ApiError as error:
        raise ScriptError(str(error)) from None
    if command:
        raise Ended(status if ends[0] is None else ends[0])
    if status is ExitStatus.HUNG_UP:
        raise Ended(status)  # otherwise it was stopped on request, which is no failure


def _processes(plan: "LocalPlan") -> "tuple[BrokerProcesses | None, ZooKeeperProcesses | None]":
    """One for each broker and ZooKeeper that has its own, already started; None for those in this process."""
    if not plan.has_processes and not plan.ensemble:
        return None, None
    from pykafka_cli.servers.server_process import start_processes
    from pykafka_cli.servers.starting import prepare_process

    import_module("pykafka_cli.servers.local_cluster")
    prepare_process()
    brokers = zookeepers = None
    channels: list[socket] = []
    if plan.ensemble:
        from pykafka_cli.servers.zookeeper_processes import ZOOKEEPER, ZooKeeperProcesses

        numbers = range(1, len(plan.ensemble) + 1)
        zookeepers = ZooKeeperProcesses(plan, start_processes(ZOOKEEPER, numbers, channels), print_remark)
    if plan.has_processes:
        from pykafka_cli.servers.broker_processes import BROKER, BrokerProcesses

        brokers = BrokerProcesses(plan, start_processes(BROKER, range(len(plan.ports)), channels), print_remark)
    return brokers, zookeepers


async def _run(
    plan: "LocalPlan",
    processes: "BrokerProcesses | None",
    ensemble: "ZooKeeperProcesses | None",
    topics: "list[WantedTopic]",
    command: list[str],
    ready_files: Sequence[Path],
    form: OutputFormat,
    page: "socket | None",
    stop: asyncio.Event,
) -> int | None:
    """Run until stopped, or until the command ends; return its status, or None without a command."""
    from pykafka_cli.output.up import show_started
    from pykafka_cli.servers.local_cluster import running
    from pykafka_cli.servers.run_states import published

    async with running(plan, processes, stop, ensemble) as cluster:
        if cluster is None:
            return None
        bootstrap = cluster.state.bootstrap
        if topics:
            from pykafka_cli.servers.local_topics import create_topics

            await create_topics(bootstrap, topics, print_remark)
        stopping = asyncio.create_task(stop.wait())
        status = None
        async with _controls(cluster), _shown(bootstrap, page):
            with published(cluster.state, ready_files) as publish:
                for changing in (processes, ensemble):
                    if changing is not None:
                        changing.on_change = lambda: publish(cluster.state)
                if command:
                    from pykafka_cli.servers.attached_command import run_command

                    variables = {BOOTSTRAP_SERVER_VARIABLE: bootstrap}
                    status = await run_command(command, variables, stopping, cluster.failure)
                else:
                    show_started(form, cluster.state.document())
                    sys.stdout.flush()
                    await asyncio.wait((stopping, cluster.failure), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if cluster.failure.done():
            cluster.failure.result()
        return status


def _controls(cluster: "LocalCluster") -> AbstractAsyncContextManager[None]:
    """The control socket, if it has something to control."""
    has_processes = cluster.processes is not None or cluster.ensemble is not None
    if not cluster.has_clock and cluster.brokers.faults is None and not has_processes:
        return nullcontext()
    from pykafka_cli.servers.control import controlled
    from pykafka_cli.servers.control_commands import commands_of

    return controlled(cluster.data_dir, commands_of(cluster))


def _page_listener(port: int) -> "socket":
    """raises    ScriptError, before any server starts"""
    from pykafka_cli.ui.opening import ensure_installed, listen

    ensure_installed()
    return listen(port, "--ui-port")


@asynccontextmanager
async def _shown(bootstrap: str, page: "socket | None") -> AsyncIterator[None]:
    """Serve the page of --ui, if it is wanted."""
    if page is None:
        yield
        return
    from pykafka_cli.output.up import print_page
    from pykafka_cli.ui.opening import new_ui
    from pykafka_cli.ui.server import serving

    async with serving(new_ui(bootstrap, None), page) as url:
        print_page(url)
        yield


def _warn_if_exposed(clients: "ClientListeners | None") -> None:
    """In the foreground, the brokers' own warning is seen."""
    if clients and clients.is_exposed:
        from pykafka_cli.output.up import print_exposed

        print_exposed(clients.host)


def _warn_of_unknown(overrides: Mapping[str, str]) -> None:
    """A warning and no error, because Kafka's brokers start with such keys."""
    if overrides:
        from pykafka_cli.properties.broker import unknown_keys

        for line in unknown_keys(overrides):
            print_remark(f"--override: {line}")


def _other_port(option: str, error: Exception, plan: "LocalPlan") -> str:
    from pykafka_cli.servers.occupied_ports import hint_of, is_about_port

    if not is_about_port(error):
        return ""
    ensemble = [port for server in plan.ensemble for port in server]
    return "\n".join(
        filter(None, (hint_of(error, (*plan.ports, plan.zookeeper_port, *ensemble)), f"{option} chooses another port."))
    )
