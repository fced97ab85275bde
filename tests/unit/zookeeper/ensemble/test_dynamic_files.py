import logging
from pathlib import Path

import pytest

from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.dynamic_files import DynamicFiles
from pykafka_cli.zookeeper.ensemble.membership import Membership, read_membership
from tests.support.recorded_directories import unpacked
from tests.support.vectors import VECTORS

STATIC = """\
# the third of us
dataDir={home}/data
tickTime=500
server.1=zk1:2888:3888;2181
server.2=zk2:2888:3888;2182
server.3=zk3:2888:\\
  3888;2183
clientPort=2183

# the last line
reconfigEnabled=true
"""
NEWER = EnsembleConfiguration.parse(
    "server.3=zk3:2888:3888;2183\nserver.10=zk10:2888:3888;2190\nserver.2=zk2:2888:3888:observer;2182\nversion=10000000d"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/myid").write_text("3")
    (tmp_path / "zoo.cfg").write_text(STATIC.format(home=tmp_path))
    return tmp_path


def read(home: Path) -> Membership:
    file = home / "zoo.cfg"
    return read_membership(ZooKeeperSettings(read_properties(file.read_bytes())), file)


def test_the_servers_move_to_a_file_of_their_own_and_comments_stay(home: Path) -> None:
    files = DynamicFiles(read(home))
    files.back_up()

    files.commit(NEWER)

    dynamic = home / "zoo.cfg.dynamic.10000000d"
    assert (home / "zoo.cfg").read_text() == (
        f"# the third of us\ndataDir={home}/data\ntickTime=500\n\n# the last line\nreconfigEnabled=true\n"
        f"dynamicConfigFile={dynamic}\n"
    )
    assert dynamic.read_text() == (
        "server.10=zk10:2888:3888:participant;0.0.0.0:2190\nserver.2=zk2:2888:3888:observer;0.0.0.0:2182\n"
        "server.3=zk3:2888:3888:participant;0.0.0.0:2183"
    )
    assert (home / "zoo.cfg.bak").read_text() == STATIC.format(home=home)


def test_a_restart_finds_the_configuration(home: Path) -> None:
    DynamicFiles(read(home)).commit(NEWER)

    again = read(home)

    assert (again.configuration.version, again.configuration.voters, again.configuration.observers) == (
        0x10000000D,
        {3, 10},
        {2},
    )
    assert again.settings.client_port == 2183


def test_a_second_change_replaces_the_name_and_not_the_backup(home: Path) -> None:
    DynamicFiles(read(home)).back_up()
    DynamicFiles(read(home)).commit(NEWER)
    backup = (home / "zoo.cfg.bak").read_text()
    (home / "zoo.cfg.dynamic.next").write_text("version=1")

    files = DynamicFiles(read(home))
    files.back_up()
    files.commit(NEWER.with_version(0x200000001))

    assert (home / "zoo.cfg").read_text().count("dynamicConfigFile=") == 1
    assert read(home).configuration.version == 0x200000001
    assert (home / "zoo.cfg.bak").read_text() == backup
    assert not (home / "zoo.cfg.dynamic.next").exists()


def test_a_port_of_its_own_stays_in_its_file(home: Path) -> None:
    DynamicFiles(read(home)).commit(EnsembleConfiguration.parse("server.3=zk3:1:2\nserver.2=zk2:1:2\nversion=9"))

    assert "clientPort=2183\n" in (home / "zoo.cfg").read_text()


def test_nothing_is_written_unless_reconfigurations_are_allowed(home: Path) -> None:
    file = home / "zoo.cfg"
    file.write_text(file.read_text().replace("reconfigEnabled=true", "reconfigEnabled=false"))
    before = sorted(path.name for path in home.iterdir())

    files = DynamicFiles(read(home))
    files.back_up()
    files.commit(NEWER)

    assert sorted(path.name for path in home.iterdir()) == before


def test_a_directory_that_cannot_be_written_is_logged(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = DynamicFiles(read(home))
    (home / "zoo.cfg.dynamic.10000000d").mkdir()

    with caplog.at_level(logging.ERROR):
        files.commit(NEWER)

    assert "cannot be written to" in caplog.text


def test_the_dynamic_file_is_apaches_byte_for_byte(home: Path) -> None:
    unpacked("reconfig-1-added", home, archives=VECTORS / "zab/disk")
    theirs = (home / "1/zoo.cfg.dynamic.10000000d").read_text()

    assert EnsembleConfiguration.parse(theirs).file_text() == theirs
