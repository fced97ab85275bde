"""What `pk graduate` writes for Apache Kafka."""

from pathlib import Path

import pytest

from pykafka_cli.graduation.kafka_files import write_files
from pykafka_cli.graduation.report import BrokerPart, Report
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property, read_properties
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from tests.support.logs import broker_settings

ZOOKEEPER = ZooKeeperSettings([Property("dataDir", "relative/zookeeper", 0), Property("clientPort", "2181", 0)])


def report(*brokers: BrokerSettings, notes: tuple[str, ...] = ()) -> Report:
    parts = [
        BrokerPart(number, tuple(str(Path(path).absolute()) for path in each.log_directories), 0, 0, True)
        for number, each in enumerate(brokers)
    ]
    return Report("c", tuple(parts), (), (), (), {}, notes)


def written(directory: Path, *brokers: BrokerSettings) -> dict[str, dict[str, str]]:
    """Keys and values of every properties file."""
    write_files(directory, ZOOKEEPER, brokers, report(*brokers))
    files = directory.glob("*.properties")
    return {file.name: {each.key: each.value for each in read_properties(file.read_bytes())} for file in files}


def test_settings_go_over_as_they_were_given(tmp_path: Path) -> None:
    given = {"broker_id": "0", "listeners": "PLAINTEXT://localhost:9092", "num_partitions": "3", "odd_key": "a = b\\ü"}

    files = written(tmp_path / "new", broker_settings(log_dirs="/logs", **given))

    assert files == {
        "zookeeper.properties": {
            "admin.enableServer": "false",
            "dataDir": str(Path("relative/zookeeper").absolute()),
            "clientPort": "2181",
        },
        "server.properties": {
            "zookeeper.connect": "localhost:2181",
            **{name.replace("_", "."): value for name, value in given.items()},
            "log.dirs": "/logs",
        },
    }


def test_paths_become_absolute(tmp_path: Path) -> None:
    settings = broker_settings(log_dirs="a,/b", ssl_keystore_location="keys/store.p12")

    (server,) = (each for name, each in written(tmp_path, settings).items() if name == "server.properties")

    assert server["log.dirs"] == f"{Path('a').absolute()},/b"
    assert server["ssl.keystore.location"] == str(Path("keys/store.p12").absolute())


def test_nobody_else_may_read_what_may_hold_passwords(tmp_path: Path) -> None:
    written(tmp_path / "new", broker_settings(log_dirs="/a", ssl_keystore_password="secret"))

    files = [file for file in (tmp_path / "new").rglob("*") if file.is_file()]
    assert (tmp_path / "new/server.properties") in files
    assert [file.name for file in files if file.stat().st_mode & 0o077] == []


def test_every_broker_has_a_file_of_its_own(tmp_path: Path) -> None:
    files = written(tmp_path, broker_settings(broker_id=0, log_dirs="/a"), broker_settings(broker_id=1, log_dirs="/b"))

    assert {name: each.get("log.dirs") for name, each in files.items()} == {
        "zookeeper.properties": None,
        "server-0.properties": "/a",
        "server-1.properties": "/b",
    }


def test_a_broker_that_got_its_id_from_zookeeper_gets_none_in_its_file(tmp_path: Path) -> None:
    """Ids above reserved.broker.max.id may not be given; meta.properties has it."""
    files = written(tmp_path, broker_settings(log_dirs="/a"))

    assert "broker.id" not in files["server.properties"]


@pytest.mark.parametrize("notes", [(), ("Broker 0 was not stopped cleanly.",)])
def test_the_commands_to_type_are_written_down(tmp_path: Path, notes: tuple[str, ...]) -> None:
    settings = broker_settings(log_dirs="/a", listeners="PLAINTEXT://:9192")

    *_, readme = write_files(tmp_path / "with space", ZOOKEEPER, [settings], report(settings, notes=notes))

    text = readme.read_text()
    assert f"bin/zookeeper-server-start.sh -daemon '{tmp_path}/with space/zookeeper.properties'" in text
    assert f"bin/kafka-server-start.sh -daemon '{tmp_path}/with space/server.properties'" in text
    assert "bin/kafka-topics.sh --bootstrap-server localhost:9192 --list" in text
    assert ("Notes:" in text) is bool(notes)
    assert all(f"* {note}" in text for note in notes)
