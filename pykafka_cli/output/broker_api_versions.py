"""kafka-broker-api-versions.sh: one block per broker."""

from collections.abc import Mapping

from pykafka_cli.model import Broker
from pykafka_cli.protocol.api_keys import APIS, api_name
from pykafka_cli.transport.connection import ConnectionFailed, VersionRange


def block(broker: Broker, offered: Mapping[int, VersionRange] | ConnectionFailed) -> str:
    """All APIs that a broker offers, in the order of their keys, and those it might offer and does not."""
    rack = "null" if broker.rack is None else broker.rack
    head = f"{broker.host}:{broker.port} (id: {broker.id} rack: {rack})"
    if isinstance(offered, ConnectionFailed):
        return f"{head} -> ERROR: {offered}\n"
    keys = sorted({*offered, *(key for key, api in APIS.items() if api.is_for_brokers)})
    lines = ",\n".join(f"\t{_line(key, offered.get(key))}" for key in keys)
    return f"{head} -> (\n{lines}\n)\n"


def usable_version(key: int, offered: VersionRange) -> int | None:
    """The newest version that a broker and Kafka 3.9 share; None where there is none, or no such API in 3.9."""
    if key not in APIS or offered.min > APIS[key].newest:
        return None
    return min(offered.max, APIS[key].newest)


def _line(key: int, offered: VersionRange | None) -> str:
    name = f"{api_name(key)}({key})" if key in APIS else api_name(key)
    if offered is None:
        return f"{name}: UNSUPPORTED"
    versions = str(offered.min) if offered.min == offered.max else f"{offered.min} to {offered.max}"
    if key not in APIS:
        return f"{name}: {versions}"
    usable = usable_version(key, offered)
    return f"{name}: {versions} [{'unusable: node too new' if usable is None else f'usable: {usable}'}]"
