"""Brokers that go and come back while a session is open."""

from collections.abc import Callable, Mapping
from typing import cast

from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import Address, ClientSettings
from pykafka_cli.model import Seconds
from pykafka_cli.procedures.broker_contact import BrokerContact
from pykafka_cli.transport.connection import Connection, VersionRange
from pykafka_cli.transport.errors import BrokerUnreachable
from tests.support.event_loop import until

BROKER = Address("broker", 9092)


class ConnectionThatEnds:
    """A connection of which only the end matters."""

    def __init__(self) -> None:
        self.is_open = True
        self.on_end: Callable[[], None] | None = None

    async def api_versions(self) -> Mapping[int, VersionRange]:
        return {}

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            if self.on_end:
                self.on_end()


class Network:
    """Where a broker listens, or not; `opened` are the connections so far."""

    def __init__(self) -> None:
        self.is_listening = True
        self.refused = 0
        self.opened: list[ConnectionThatEnds] = []

    async def connect(self, _address: Address, _timeout: Seconds) -> Connection:
        if not self.is_listening:
            self.refused += 1
            raise BrokerUnreachable("connection refused")
        self.opened.append(ConnectionThatEnds())
        return cast("Connection", self.opened[-1])

    def session(self) -> Session:
        return Session("broker:9092", ClientSettings({}), self.connect)


def watched(session: Session, said: list[tuple[str, Address]]) -> BrokerContact:
    return BrokerContact(
        session,
        on_gone=lambda address: said.append(("gone", address)),
        on_back=lambda address: said.append(("back", address)),
    )


async def test_a_broker_that_cannot_be_reached_is_gone_until_it_is_back() -> None:
    network = Network()
    said: list[tuple[str, Address]] = []
    async with network.session() as session:
        with watched(session, said) as contact:
            network.is_listening = False
            network.opened[0].close()
            assert contact.is_lost
            await until(lambda: network.refused == 3)
            assert said == [("gone", BROKER)]

            network.is_listening = True
            await until(lambda: not contact.is_lost)
            assert said == [("gone", BROKER), ("back", BROKER)]


async def test_a_broker_that_goes_again_is_noticed_again() -> None:
    network = Network()
    said: list[tuple[str, Address]] = []
    async with network.session() as session:
        with watched(session, said) as contact:
            for _ in range(2):
                network.is_listening = False
                network.opened[-1].close()
                await until(lambda: said and said[-1][0] == "gone")
                network.is_listening = True
                await until(lambda: not contact.is_lost)

    assert [what for what, _ in said] == ["gone", "back"] * 2


async def test_a_broker_that_closes_an_idle_connection_is_not_gone() -> None:
    network = Network()
    said: list[tuple[str, Address]] = []
    async with network.session() as session:
        with watched(session, said) as contact:
            network.opened[0].close()
            await until(lambda: not contact.is_lost)

            assert len(network.opened) == 2
            assert said == []


async def test_the_end_of_the_session_is_no_loss() -> None:
    network = Network()
    said: list[tuple[str, Address]] = []
    async with network.session() as session:
        with watched(session, said) as contact:
            session.close()
            assert not contact.is_lost

    assert said == []
