"""The limits of connections, without connections."""

import pytest

from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper.server.connection_limits import ConnectionLimits
from pykafka_cli.zookeeper.server.statistics import ServerStatistics

MIB = 1024 * 1024


class Client:
    """A connection that notes how it ends."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.is_aborted = False

    def end(self, reason: str) -> None:
        self.reason = reason

    def abort(self) -> None:
        self.is_aborted = True


def limits(**settings: str) -> tuple[ConnectionLimits, ServerStatistics]:
    statistics = ServerStatistics()
    given = {"dataDir": "/d", "clientPort": "0"} | settings
    properties = [Property(key, text, line) for line, (key, text) in enumerate(given.items(), start=1)]
    return ConnectionLimits(ZooKeeperSettings(properties), statistics), statistics


def test_one_address_has_a_limit_and_others_have_their_own() -> None:
    held, statistics = limits(maxClientCnxns="1")

    assert held.add("10.0.0.1") is None
    assert "maxClientCnxns=1" in str(held.add("10.0.0.1"))
    assert held.add("10.0.0.2") is None
    assert statistics.refused_connections == 1


def test_all_addresses_have_a_limit_together() -> None:
    held, statistics = limits(maxCnxns="2")

    assert [held.add(f"10.0.0.{each}") is None for each in (1, 2, 3)] == [True, True, False]
    assert statistics.refused_connections == 1


@pytest.mark.parametrize("limit", ["maxClientCnxns", "maxCnxns"])
def test_a_closed_connection_makes_room(limit: str) -> None:
    held, _ = limits(**{limit: "1"})
    held.add("10.0.0.1")

    held.remove("10.0.0.1")

    assert held.add("10.0.0.1") is None


def test_the_connection_that_holds_most_is_closed_if_all_hold_too_much() -> None:
    held, _ = limits()
    greedy, modest = Client(), Client()

    held.hold(greedy, 20 * MIB)
    held.hold(modest, 13 * MIB)

    assert greedy.is_aborted
    assert "holds the most" in str(greedy.reason)
    assert not modest.is_aborted
    assert held.held_bytes == 13 * MIB


def test_connections_that_hold_little_do_not_count() -> None:
    held, _ = limits()

    for _each in range(1000):
        held.hold(Client(), 64 * 1024)

    assert held.held_bytes == 0
