"""Decides what AlterConfigs and IncrementalAlterConfigs may change, and the resulting config. Pure.

source  kafka.server.ConfigAdminManager, ZkAdminManager, DynamicBrokerConfig
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pykafka_cli.broker.errors import InvalidConfig, InvalidRequest
from pykafka_cli.model import AlterConfigOp
from pykafka_cli.properties.broker import BrokerSettings, key_of
from pykafka_cli.properties.keys import LIST, BadProperty, ConfigError, Key, Type, UpdateMode
from pykafka_cli.properties.topic import TopicConfig

_LISTENER_KEY = re.compile(r"listener\.name\.[^.]*\.(.*)")


class ConfigOperation(NamedTuple):
    name: str
    operation: AlterConfigOp
    value: str | None


def ensure_no_nulls(operations: Iterable[ConfigOperation]) -> None:
    """Every operation but a deletion needs a value."""
    nulls = [each.name for each in operations if each.value is None and each.operation is not AlterConfigOp.DELETE]
    if nulls:
        raise InvalidRequest(f"Null value not supported for : {', '.join(nulls)}")


def altered(
    current: Mapping[str, str], operations: Iterable[ConfigOperation], key_of: Callable[[str], Key[object] | None]
) -> dict[str, str]:
    """The config after the operations. APPEND and SUBTRACT start from the key's default where it is not set.

    raises  InvalidConfig for APPEND and SUBTRACT on what is no list
    """
    config = dict(current)
    for name, operation, value in operations:
        if operation is AlterConfigOp.SET:
            config[name] = value or ""
        elif operation is AlterConfigOp.DELETE:
            config.pop(name, None)
        else:
            config[name] = ",".join(_list_after(config, name, operation, value or "", key_of(name)))
    return config


def _list_after(
    config: Mapping[str, str], name: str, operation: AlterConfigOp, value: str, key: Key[object] | None
) -> list[str]:
    if key is None:
        raise InvalidConfig(f"Unknown config name: {name}")
    if key.type is not LIST:
        raise InvalidConfig(f"Config value {operation.name.lower()} is not allowed for config key: {name}")
    text = config.get(name, key.format(key.default) or "")
    old = [element for element in text.split(",") if element]
    elements = value.split(",")
    if operation is AlterConfigOp.APPEND:
        return old + [element for element in elements if element not in old]
    return [element for element in old if element not in elements]


def ensure_valid_for_topic(settings: BrokerSettings, topic: str, overrides: Mapping[str, str]) -> None:
    """Raise InvalidConfig, in Kafka's words, unless a topic may have these overrides."""
    try:
        TopicConfig.resolve(settings, overrides)
    except BadProperty as error:
        raise InvalidConfig(
            f"Invalid config value for resource ConfigResource(type=TOPIC, name='{topic}'): {error}"
        ) from None
    except ConfigError as error:
        raise InvalidConfig(str(error)) from None


def ensure_valid_for_broker(
    settings: BrokerSettings,
    config: Mapping[str, str],
    *,
    per_broker: bool,
    others: Mapping[str, str],
    ensure_usable: Callable[[], None] = lambda: None,
) -> None:
    """Raise InvalidRequest unless these may become dynamic settings.

    per_broker       whether they are for one broker, not the defaults of all
    others           the dynamic settings of the other kind, which hold in addition
    ensure_usable    raises ConfigError unless this broker can use its settings, to which these belong for the moment
    """
    _refuse("Cannot update these configs dynamically", [name for name in config if is_static(name)])
    _refuse(
        "These security configs can be dynamically updated only per-listener using the listener prefix",
        [name for name in config if _is_per_broker(name) and name.startswith("ssl.")],
        collection="HashSet",
    )
    try:
        for name, value in config.items():
            key = key_of(name)
            if key is not None:
                key.parse(value)
                _ensure_no_secret(key, settings)
        if not per_broker:
            _refuse(
                "Cannot update these configs at default cluster level, broker id must be specified",
                [name for name in config if _is_per_broker(name)],
            )
        settings.check_dynamic(others if per_broker else config, config if per_broker else others, ensure_usable)
    except ConfigError as error:
        raise InvalidRequest(str(error)) from None


def _refuse(reason: str, names: list[str], collection: str = "Set") -> None:
    """`collection` is what Scala calls the one that Kafka prints here."""
    if names:
        raise InvalidRequest(f"{reason}: {collection}({', '.join(names)})")


def is_static(name: str) -> bool:
    """Whether a running broker takes no other value for this key."""
    key = BrokerSettings.KEYS.get(name)
    return key is not None and key.read_only


def _is_per_broker(name: str) -> bool:
    key = BrokerSettings.KEYS.get(name)
    if key is not None:
        return key.update is UpdateMode.PER_BROKER
    own = _LISTENER_KEY.fullmatch(name)
    base = BrokerSettings.KEYS.get(own[1]) if own else None
    return own is not None and (base is None or base.update is not UpdateMode.CLUSTER_WIDE)


def is_secret(name: str) -> bool:
    """Whether a key holds a password, for one listener and mechanism as well."""
    key = key_of(name)
    return key is not None and key.type is Type.PASSWORD


def _ensure_no_secret(key: Key[object], settings: BrokerSettings) -> None:
    # Kafka would store it encrypted with password.encoder.secret; in clear text everybody could read it in ZooKeeper.
    if is_secret(key.name):
        raise InvalidRequest(
            "Password encoder secret not configured"
            if "password.encoder.secret" not in settings.originals
            else f"{key.name} can be set in server.properties only, as this broker does not encrypt it"
        )
