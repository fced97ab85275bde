"""`pk graduate`: from a stopped cluster of ours to Apache Kafka on the same directories."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.script.errors import ScriptError, UsageError
from pykafka_cli.script.options import Output, chosen_output
from pykafka_cli.script.own_command import PlainOwnCommand

if TYPE_CHECKING:
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.properties.zookeeper import ZooKeeperSettings

WHAT_WAS_RUN = "Servers that were started separately"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=PlainOwnCommand)
def graduate(
    data_dir: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA_DIR",
            help="The --data-dir of a `pk up` that has stopped.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="New or empty directory for Kafka's files; without it, only check."),
    ] = None,
    port: Annotated[
        int,
        typer.Option(min=1, max=65535, help="Port for the first broker of DATA_DIR; the others get the next ports."),
    ] = 9092,
    zookeeper_port: Annotated[int, typer.Option(min=1, max=65535, help="Port for ZooKeeper.")] = 2181,
    controller_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port for the KRaft controller, on the way to Kafka 4.")
    ] = 9093,
    server_properties: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="File that `pk server-start` was given, once for each broker; a KRaft node's file suffices.",
            rich_help_panel=WHAT_WAS_RUN,
        ),
    ] = None,
    zookeeper_properties: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File that `pk zookeeper-server-start` was given.", rich_help_panel=WHAT_WAS_RUN
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Check a stopped cluster's directories, and write the files that start Apache Kafka on them.

    Every file is read, and none is changed.
    """
    from pykafka_cli.graduation.examination import examine
    from pykafka_cli.graduation.kafka_files import write_files
    from pykafka_cli.graduation.kraft_node import (
        as_zookeeper_broker,
        preparation,
        zookeeper_inside,
        zookeeper_outside,
    )
    from pykafka_cli.graduation.report import NotReady
    from pykafka_cli.output.graduate import show_report

    given = _given_brokers(server_properties or [])
    node = given[0] if len(given) == 1 and given[0].is_kraft_node else None
    if data_dir is None and not node and not (given and zookeeper_properties):
        raise UsageError(
            "Which cluster?",
            hint="Give the --data-dir of `pk up`, or both --server-properties and --zookeeper-properties; "
            "of a KRaft node, --server-properties alone.",
        )
    if node:
        brokers, zookeeper = [as_zookeeper_broker(node, zookeeper_port)], zookeeper_inside(node)
    else:
        brokers = given or _brokers_of(data_dir, port, zookeeper_port)
        zookeeper = (
            _given_zookeeper(zookeeper_properties) if zookeeper_properties else _zookeeper_of(data_dir, zookeeper_port)
        )
    if to is not None:
        _check_target(to, [*zookeeper.directories, *(path for each in brokers for path in each.log_directories)])
    try:
        report = examine(zookeeper, brokers)
    except NotReady as error:
        raise ScriptError(
            str(error), hint="Apache Kafka should not start on this data. Nothing was changed or written."
        ) from None
    files = list[Path]()
    prepared = None
    if to is not None:
        if node:
            prepared = preparation(node, report.cluster_id, to.absolute())
            zookeeper = zookeeper_outside(node, zookeeper_port)
        try:
            files = write_files(to, zookeeper, brokers, report, prepared, controller_port=controller_port)
        except OSError as error:
            raise ScriptError(f"Cannot write {error.filename}: {error.strerror}") from None
    show_report(chosen_output(output), report, files, prepared)


def _given_brokers(files: list[Path]) -> "list[BrokerSettings]":
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.servers.starting import Words, read_settings

    return [read_settings(BrokerSettings, Words(False, file, [])) for file in files]


def _given_zookeeper(file: Path) -> "ZooKeeperSettings":
    from pykafka_cli.properties.zookeeper import ZooKeeperSettings
    from pykafka_cli.servers.starting import Words, read_settings

    settings: ZooKeeperSettings = read_settings(ZooKeeperSettings, Words(False, file, []))
    return settings


def _brokers_of(data_dir: Path | None, port: int, zookeeper_port: int) -> "list[BrokerSettings]":
    """The settings with which `pk up` ran every broker that has left logs in DATA_DIR."""
    from pykafka_cli.servers.local_plan import HOST, MAX_BROKERS, broker_ports, broker_properties, logs_of, settings_of

    assert data_dir is not None
    root = data_dir.absolute()
    numbers = [each for each in range(MAX_BROKERS) if (logs_of(root, each) / "meta.properties").exists()]
    if not numbers:
        raise ScriptError(
            f"{data_dir} is not a data directory of `pk up`: it has no {logs_of(root, 0).name}/meta.properties.",
            hint="For servers that were started separately, give --server-properties and --zookeeper-properties.",
        )
    ports = broker_ports(port, numbers[-1] + 1)
    zookeeper = f"{HOST}:{zookeeper_port}"
    return [settings_of(broker_properties(root, each, ports[each], zookeeper, len(numbers))) for each in numbers]


def _zookeeper_of(data_dir: Path | None, port: int) -> "ZooKeeperSettings":
    from pykafka_cli.servers.local_plan import LocalPlan, zookeeper_settings

    assert data_dir is not None
    return zookeeper_settings(LocalPlan(data_dir.absolute(), (), port))


def _check_target(to: Path, data: list[str]) -> None:
    target = to.absolute().resolve()
    if inside := next((each for each in data if target.is_relative_to(Path(each).resolve())), None):
        raise ScriptError(f"--to {to} is inside {inside}, which must not be changed; choose another directory.")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ScriptError(f"--to {to} exists and is not empty; choose another directory.")
