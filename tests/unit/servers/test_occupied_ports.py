"""What an error says about a port that is in use."""

import pytest

from pykafka_cli.servers import occupied_ports
from pykafka_cli.servers.occupied_ports import hint_of
from pykafka_cli.transport.port_owner import Process

IN_USE = OSError("address already in use")
OWNERS = {9092: Process(7, "pk up"), 9093: Process(8, "java kafka.Kafka"), 9094: Process(None, "a process of user kim")}


@pytest.fixture(autouse=True)
def owners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occupied_ports, "owner_of", OWNERS.get)


@pytest.mark.parametrize(
    ("port", "hint"),
    [
        (9092, "Port 9092 belongs to pk up (process 7). `pk down` stops it."),
        (9093, "Port 9093 belongs to java kafka.Kafka (process 8). `kill 8` stops it."),
        (9094, "Port 9094 belongs to a process of user kim. `sudo lsof -i :9094` shows which."),
        (9095, ""),
    ],
)
def test_whoever_has_the_port_is_named_with_what_helps(port: int, hint: str) -> None:
    assert hint_of(IN_USE, [port]) == hint


def test_all_ports_of_a_server_are_named_at_once() -> None:
    assert len(hint_of(IN_USE, [9092, 9093]).splitlines()) == 2


def test_an_error_about_something_else_has_no_hint() -> None:
    assert hint_of(OSError("no space left on device"), [9092]) == ""
