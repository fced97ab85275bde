"""Names and values of configs and client properties, for shell completion.

--config ret            retention.bytes= retention.ms=
--config cleanup.pol    cleanup.policy=compact cleanup.policy=delete
--add-config a=1,ret    a=1,retention.bytes= a=1,retention.ms=
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pykafka_cli.rules.config_arguments import IP_QUOTAS, QUOTAS, SCRAM_MECHANISMS

if TYPE_CHECKING:
    from pykafka_cli.properties.keys import Key

Values = Mapping[str, Sequence[str]]
"""Names, with their values if these are few."""


def assignments(values: Values, incomplete: str) -> list[str]:
    """Complete NAME=VALUE as far as known; what precedes the last comma is kept."""
    kept, comma, last = incomplete.rpartition(",")
    prefix = kept + comma
    name, equals, _ = last.partition("=")
    if equals:
        found: Iterable[str] = (f"{name}={value}" for value in values.get(name, ()))
    else:
        names = [each for each in values if each.startswith(last)]
        found = [f"{each}=" for each in names]
        if len(names) == 1 and values[names[0]]:
            found = [f"{names[0]}={value}" for value in values[names[0]]]
    return [prefix + each for each in found if each.startswith(last)]


def listed_names(values: Values, incomplete: str) -> list[str]:
    """Complete NAME,NAME; what precedes the last comma is kept."""
    kept, comma, last = incomplete.rpartition(",")
    return [kept + comma + name for name in values if name.startswith(last)]


def of_entities(params: Mapping[str, Any]) -> Values:
    """The configs of the entities that the options of `configs` name; without any, those of topics."""
    types = set(params.get("entity_type") or [])
    types |= {f"{name}s" for name in ("topic", "broker", "user", "client", "ip") if params.get(name)}
    found: dict[str, Sequence[str]] = {}
    if types & {"users", "clients"}:
        found |= dict.fromkeys(QUOTAS, ())
    if "users" in types:
        found |= dict.fromkeys(SCRAM_MECHANISMS, ())
    if "ips" in types:
        found |= dict.fromkeys(IP_QUOTAS, ())
    if "brokers" in types:
        from pykafka_cli.properties.broker import BrokerSettings

        found |= _values(each for each in BrokerSettings.KEYS.values() if not each.read_only)
    if "topics" in types or not types:
        from pykafka_cli.properties.topic import TOPIC_KEYS

        found |= _values(TOPIC_KEYS.values())
    return found


def of_consumer() -> Values:
    from pykafka_cli.properties.consumer import ConsumerSettings

    return _values(ConsumerSettings.KEYS.values())


def of_producer() -> Values:
    from pykafka_cli.properties.producer import ProducerSettings

    return _values(ProducerSettings.KEYS.values())


def _values(keys: "Iterable[Key[Any]]") -> Values:
    return {key.name: _choices(key) for key in keys if not key.internal}


def _choices(key: "Key[Any]") -> Sequence[str]:
    from pykafka_cli.properties.keys import BOOLEAN, EachOneOf

    if key.type is BOOLEAN:
        return ("false", "true")
    check = key.check.element if isinstance(key.check, EachOneOf) else key.check
    return tuple(getattr(check, "choices", ()))
