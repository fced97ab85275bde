"""A broker whose ZooKeeper is gone."""

import signal
from pathlib import Path

from tests.support.broker_processes import PkBroker
from tests.support.polling import PATIENCE_S
from tests.support.zookeeper.servers import pk_zookeeper


def test_it_stops_cleanly_when_it_is_asked_to(tmp_path: Path) -> None:
    with pk_zookeeper(tmp_path) as zookeeper:
        broker = PkBroker(0, tmp_path, zookeeper.address)
        broker.start()

        zookeeper.kill()
        broker.process.send_signal(signal.SIGTERM)

        assert broker.process.wait(PATIENCE_S) == 128 + signal.SIGTERM
        assert (broker.logs / ".kafka_cleanshutdown").exists()
