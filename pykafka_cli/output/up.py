"""`pk up`, `pk status` and `pk down`: servers that run, or have stopped."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pykafka_cli.output.render import OutputFormat, Table, show

_STOPS, _STOPS_DETACHED = "Ctrl-C stops everything.", "`pk down` stops everything."


def show_started(form: OutputFormat, cluster: Mapping[str, Any], *, detached: bool = False) -> None:
    """Addresses and directories, and what to type next.

    cluster    the document of a RunState
    """
    text = _announcement(cluster, _STOPS_DETACHED if detached else _STOPS)
    plain = form if form.is_document else OutputFormat.KAFKA
    show(plain, text=lambda: text, table=list, document=lambda: cluster)


def print_exposed(host: str) -> None:
    """A warning about brokers that others reach."""
    print(
        f"Warning: anyone who reaches {host} can read and change everything: connections need no login, and are not "
        f"encrypted.",
        file=sys.stderr,
    )


def print_page(url: str) -> None:
    """Where --ui shows the cluster."""
    print(f"The cluster is shown at {url}", file=sys.stderr)


def _announcement(cluster: Mapping[str, Any], how_to_stop: str) -> str:
    brokers = cluster["brokers"]
    lines = [f"Broker {each['broker']} listens on {each['address']}\n" for each in brokers]
    lines += [
        f"Clients elsewhere reach broker {each['broker']} at {each['advertised']}\n"
        for each in brokers
        if each["advertised"] != each["address"]
    ]
    if len(brokers) > 1:
        lines.append(f"Their processes are {', '.join(str(each['pid']) for each in brokers)}; see `pk broker --help`\n")
    zookeepers = [f"ZooKeeper listens on {cluster['zookeeper_connect']}"]
    if several := cluster["zookeepers"]:
        zookeepers = [
            f"ZooKeeper {each['zookeeper']} listens on {each['address']}, in process {each['pid']}" for each in several
        ]
        zookeepers.append("`pk zookeeper --help` shows how to kill and start one")
    servers = [f"broker {each['broker']}" for each in brokers]
    servers += [f"ZooKeeper {each['zookeeper']}" for each in cluster["zookeepers"]] or ["ZooKeeper"]
    lines += [f"Metrics of {name} are at {url}\n" for name, url in zip(servers, cluster["metrics"], strict=False)]
    return f"""\
Data is kept in {cluster["data_dir"]}
{chr(10).join(zookeepers)}
{"".join(lines)}
Next, in another terminal:

    export PK_BOOTSTRAP_SERVER={brokers[0]["address"]}
    pk topics --create --topic firstTopic --partitions 3
    pk console-producer --topic firstTopic
    pk console-consumer --topic firstTopic --from-beginning

{how_to_stop}
"""


def show_running(form: OutputFormat, clusters: Sequence[Mapping[str, Any]]) -> None:
    """The running ones, of which there is at least one."""
    rows = [(each["pid"], each["bootstrap_servers"], each["zookeeper_connect"], each["data_dir"]) for each in clusters]
    show(
        form,
        text=lambda: "".join("\t".join(map(str, row)) + "\n" for row in rows),
        table=lambda: [Table(("PID", "BOOTSTRAP SERVERS", "ZOOKEEPER", "DATA"), [_foldable(row) for row in rows])],
        document=lambda: clusters,
    )


def show_stopped(form: OutputFormat, cluster: Mapping[str, Any]) -> None:
    """A stopped one; the document is its last state."""
    line = f"Stopped process {cluster['pid']}, with data in {cluster['data_dir']}"
    show(form, text=lambda: f"{line}\n", table=lambda: [line], document=lambda: cluster)


def _foldable(row: Sequence[object]) -> list[object]:
    """Lists of addresses that a narrow terminal folds between two addresses, and not within one."""
    return [each.replace(",", ", ") if isinstance(each, str) else each for each in row]
