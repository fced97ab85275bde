"""Our broker on the ZooKeeper 3.8 that Debian ships: it needs none of ours."""

from pathlib import Path

from tests.support.broker_processes import PkBroker
from tests.support.running import pk
from tests.support.zookeeper.servers import debian_zookeeper


def test_topics_records_groups_and_a_restart_work_on_debians_zookeeper(tmp_path: Path) -> None:
    with debian_zookeeper(tmp_path) as zookeeper:
        broker = PkBroker(0, tmp_path, zookeeper.address)
        broker.start()
        server = ("--bootstrap-server", broker.bootstrap)

        by_zookeeper = pk(
            "topics", "--zookeeper", zookeeper.address, "--create", "--topic", "old", "--partitions", "2",
            "--replication-factor", "1",
        )  # fmt: skip
        by_broker = pk("topics", *server, "--create", "--topic", "new", "--config", "retention.ms=5000000")
        produced = pk("console-producer", *server, "--topic", "old", stdin="a\nb\n")
        broker.kill()
        broker.start()
        read = pk(
            "console-consumer", *server, "--topic", "old", "--group", "g", "--from-beginning", "--max-messages", "2"
        )
        deleted = pk("topics", "--zookeeper", zookeeper.address, "--delete", "--topic", "old")
        described = pk("topics", *server, "--describe", "--topic", "new")
        broker.stop()

    assert by_zookeeper.stdout == "Created topic old.\n", by_zookeeper.stderr
    assert by_broker.stdout == "Created topic new.\n", by_broker.stderr
    assert produced.returncode == 0, produced.stderr
    assert sorted(read.stdout.split()) == ["a", "b"], read.stderr
    assert deleted.stdout.startswith("Topic old is marked for deletion.\n"), deleted.stderr
    assert "retention.ms=5000000" in described.stdout
