"""Loggers of this broker as a resource (KIP-412): their levels are shown and changed while it runs.

Tools know Kafka's loggers by name, so those names are used for the parts of this broker that do the same; our own are
listed with them. A level that is set stays until the broker stops.

source  kafka.utils.Log4jController
"""

import logging
from collections.abc import Iterable

from pykafka_cli.broker.errors import InvalidConfig, InvalidRequest
from pykafka_cli.broker.metadata.config_changes import ConfigOperation
from pykafka_cli.broker.metadata.config_descriptions import UNKNOWN_TYPE, ConfigEntry, ConfigSource
from pykafka_cli.model import AlterConfigOp

ROOT = "root"

KAFKA_LOGGERS = {
    "kafka": "pykafka_cli",
    "kafka.authorizer.logger": "kafka.authorizer.logger",
    "kafka.cluster.Partition": "pykafka_cli.broker.replication.partition",
    "kafka.controller": "pykafka_cli.broker.controller",
    "kafka.controller.KafkaController": "pykafka_cli.broker.controller.controller",
    "kafka.coordinator.group.GroupCoordinator": "pykafka_cli.broker.coordinator.group",
    "kafka.coordinator.transaction": "pykafka_cli.broker.coordinator.transaction",
    "kafka.log.LogCleaner": "pykafka_cli.broker.log.cleaner",
    "kafka.log.LogManager": "pykafka_cli.broker.log.log_manager",
    "kafka.network.RequestChannel$": "pykafka_cli.broker.network",
    "kafka.network.SocketServer": "pykafka_cli.broker.network.connection",
    "kafka.request.logger": "kafka.request.logger",
    "kafka.server.KafkaApis": "pykafka_cli.broker.dispatch",
    "kafka.server.KafkaServer": "pykafka_cli.broker.server",
    "kafka.server.ReplicaManager": "pykafka_cli.broker.replication.replica_manager",
    "kafka.zookeeper.ZooKeeperClient": "pykafka_cli.zookeeper.client",
    "org.apache.zookeeper": "kazoo",
    "state.change.logger": "pykafka_cli.broker.controller",
}

TRACE = 5
LEVELS = {
    "TRACE": TRACE,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
logging.addLevelName(TRACE, "TRACE")


def _loggers() -> dict[str, logging.Logger]:
    own = [name for name in logging.root.manager.loggerDict if name.startswith("pykafka_cli.")]
    named = KAFKA_LOGGERS | {name: name for name in own}
    return {ROOT: logging.root} | {shown: logging.getLogger(name) for shown, name in sorted(named.items())}


def _level(logger: logging.Logger) -> str:
    level = logger.getEffectiveLevel()
    return next((name for name, number in LEVELS.items() if level <= number), "FATAL")


def describe_loggers() -> list[ConfigEntry]:
    """Every logger and its level, its own or the one it inherits."""
    return [
        ConfigEntry(
            name,
            _level(logger),
            ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG,
            is_sensitive=False,
            read_only=False,
            synonyms=(),
            type=UNKNOWN_TYPE,
            doc=None,
        )
        for name, logger in _loggers().items()
    ]


def alter_loggers(operations: Iterable[ConfigOperation], *, validate_only: bool) -> None:
    """Set levels, or (DELETE) let a logger inherit its level again. All or none.

    raises  InvalidConfig, InvalidRequest
    """
    loggers = _loggers()
    changes: list[tuple[logging.Logger, int]] = []
    for name, operation, value in operations:
        if operation in (AlterConfigOp.APPEND, AlterConfigOp.SUBTRACT):
            raise InvalidRequest(f"{operation.name} operation is not allowed for the BROKER_LOGGER resource")
        if name not in loggers:
            raise InvalidConfig(f"Logger {name} does not exist!")
        if operation is AlterConfigOp.DELETE:
            if name == ROOT:
                raise InvalidRequest(f"Removing the log level of the {ROOT} logger is not allowed")
            changes.append((loggers[name], logging.NOTSET))
        elif value not in LEVELS:
            raise InvalidConfig(
                f"Cannot set the log level of {name} to {value} as it is not a supported log level. "
                f"Valid log levels are {', '.join(sorted(LEVELS))}"
            )
        else:
            changes.append((loggers[name], LEVELS[value]))
    if not validate_only:
        for logger, level in changes:
            logger.setLevel(level)
