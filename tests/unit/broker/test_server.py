"""Starts of a broker that fail, or are canceled."""

import asyncio
from typing import Any

import pytest

from pykafka_cli.broker.outside import Outside
from pykafka_cli.broker.server import BrokerServer, BrokerUnusable
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-256"},
            r"sasl\.mechanism\.inter\.broker\.protocol must be included in sasl\.enabled\.mechanisms",
        ),
        ({"sasl.mechanism.inter.broker.protocol": "PLAIN"}, "cannot connect to other brokers: .* has no username"),
    ],
)
async def test_a_broker_that_could_not_log_in_to_itself_does_not_start(given: dict[str, str], words: str) -> None:
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";'
    given = {
        "zookeeper.connect": "localhost:1",
        "listeners": "SASL_PLAINTEXT://127.0.0.1:0",
        "security.inter.broker.protocol": "SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": login,
        **given,
    }
    server = BrokerServer(BrokerSettings(Property(name, text, 0) for name, text in given.items()), FakeClock())

    with pytest.raises(BrokerUnusable, match=words):
        await server.start()


class SilentZooKeeper:
    """Never answers."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.is_closed = False

    async def start(self) -> None:
        self.is_asked.set()
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.is_closed = True


class WithSilentZooKeeper(Outside):
    def __init__(self) -> None:
        super().__init__()
        self.client = SilentZooKeeper()

    def zookeeper(self, settings: BrokerSettings) -> Any:  # noqa: ARG002
        return self.client


async def test_a_start_that_is_canceled_leaves_no_session() -> None:
    given = {"zookeeper.connect": "localhost:1", "listeners": "PLAINTEXT://127.0.0.1:0"}
    outside = WithSilentZooKeeper()
    settings = BrokerSettings(Property(name, text, 0) for name, text in given.items())
    starting = asyncio.create_task(BrokerServer(settings, FakeClock(), outside=outside).start())
    await outside.client.is_asked.wait()

    starting.cancel()
    await asyncio.wait([starting])

    assert starting.cancelled()
    assert outside.client.is_closed
