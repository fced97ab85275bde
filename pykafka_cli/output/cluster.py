"""kafka-cluster.sh: the cluster's id, and a padded table of its nodes (since 4.0)."""

from collections.abc import Sequence

from pykafka_cli.model import Endpoint
from pykafka_cli.output.render import OutputFormat, Table, show

_NARROWEST = 10


def show_cluster_id(found: str | None, form: OutputFormat) -> None:
    line = f"Cluster ID: {found}" if found else "No cluster ID found. The Kafka version is probably too old."
    show(
        form,
        text=lambda: f"{line}\n",
        table=lambda: [Table(("CLUSTER ID",), [(found,)])],
        document=lambda: {"cluster_id": found},
    )


def print_unregistration(broker: int, *, is_supported: bool) -> None:
    if is_supported:
        print(f"Broker {broker} is no longer registered.")
    else:
        print("The target cluster does not support the broker unregistration API.")


def show_endpoints(endpoints: Sequence[Endpoint], form: OutputFormat, *, states: bool) -> None:
    """states    whether nodes have one: controllers do not"""
    show(
        form,
        text=lambda: _lines(endpoints, states=states),
        table=lambda: [Table(("ID", "HOST", "PORT", "RACK", "STATE", "TYPE"), list(map(_people_row, endpoints)))],
        document=lambda: [
            {
                "id": each.id,
                "host": each.host,
                "port": each.port,
                "rack": each.rack,
                "fenced": each.is_fenced,
                "type": each.kind,
            }
            for each in endpoints
        ],
    )


def _people_row(each: Endpoint) -> tuple[object, ...]:
    return each.id, each.host, each.port, each.rack, _state(each), each.kind


def _state(each: Endpoint) -> str:
    return "fenced" if each.is_fenced else "unfenced"


def _lines(endpoints: Sequence[Endpoint], *, states: bool) -> str:
    header: tuple[str, ...] = ("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE")
    rows: list[tuple[str, ...]] = [header] + [
        (str(each.id), each.host, str(each.port), each.rack or "null", _state(each), each.kind) for each in endpoints
    ]
    if not states:
        rows = [(*row[:4], row[5]) for row in rows]
    host = max(len(row[1]) for row in rows[1:] or rows)
    rack = max(_NARROWEST, *(len(row[3]) for row in rows))
    last = len("ENDPOINT_TYPE") + 1
    widths = (_NARROWEST, host, _NARROWEST, rack, *((_NARROWEST,) if states else ()), last)
    return "".join(
        " ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + " \n" for row in rows
    )
