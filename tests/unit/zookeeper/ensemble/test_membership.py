from pathlib import Path

import pytest

from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper.ensemble.configuration import Address
from pykafka_cli.zookeeper.ensemble.membership import Membership, read_membership, role_differs

THREE = "server.1=zk1:2888:3888\nserver.2=zk2:2888:3888\nserver.3=zk3:2888:3888:observer\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/myid").write_text("2\n")
    return tmp_path


def read(home: Path, text: str = f"clientPort=2181\n{THREE}") -> Membership:
    file = home / "zoo.cfg"
    file.write_text(f"dataDir={home / 'data'}\n{text}")
    return read_membership(ZooKeeperSettings(read_properties(file.read_bytes())), file)


def test_lines_and_myid_say_who_a_server_is(home: Path) -> None:
    membership = read(home)

    assert membership.is_distributed
    assert (membership.my_id, membership.me.election_address) == (2, ("zk2", 3888))
    assert (membership.configuration.voters, membership.configuration.observers) == ({1, 2}, {3})


def test_its_own_port_for_clients_is_known_but_not_told(home: Path) -> None:
    membership = read(home)

    assert membership.me.client == Address("0.0.0.0", 2181)
    assert str(membership.configuration).splitlines()[1] == "server.2=zk2:2888:3888:participant"


def test_the_address_for_clients_in_its_line_is_taken(home: Path) -> None:
    membership = read(home, "server.1=zk1:1:2;1.1.1.1:7\nserver.2=zk2:1:2;2.2.2.2:8")

    assert (membership.settings.client_port, membership.settings.client_port_address) == (8, "2.2.2.2")
    assert not membership.me.client_is_own


@pytest.mark.parametrize("given", ["clientPort=8", "clientPort=8\nclientPortAddress=0.0.0.0"])
def test_the_same_port_may_be_given_twice(home: Path, given: str) -> None:
    membership = read(home, f"{given}\nserver.1=zk1:1:2;7\nserver.2=zk2:1:2;8")

    assert (membership.settings.client_port, membership.settings.client_port_address) == (8, None)


def test_servers_may_be_in_a_file_of_their_own(home: Path) -> None:
    dynamic = home / "zoo.cfg.dynamic.10000000d"
    dynamic.write_text(f"{THREE}server.4=zk4:2888:3888;2184")

    membership = read(home, f"clientPort=2181\ndynamicConfigFile={dynamic}")

    assert (membership.configuration.version, membership.dynamic_file) == (0x10000000D, dynamic)
    assert membership.configuration.voters == {1, 2, 4}
    assert membership.last_seen is None


@pytest.mark.parametrize("name", ["zoo.cfg.dynamic", "servers"])
def test_a_file_without_a_version_has_version_0(home: Path, name: str) -> None:
    (home / name).write_text(THREE)

    assert read(home, f"clientPort=1\ndynamicConfigFile={home / name}").configuration.version == 0


def test_a_configuration_that_was_only_proposed_is_remembered(home: Path) -> None:
    (home / "zoo.cfg.dynamic.0").write_text(THREE)
    (home / "zoo.cfg.dynamic.next").write_text(f"{THREE}version=100000009")

    membership = read(home, f"clientPort=1\ndynamicConfigFile={home / 'zoo.cfg.dynamic.0'}")

    assert (membership.configuration.version, membership.last_seen.version) == (0, 0x100000009)


@pytest.mark.parametrize("text", ["clientPort=1", "clientPort=1\nserver.2=zk2:1:2", "server.2=zk2:1:2;1"])
def test_a_server_without_others_is_standalone(home: Path, text: str) -> None:
    membership = read(home, text)

    assert (membership.is_distributed, membership.settings.client_port) == (False, 1)


def test_a_server_without_others_may_be_an_ensemble_of_one(home: Path) -> None:
    assert read(home, "clientPort=1\nstandaloneEnabled=false\nserver.2=zk2:1:2").is_distributed


def test_a_role_that_contradicts_the_line_is_noticed(home: Path) -> None:
    assert not role_differs(read(home))
    assert role_differs(read(home, f"clientPort=1\npeerType=observer\n{THREE}"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("clientPort=1\nstandaloneEnabled=false", "no line server.N names a participant"),
        ("clientPort=1\nserver.1=a:1:2\nserver.2=b:1:2:observer", "fewer than two participants"),
        ("clientPort=1\nserver.1=a:1:2:observer\nserver.2=b:1:2:observer", "fewer than two participants"),
        ("clientPort=1\nserver.1=a:1:2\nserver.3=b:1:2", "myid is 2, but there is no line server.2 among 1, 3"),
        (f"clientPort=1\n{THREE}weight.1=2", "weight.1: all participants"),
        (f"clientPort=1\n{THREE}group.1=1:2:3", "group.1: all participants"),
        ("server.1=a:1:2\nserver.2=b:1:2", "clientPort is not set"),
        ("clientPort=9\nserver.1=a:1:2\nserver.2=b:1:2;8", "clientPort is 0.0.0.0:9, .* connect to 0.0.0.0:8"),
        (f"clientPort=1\ndynamicConfigFile=x\n{THREE}", "such lines must be in that file, x"),
        ("clientPort=1\ndynamicConfigFile=nowhere", "dynamicConfigFile nowhere cannot be read: No such file"),
    ],
)
def test_what_cannot_be_is_rejected(home: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(home, text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("server.1=a:1:2\nserver.2=b:1", "zoo.cfg.dynamic.7, line 2: .* not of the form"),
        ("server.1=a:1:2\nweight.1=2", "zoo.cfg.dynamic.7, line 2: .* one vote each"),
        ("version=7", "zoo.cfg.dynamic.7, line 1: .* only server.N lines"),
        ("server.1=\\uzzzz", "zoo.cfg.dynamic.7: line 1: malformed"),
    ],
)
def test_a_bad_line_of_the_dynamic_file_is_named(home: Path, text: str, why: str) -> None:
    (home / "zoo.cfg.dynamic.7").write_text(text)

    with pytest.raises(ConfigError, match=why):
        read(home, f"clientPort=1\ndynamicConfigFile={home / 'zoo.cfg.dynamic.7'}")


@pytest.mark.parametrize(
    ("content", "why"), [(None, "myid is missing; write the N"), (b"two", "but contains 'two'"), (b"\xff", "cannot")]
)
def test_a_server_that_does_not_know_its_id_is_told(home: Path, content: bytes | None, why: str) -> None:
    myid = home / "data/myid"
    myid.unlink() if content is None else myid.write_bytes(content)

    with pytest.raises(ConfigError, match=why):
        read(home)


def test_a_bad_proposed_configuration_is_named(home: Path) -> None:
    (home / "zoo.cfg.dynamic.0").write_text(THREE)
    (home / "zoo.cfg.dynamic.next").write_text("server.1=a")

    with pytest.raises(ConfigError, match=r"zoo.cfg.dynamic.next: .* not of the form"):
        read(home, f"clientPort=1\ndynamicConfigFile={home / 'zoo.cfg.dynamic.0'}")
