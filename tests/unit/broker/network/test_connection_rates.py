from typing import Any

import pytest

from pykafka_cli.broker.network.connection_rates import NOT_AT_ALL, ConnectionRates
from pykafka_cli.broker.network.limits import ConnectionLimits
from tests.fakes.clock import FakeClock
from tests.support.logs import broker_settings

HOST, OTHER = "10.0.0.7", "10.0.0.8"
LISTENER = "PLAINTEXT"
TWO = {
    "listeners": "PLAINTEXT://:0,CLIENTS://:0",
    "listener_security_protocol_map": "CLIENTS:PLAINTEXT,PLAINTEXT:PLAINTEXT",
}


def rates(**given: Any) -> ConnectionRates:
    return ConnectionRates(broker_settings(**given), FakeClock())


def test_without_limits_nobody_is_held() -> None:
    it = rates()

    assert {it.take(HOST, LISTENER) for _ in range(1000)} == {NOT_AT_ALL}


@pytest.mark.parametrize(
    "given", [{"max_connection_creation_rate": "2"}, {"listener_name_plaintext_max_connection_creation_rate": "2"}]
)
def test_more_connections_than_the_rate_allows_are_held_longer_and_longer(given: dict[str, str]) -> None:
    it = rates(**given)
    assert [it.take(HOST, LISTENER) for _ in range(20)] == [NOT_AT_ALL] * 20

    waits = [it.take(HOST, LISTENER) for _ in range(3)]

    assert [wait.is_closed for wait in waits] == [False] * 3
    assert [wait.wait for wait in waits] == pytest.approx([0.5, 1.0, 1.5])


def test_the_listener_of_brokers_is_not_slowed_down_by_those_of_clients() -> None:
    it = rates(**TWO, max_connection_creation_rate="1")
    assert [bool(it.take(HOST, "CLIENTS").wait) for _ in range(11)] == [False] * 10 + [True]

    assert {it.take(HOST, "PLAINTEXT") for _ in range(10)} == {NOT_AT_ALL}


def test_the_listener_of_brokers_does_not_fill_up() -> None:
    limits = ConnectionLimits(broker_settings(**TWO, max_connections="1"))

    assert limits.take(HOST, "CLIENTS") is None
    assert limits.take(HOST, "CLIENTS") == "max.connections=1"
    assert limits.take(HOST, "PLAINTEXT") is None


def test_an_address_has_its_own_rate_and_the_others_the_default() -> None:
    clock = FakeClock()
    it = ConnectionRates(broker_settings(), clock)
    it.configure(f"ips/{HOST}", {"connection_creation_rate": "2"})
    it.configure("ips/<default>", {"connection_creation_rate": "1"})

    assert sum(not it.take(HOST, LISTENER).is_closed for _ in range(50)) == 20
    assert sum(not it.take(OTHER, LISTENER).is_closed for _ in range(50)) == 10
    hold = it.take(HOST, LISTENER)
    assert (hold.wait, hold.is_closed) == (pytest.approx(0.5), True)
    clock.advance(11)
    assert it.take(HOST, LISTENER) == NOT_AT_ALL
    it.configure(f"ips/{HOST}", {})
    it.configure("ips/<default>", {})
    assert {it.take(HOST, LISTENER) for _ in range(100)} == {NOT_AT_ALL}


def test_what_is_no_address_changes_nothing() -> None:
    it = rates()
    it.configure("users/alice", {"connection_creation_rate": "1"})

    assert {it.take(HOST, LISTENER) for _ in range(100)} == {NOT_AT_ALL}
