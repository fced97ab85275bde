"""kafka-broker-api-versions.sh: one block per broker."""

from collections.abc import Mapping

from pykafka_cli.model import Broker
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.protocol.api_keys import APIS, api_name
from pykafka_cli.rules.generation import is_kafka_4
from pykafka_cli.transport.connection import VersionRange
from pykafka_cli.transport.errors import ConnectionFailed

Offered = Mapping[int, VersionRange] | ConnectionFailed


def show_versions(form: OutputFormat, found: Mapping[Broker, Offered]) -> None:
    show(
        form,
        text=lambda: "".join(block(broker, offered) for broker, offered in found.items()),
        table=lambda: [part for broker, offered in found.items() for part in _table(broker, offered)],
        document=lambda: [_document(broker, offered) for broker, offered in found.items()],
    )


def block(broker: Broker, offered: Offered) -> str:
    """All APIs that a broker supports, by key, and those that it does not support."""
    rack = "null" if broker.rack is None else broker.rack
    head = f"{broker.host}:{broker.port} (id: {broker.id} rack: {rack}"
    if isinstance(offered, ConnectionFailed):
        return f"{head}) -> ERROR: {offered}\n"
    if is_kafka_4(offered):
        head, known = f"{head} isFenced: false", _KNOWN_IN_4
    else:
        known = _KNOWN_IN_3_9
    keys = sorted(_expected(offered).union(offered))
    lines = ",\n".join(f"\t{_line(key, offered.get(key), known)}" for key in keys)
    return f"{head}) -> (\n{lines}\n)\n"


def _expected(offered: Mapping[int, VersionRange]) -> set[int]:
    """The APIs that Kafka's clients of the broker's generation know."""
    return set(_KNOWN_IN_4) if is_kafka_4(offered) else {key for key in _KNOWN_IN_3_9 if APIS[key].is_for_brokers}


_KNOWN_IN_3_9 = {key: api.newest_in_3_9 for key, api in APIS.items() if api.newest_in_3_9 is not None}
_KNOWN_IN_4 = {key: api.newest_in_4 for key, api in APIS.items() if api.newest_in_4 is not None}


def usable_version(key: int, offered: Mapping[int, VersionRange]) -> int | None:
    """The newest version that a broker shares with Kafka's clients of its generation; None without one."""
    return _shared(key, offered[key], _KNOWN_IN_4 if is_kafka_4(offered) else _KNOWN_IN_3_9)


def _shared(key: int, offered: VersionRange, known: Mapping[int, int]) -> int | None:
    if key not in known or offered.min > known[key]:
        return None
    return min(offered.max, known[key])


def _name(key: int, known: Mapping[int, int]) -> str:
    if key not in known:
        return "UNKNOWN"
    return (known is _KNOWN_IN_4 and APIS[key].title_in_4) or APIS[key].title


def _line(key: int, offered: VersionRange | None, known: Mapping[int, int]) -> str:
    name = f"{_name(key, known)}({key})"
    if offered is None:
        return f"{name}: UNSUPPORTED"
    versions = str(offered.min) if offered.min == offered.max else f"{offered.min} to {offered.max}"
    if key not in known:
        return f"{name}: {versions}"
    usable = _shared(key, offered, known)
    return f"{name}: {versions} [{'unusable: node too new' if usable is None else f'usable: {usable}'}]"


def _table(broker: Broker, offered: Offered) -> list[Table | str]:
    rack = "" if broker.rack is None else f", rack {broker.rack}"
    title = f"broker {broker.id} at {broker.host}:{broker.port}{rack}"
    if isinstance(offered, ConnectionFailed):
        return [f"{title}: {offered}"]
    rows = [
        (key, api_name(key), f"{low} to {high}", usable_version(key, offered))
        for key, (low, high) in sorted(offered.items())
    ]
    found: list[Table | str] = [Table(("KEY", "API", "VERSIONS", "USABLE"), rows, title)]
    if lacking := sorted(_expected(offered) - offered.keys()):
        found.append(f"Not supported: {', '.join(map(api_name, lacking))}")
    return found


def _document(broker: Broker, offered: Offered) -> dict[str, object]:
    failed = isinstance(offered, ConnectionFailed)
    return {
        "broker": broker.id,
        "host": broker.host,
        "port": broker.port,
        "rack": broker.rack,
        "error": str(offered) if failed else None,
        "apis": []
        if isinstance(offered, ConnectionFailed)
        else [
            {"key": key, "name": api_name(key), "min": low, "max": high} for key, (low, high) in sorted(offered.items())
        ],
    }
