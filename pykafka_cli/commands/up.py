"""`pk up`: ZooKeeper and brokers in one process, without any configuration.

    DIR/zookeeper              ZooKeeper's data
    DIR/kafka                  broker 0's logs; DIR/kafka-1 broker 1's, and so on

These are the places that config/zookeeper.properties and config/server.properties name below ./data, so that `pk up`
and the separate servers continue with each other's data.
"""

import asyncio
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.errors import Ended, ScriptError
from pykafka_cli.servers.starting import run_until_signalled

if TYPE_CHECKING:
    from pykafka_cli.broker.server import BrokerServer
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.properties.zookeeper import ZooKeeperSettings

HOST = "127.0.0.1"
MAX_BROKERS = 9
MAX_PORT = 65535

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def up(
    data_dir: Annotated[Path, typer.Option(help="Directory for all data; created if it does not exist.")] = Path(
        "data"
    ),
    port: Annotated[
        int,
        typer.Option(
            min=0, max=MAX_PORT, help="Port of the first broker; the others get the next ports. 0 means any free port."
        ),
    ] = 9092,
    zookeeper_port: Annotated[
        int, typer.Option(min=0, max=MAX_PORT, help="Port of ZooKeeper; 0 means any free port.")
    ] = 2181,
    brokers: Annotated[int, typer.Option(min=1, max=MAX_BROKERS, help="Number of brokers.")] = 1,
) -> None:
    """Start ZooKeeper and brokers together, for this machine only. Ctrl-C stops them."""
    from pykafka_cli.broker.server import BrokerUnusable
    from pykafka_cli.zookeeper.server.server import ServerUnusable

    ports = broker_ports(port, brokers)
    if zookeeper_port and zookeeper_port in ports:
        raise ScriptError(f"A broker and ZooKeeper cannot both have port {zookeeper_port}.")
    _log_what_matters()
    try:
        status = run_until_signalled(lambda stop: _run(data_dir, ports, zookeeper_port, stop))
    except ServerUnusable as error:
        raise ScriptError(f"ZooKeeper cannot run: {error}", hint=_other_port("--zookeeper-port", error)) from None
    except BrokerUnusable as error:
        raise ScriptError(f"The broker cannot run: {error}", hint=_other_port("--port", error)) from None
    if status is ExitStatus.HUNG_UP:
        raise Ended(status)  # else a request to stop is how this ends: no failure


def _log_what_matters() -> None:
    """Loggers have the level of Kafka's log4j.properties, which tools show and change; the terminal is kept quiet."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)s %(message)s (%(name)s)"))
    handler.addFilter(_deserves_attention)
    logging.getLogger().addHandler(handler)
    logging.getLogger("pykafka_cli").setLevel(logging.INFO)


def _deserves_attention(record: logging.LogRecord) -> bool:
    """Warnings and errors, and everything from loggers whose level was lowered."""
    return record.levelno >= logging.WARNING or logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


def broker_ports(first: int, brokers: int) -> list[int]:
    """One port for each broker; 0 is any free one. raises ScriptError."""
    if first + brokers - 1 > MAX_PORT:
        raise ScriptError(f"{brokers} brokers from port {first} on would need ports above {MAX_PORT}.")
    return [first + number if first else 0 for number in range(brokers)]


async def _run(data_dir: Path, ports: Sequence[int], zookeeper_port: int, stop: asyncio.Event) -> None:
    from pykafka_cli.broker.clock import SystemClock
    from pykafka_cli.broker.server import BrokerServer
    from pykafka_cli.zookeeper.server.server import ZooKeeperServer

    brokers = len(ports)
    await _ensure_usable(data_dir, [broker_settings(data_dir, *each, 0, brokers) for each in enumerate(ports)])
    clock = SystemClock()
    zookeeper = ZooKeeperServer(zookeeper_settings(data_dir, zookeeper_port), clock)
    await zookeeper.start()
    servers = [
        BrokerServer(broker_settings(data_dir, number, each, zookeeper.port, brokers), clock, takes_over=True)
        for number, each in enumerate(ports)
    ]
    starting = [asyncio.create_task(server.start()) for server in servers]
    stopping = asyncio.create_task(stop.wait())
    try:
        all_started = asyncio.gather(*starting)
        await asyncio.wait((all_started, stopping), return_when=asyncio.FIRST_COMPLETED)
        if all_started.done():
            all_started.result()
            _announce(data_dir, zookeeper.port, servers)
            await asyncio.wait((stopping, zookeeper.failure), return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                zookeeper.failure.result()
    finally:
        for task in (*starting, stopping):
            task.cancel()
        await asyncio.wait((*starting, stopping))
        started = [server for server, task in zip(servers, starting, strict=True) if not _has_failed(task)]
        await asyncio.gather(*(server.stop() for server in started))
        await zookeeper.stop()


def _has_failed(start: asyncio.Task[None]) -> bool:
    """Whether a start, over by now, came to nothing; then nothing is left to stop."""
    return start.cancelled() or start.exception() is not None


def zookeeper_settings(data_dir: Path, port: int) -> "ZooKeeperSettings":
    from pykafka_cli.properties.zookeeper import ZooKeeperSettings

    return ZooKeeperSettings.on_loopback(str(data_dir / "zookeeper"), port)


def logs_of(data_dir: Path, number: int) -> Path:
    """Where a broker's logs are."""
    return data_dir / ("kafka" if number == 0 else f"kafka-{number}")


