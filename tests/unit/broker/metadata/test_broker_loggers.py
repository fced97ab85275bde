"""The broker's loggers as a resource."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import pykafka_cli
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.metadata.broker_loggers import KAFKA_LOGGERS, alter_loggers, describe_loggers
from pykafka_cli.broker.metadata.config_changes import ConfigOperation
from pykafka_cli.model import AlterConfigOp

APIS = logging.getLogger(KAFKA_LOGGERS["kafka.server.KafkaApis"])


@pytest.fixture(autouse=True)
def levels_as_they_were() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in KAFKA_LOGGERS.values()}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def level_of(name: str) -> str | None:
    return next((entry.value for entry in describe_loggers() if entry.name == name), None)


def test_a_logger_has_kafkas_name_and_kafkas_level() -> None:
    alter_loggers([ConfigOperation("kafka.server.KafkaApis", AlterConfigOp.SET, "WARN")], validate_only=False)

    assert level_of("kafka.server.KafkaApis") == "WARN"
    assert APIS.level == logging.WARNING


def test_a_logger_inherits_again_when_its_level_is_deleted() -> None:
    alter_loggers([ConfigOperation("kafka.server.KafkaApis", AlterConfigOp.SET, "TRACE")], validate_only=False)
    alter_loggers([ConfigOperation("kafka.server.KafkaApis", AlterConfigOp.DELETE, None)], validate_only=False)

    assert APIS.level == logging.NOTSET


def test_checking_changes_nothing() -> None:
    alter_loggers([ConfigOperation("kafka.server.KafkaApis", AlterConfigOp.SET, "FATAL")], validate_only=True)

    assert APIS.level != logging.CRITICAL


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (ConfigOperation("kafka.no.such", AlterConfigOp.SET, "INFO"), "Logger kafka.no.such does not exist!"),
        (ConfigOperation("root", AlterConfigOp.SET, "LOUD"), "Cannot set the log level of root to LOUD"),
        (
            ConfigOperation("root", AlterConfigOp.DELETE, None),
            "Removing the log level of the root logger is not allowed",
        ),
        (ConfigOperation("root", AlterConfigOp.APPEND, "INFO"), "APPEND operation is not allowed"),
    ],
)
def test_what_cannot_be_done_to_a_logger_is_said_and_nothing_is_done(operation: ConfigOperation, message: str) -> None:
    good = ConfigOperation("kafka.server.KafkaApis", AlterConfigOp.SET, "FATAL")

    with pytest.raises(BrokerError, match=message):
        alter_loggers([good, operation], validate_only=False)
    assert APIS.level != logging.CRITICAL


def test_every_logger_has_something_to_say() -> None:
    """Each of Kafka's names stands for code of ours that logs, or for a name that code of ours logs by."""
    package = Path(pykafka_cli.__file__).parent

    def logs(name: str) -> bool:
        if name.partition(".")[0] != "pykafka_cli":
            return name == "kazoo" or any(f'getLogger("{name}")' in file.read_text() for file in package.rglob("*.py"))
        place = package.joinpath(*name.split(".")[1:])
        files = [place.with_suffix(".py")] if place.with_suffix(".py").exists() else list(place.rglob("*.py"))
        return any("_log." in file.read_text() for file in files)

    assert [name for name in KAFKA_LOGGERS.values() if not logs(name)] == []
