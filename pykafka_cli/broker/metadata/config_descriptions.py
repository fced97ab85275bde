"""Configs as DescribeConfigs shows them: value, where it comes from, and the synonyms.

A value's synonyms are all places that say something about it, the strongest first; the first one is its source. For a
topic's retention.ms: its own override, then log.retention.ms as a dynamic setting of this broker, of all brokers, in
server.properties, and its default. log.retention.hours counts only where it is used for the key itself.

source  kafka.server.ConfigHelper
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from pykafka_cli.broker.metadata.dynamic_configs import DynamicConfigs
from pykafka_cli.properties.broker import BrokerSettings, key_of, synonyms
from pykafka_cli.properties.keys import Key
from pykafka_cli.properties.topic import TOPIC_KEYS, TopicConfig


class ConfigSource(IntEnum):
    """Where a value was set, as the protocol counts it."""

    TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_BROKER_LOGGER_CONFIG = 6


UNKNOWN_TYPE = 0


class Synonym(NamedTuple):
    name: str
    value: str | None
    source: ConfigSource


class ConfigEntry(NamedTuple):
    """One line of a description. `value` is None where it is null or secret; `type` as the protocol counts types."""

    name: str
    value: str | None
    source: ConfigSource
    is_sensitive: bool
    read_only: bool
    synonyms: tuple[Synonym, ...]
    type: int
    doc: str | None


def describe_topic(configs: DynamicConfigs, topic: str, overrides: Mapping[str, str]) -> list[ConfigEntry]:
    """Every key of a topic with these overrides."""
    config = configs.resolve(topic, overrides)
    return [_topic_entry(configs, config, overrides, key) for key in TOPIC_KEYS.values() if not key.internal]


def _topic_entry(
    configs: DynamicConfigs, config: TopicConfig, overrides: Mapping[str, str], key: Key[object]
) -> ConfigEntry:
    value = key.format(config[key.name])
    synonyms = _broker_synonyms(configs, key.fallback, sensitive=False) if key.fallback else []
    if key.name in overrides:
        synonyms.insert(0, Synonym(key.name, value, ConfigSource.TOPIC_CONFIG))
    return ConfigEntry(key.name, value, _source(synonyms), False, False, tuple(synonyms), key.type.value, key.doc)


def describe_broker(configs: DynamicConfigs) -> list[ConfigEntry]:
    """Every setting of this broker, and whatever else was given to it."""
    given = configs.settings.originals | configs.cluster_wide | configs.this_broker
    shown = [name for name, key in BrokerSettings.KEYS.items() if not key.internal]
    names = dict.fromkeys([*shown, *sorted(given.keys() - set(shown))])
    return [_broker_entry(configs, name, given.get(name), per_broker=True) for name in names]


def describe_broker_defaults(configs: DynamicConfigs) -> list[ConfigEntry]:
    """The dynamic settings of all brokers."""
    return [
        _broker_entry(configs, name, value, per_broker=False) for name, value in sorted(configs.cluster_wide.items())
    ]


def _broker_entry(configs: DynamicConfigs, name: str, given: str | None, *, per_broker: bool) -> ConfigEntry:
    key = key_of(name)
    # What a key nobody knows holds may be a plug-in's secret.
    is_sensitive = key is None or key.sensitive
    value = given
    if per_broker and name in BrokerSettings.KEYS:
        value = BrokerSettings.KEYS[name].format(configs.settings[name])
    synonyms = [
        synonym
        for synonym in _broker_synonyms(configs, name, sensitive=is_sensitive)
        if per_broker or synonym.source is ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG
    ]
    return ConfigEntry(
        name,
        None if is_sensitive else value,
        _source(synonyms),
        is_sensitive,
        name not in BrokerSettings.KEYS or BrokerSettings.KEYS[name].read_only,
        tuple(synonyms),
        UNKNOWN_TYPE if key is None else key.type.value,
        None if key is None else key.doc,
    )


def _broker_synonyms(configs: DynamicConfigs, name: str, *, sensitive: bool) -> list[Synonym]:
    names = synonyms(name)
    found: list[Synonym] = []
    for source, values in (
        (ConfigSource.DYNAMIC_BROKER_CONFIG, configs.this_broker),
        (ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG, configs.cluster_wide),
        (ConfigSource.STATIC_BROKER_CONFIG, configs.settings.originals),
    ):
        found += [Synonym(n, None if sensitive else values[n], source) for n in names if n in values]
    found += [
        Synonym(n, None if sensitive else default, ConfigSource.DEFAULT_CONFIG)
        for n in names
        if (default := _default(n)) is not None
    ]
    while found and found[0].name != name:  # a fallback that nothing about the key itself precedes
        del found[0]
    return found


def _default(name: str) -> str | None:
    key = BrokerSettings.KEYS.get(name)
    return key.format(key.default) if key is not None else None


def _source(synonyms: Iterable[Synonym]) -> ConfigSource:
    return next((synonym.source for synonym in synonyms), ConfigSource.DEFAULT_CONFIG)