def broker_settings(
    data_dir: Path, number: int, port: int, zookeeper_port: int, brokers: int, *, stop_together: bool = True
) -> "BrokerSettings":
    """The values of config/server.properties, with as many replicas of the internal topics as there are brokers.

    stop_together    all brokers stop at once, so there is nobody to hand over to
    """
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.properties.grammar import Property

    replicas = str(min(brokers, 3))
    given = {
        "broker.id": str(number),
        # localhost is both 127.0.0.1 and ::1, of which clients try either first.
        "listeners": f"PLAINTEXT://localhost:{port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "log.dirs": str(logs_of(data_dir, number)),
        "zookeeper.connect": f"{HOST}:{zookeeper_port}",
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": "2" if brokers >= 3 else "1",
        "group.initial.rebalance.delay.ms": "0",
        **({"controlled.shutdown.enable": "false"} if stop_together else {}),
    }
    return BrokerSettings([Property(name, text, 0) for name, text in given.items()])


async def _ensure_usable(data_dir: Path, brokers: "list[BrokerSettings]") -> None:
    """Find obstacles before anything is written: ports in use, brokers' logs without their ZooKeeper."""
    from pykafka_cli.broker.clock import SystemClock
    from pykafka_cli.broker.metrics import Metrics
    from pykafka_cli.broker.network.listener import CannotListen, SocketServer
    from pykafka_cli.broker.server import BrokerUnusable

    for settings in brokers:
        sockets = SocketServer(settings, SystemClock(), Metrics())
        try:
            await sockets.bind()
        except CannotListen as error:
            raise BrokerUnusable(str(error)) from error
        await sockets.stop(grace=0)
        (logs,) = map(Path, settings.log_directories)
        if (logs / "meta.properties").exists() and not (data_dir / "zookeeper").exists():
            raise BrokerUnusable(
                f"{logs} holds records of a cluster whose ZooKeeper is not in {data_dir / 'zookeeper'}; "
                "put that back, or choose another --data-dir"
            )


def _other_port(option: str, error: Exception) -> str:
    in_use = re.search(r"address already in use|port \d+.* in use", str(error))
    return f"{option} chooses another port." if in_use else ""


def _announce(data_dir: Path, zookeeper_port: int, servers: "list[BrokerServer]") -> None:
    addresses = [f"{HOST}:{endpoint.port}" for server in servers for endpoint in server.endpoints]
    print(f"Data is kept in {data_dir.absolute()}")
    print(f"ZooKeeper listens on {HOST}:{zookeeper_port}")
    for number, address in enumerate(addresses):
        print(f"Broker {number} listens on {address}")
    where = f"--bootstrap-server {addresses[0]}"
    print(
        f"""
Next, in another terminal:

    pk topics {where} --create --topic firstTopic --partitions 3
    pk console-producer {where} --topic firstTopic
    pk console-consumer {where} --topic firstTopic --from-beginning

Ctrl-C stops everything.""",
        flush=True,
    )
