"""What keeps a broker from starting before it has touched anything."""

import pytest

from pykafka_cli.broker.server import BrokerServer, BrokerUnusable
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from tests.fakes.clock import FakeClock


async def test_brokers_that_would_have_to_speak_tls_to_each_other_do_not_start() -> None:
    given = {
        "zookeeper.connect": "localhost:1",
        "listeners": "SSL://127.0.0.1:0",
        "security.inter.broker.protocol": "SSL",
    }
    server = BrokerServer(BrokerSettings(Property(name, text, 0) for name, text in given.items()), FakeClock())

    with pytest.raises(BrokerUnusable, match=r"listener SSL; name another one.*inter\.broker\.listener\.name"):
        await server.start()
