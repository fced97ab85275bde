"""What keeps a broker from starting before it has touched anything."""

import pytest

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
