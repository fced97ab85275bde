import pytest

from pykafka_cli.properties.keys import BadProperty
from pykafka_cli.zookeeper.ensemble.configuration import (
    Address,
    EnsembleConfiguration,
    EnsembleServer,
    InvalidConfiguration,
)
from tests.support.zab_recordings import SCENARIOS, frames


def of_three(version: int = 0, observers: tuple[int, ...] = ()) -> EnsembleConfiguration:
    lines = [f"server.{n}=zk{n}:2888:3888{':observer' if n in observers else ''}" for n in (1, 2, 3)]
    return EnsembleConfiguration.parse("\n".join([*lines, f"version={version:x}"]))


def test_every_recorded_configuration_is_read_and_written_byte_for_byte() -> None:
    heard = [frame for scenario in SCENARIOS for frame in frames(scenario, "election", "notification")]
    texts = {frame["d"]["config"] for frame in heard}

    assert len(texts) == 5
    assert {str(EnsembleConfiguration.parse(text)) for text in texts} == texts


def test_a_line_says_where_a_server_is_and_what_it_is() -> None:
    server = EnsembleServer.parse(4, "zk4.example:2888:3888:observer;10.0.0.4:2181")

    assert (server.quorum_address, server.election_address) == (("zk4.example", 2888), ("zk4.example", 3888))
    assert (server.is_observer, server.client) == (True, Address("10.0.0.4", 2181))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("zk1:2888:3888", "zk1:2888:3888:participant"),
        ("zk1:2888:3888:OBSERVER", "zk1:2888:3888:observer"),
        ("zk1:2888:3888;2181", "zk1:2888:3888:participant;0.0.0.0:2181"),
        ("zk1:+2888:03888;zk1:2181", "zk1:2888:3888:participant;zk1:2181"),
        ("[::1]:2888:3888;[fe80::00a1]:2181", "[0:0:0:0:0:0:0:1]:2888:3888:participant;[fe80:0:0:0:0:0:0:a1]:2181"),
    ],
)
def test_a_line_is_written_as_zookeeper_writes_it(text: str, written: str) -> None:
    assert str(EnsembleServer.parse(1, text)) == written


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "not of the form"),
        ("zk1", "not of the form"),
        (":2888:3888", "not of the form"),
        ("zk1:2888:3888:participant:5", "not of the form"),
        ("zk1:2888:3888;1;2", "not of the form"),
        ("zk1:2888:3888;a:b:1", "not of the form"),
        ("zk1:2888:x", "x is not a port"),
        ("zk1:2888:65536", "65536 is not a port"),
        ("zk1:2888:-1", "-1 is not a port"),
        ("zk1:2888:3888;", "nothing is not a port"),
        ("zk1:2888:3888:voter", "voter is neither participant nor observer"),
        ("zk1:2888:2888", "must be different"),
        ("zk1:1:2|zk2:1:2", "several addresses"),
        ("[::1:2888:3888", "no matching"),
    ],
)
def test_a_line_that_cannot_be_is_named(value: str, why: str) -> None:
    with pytest.raises(BadProperty, match=why) as refused:
        EnsembleConfiguration.parse(f"# all of them\nserver.7={value}")

    assert (refused.value.key, refused.value.line) == ("server.7", 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("server.x=a:1:2", "the id of a server is a number, not x"),
        ("server.-1=a:1:2", "not -1"),
        ("server.9223372036854775808=a:1:2", "the id of a server"),
        ("version=xyz", "version: xyz"),
        ("version=-1", "version: -1"),
        ("version=8000000000000000", "number of a version"),
        ("server.1=a:1:2\nweight.1=2", "weight.1: all participants have one vote each"),
        ("group.1=1:2", "group.1"),
        ("server.1=\\u12", "malformed"),
        ("server.1=\u20ac:1:2", "characters that no host name can have"),
    ],
)
def test_a_text_that_cannot_be_is_rejected(text: str, why: str) -> None:
    with pytest.raises((InvalidConfiguration, BadProperty), match=why):
        EnsembleConfiguration.parse(text)


def test_more_than_half_of_the_participants_are_a_quorum() -> None:
    three, two_and_an_observer = of_three(), of_three(observers=(3,))

    assert [three.is_quorum(ids) for ids in ((), (1,), (1, 3), (1, 2, 3))] == [False, False, True, True]
    assert [two_and_an_observer.is_quorum(ids) for ids in ((1, 3), (1, 2))] == [False, True]
    assert not three.is_quorum((1, 8, 9))


def test_nobody_is_no_quorum_of_nobody() -> None:
    assert not EnsembleConfiguration({}).is_quorum(())


def test_voters_and_observers_are_told_apart() -> None:
    configuration = of_three(observers=(2,))

    assert (configuration.voters, configuration.observers) == ({1, 3}, {2})


def test_a_configuration_gets_another_version() -> None:
    assert of_three().with_version(0x10) == of_three(0x10)


def test_servers_are_listed_as_java_iterates_over_them() -> None:
    lines = [f"server.{n}=h:1:2" for n in (17, 1, 16, 3)]

    text = str(EnsembleConfiguration.parse("\n".join(lines)))

    assert [line.partition("=")[0] for line in text.splitlines()[:-1]] == [
        "server.16",
        "server.17",
        "server.1",
        "server.3",
    ]


def test_a_dynamic_file_is_sorted_as_text_and_has_no_version() -> None:
    configuration = EnsembleConfiguration.parse("server.2=b:1:2;3\nserver.10=a:1:2\nversion=100000000")

    assert configuration.file_text() == "server.10=a:1:2:participant\nserver.2=b:1:2:participant;0.0.0.0:3"
