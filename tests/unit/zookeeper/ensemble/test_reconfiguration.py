import pytest

from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.reconfiguration import reconfigured
from pykafka_cli.zookeeper.protocol.errors import BadArguments, BadVersion, NewConfigNoQuorum
from pykafka_cli.zookeeper.protocol.requests import ReconfigRequest

CURRENT = EnsembleConfiguration.parse(
    "\n".join(f"server.{each}=host{each}:2888:3888:participant;0.0.0.0:2181" for each in (1, 2, 3))
    + "\nversion=100000000"
)
FOURTH = "server.4=host4:2888:3888:observer;2181"


def change(
    joining: str | None = None, leaving: str | None = None, members: str | None = None, version: int = -1
) -> EnsembleConfiguration:
    return reconfigured(CURRENT, ReconfigRequest(joining, leaving, members, version), {1, 2, 3})


def test_servers_join_leave_and_change() -> None:
    changed = change(f"{FOURTH},server.2=host2:2889:3889;2181", "3", version=1 << 32)

    assert changed.voters == {1, 2}
    assert changed.observers == {4}
    assert changed.servers[2].quorum_port == 2889


def test_a_whole_new_list_takes_the_place_of_the_old_one() -> None:
    changed = change(members="server.1=host1:2888:3888;2181\nserver.2=host2:2888:3888;2181\nversion=5")

    assert changed.voters == {1, 2}


@pytest.mark.parametrize(
    ("joining", "leaving", "why"),
    [
        ("server.4=host4:2888:3888", None, "server 4 has no port for clients"),
        ("server.4", None, "server.4 is not of the form"),
        ("weight.4=1", None, "may only have lines server.N="),
        ("server.4=host4:x:3888;2181", None, "the new configuration is invalid: .*x is not a port"),
        ("server.4=host3:2888:3889;2182", None, "server 4 has an address of server 3"),
        (None, "three", "three is not the id of a server"),
        (None, "1,2", "the new configuration has 1 participants; there must be 2"),
    ],
)
def test_what_is_no_configuration_is_refused(joining: str | None, leaving: str | None, why: str) -> None:
    with pytest.raises(BadArguments, match=why):
        change(joining, leaving)


def test_somebody_else_was_faster() -> None:
    with pytest.raises(BadVersion, match="has version 100000000, not 7"):
        change(leaving="3", version=7)


def test_a_majority_of_the_new_servers_must_be_up_to_date() -> None:
    with pytest.raises(NewConfigNoQuorum, match=r"only \[1\] are up to date"):
        reconfigured(CURRENT, ReconfigRequest(None, "3", None, -1), {1, 3})
