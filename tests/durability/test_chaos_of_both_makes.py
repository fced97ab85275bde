"""Kills and pauses of brokers and of ZooKeeper, ours and Apache Kafka's in one cluster; the seed is in the test's name.

Meanwhile one idempotent producer writes with acks=all. Whatever happens, in whatever order and however fast, what was
acknowledged is there in the end, once and in order, and all brokers have the same logs. Nobody has to serve while
brokers are away: which replicas are in sync when the others die is a matter of chance.

PK_CHAOS_SEEDS="7 8 9" takes other seeds.
"""

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support import peers
from tests.support.broker_processes import BrokerProcess, KafkaBroker, PkBroker
from tests.support.brokers_in_trouble import QUIET, Cluster, Writer, cluster_of_three
from tests.support.zookeeper.servers import KafkaZooKeeper, PkZooKeeper, ZooKeeperProcess

PARTITIONS = 3
STEPS = 2
SETTINGS = {"zookeeper.session.timeout.ms": "9000"}  # Apache's broker ends if its session does while it starts
SEEDS = [int(seed) for seed in os.environ.get("PK_CHAOS_SEEDS", "1").split()]


class Makes(NamedTuple):
    brokers: Sequence[type[BrokerProcess]]
    zookeeper: type[ZooKeeperProcess]


MAKES = {
    "ours": Makes((PkBroker, PkBroker, PkBroker), PkZooKeeper),
    "one of Kafka": Makes((PkBroker, KafkaBroker, PkBroker), PkZooKeeper),
    "one of ours": Makes((KafkaBroker, PkBroker, KafkaBroker), KafkaZooKeeper),
}


class Trouble:
    """What can happen to a cluster; each step ends with all its servers running."""

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        self._cluster, self._chance = cluster, chance

    def steps(self) -> list[Callable[[], object]]:
        """Some of all, in any order; each returns to whom it happened."""
        all_steps = [
            self.kill,
            self.kill_while_zookeeper_is_frozen,
            self.freeze_one,
            self.freeze_two,
            self.restart_zookeeper,
        ]
        return self._chance.sample(all_steps, STEPS)

    def kill(self) -> int:
        broker = self._chance.choice(self._cluster.brokers)
        broker.kill()
        self._wait_until_noticed(broker)
        broker.start()
        return broker.number

    def kill_while_zookeeper_is_frozen(self) -> int:
        """Its session cannot end before ZooKeeper runs again."""
        broker = self._chance.choice(self._cluster.brokers)
        self._cluster.zookeeper.freeze()
        broker.kill()
        self._cluster.zookeeper.thaw()
        self._wait_until_noticed(broker)
        broker.start()
        return broker.number

    def freeze_one(self) -> list[int]:
        return self._freeze(1)

    def freeze_two(self) -> list[int]:
        return self._freeze(2)

    def _freeze(self, count: int) -> list[int]:
        """They run again when others lead what they led, and do not know of it."""
        frozen = self._chance.sample(self._cluster.brokers, count)
        for broker in frozen:
            broker.freeze()
        self._wait_until_noticed(*frozen)
        for broker in frozen:
            broker.thaw()
        return [broker.number for broker in frozen]

    def restart_zookeeper(self) -> None:
        self._cluster.zookeeper.kill()
        self._cluster.zookeeper.start()

    def _wait_until_noticed(self, *away: BrokerProcess) -> None:
        """Until the others know that these are not alive."""
        left = [broker for broker in self._cluster.brokers if broker not in away]
        admin = AdminClient({"bootstrap.servers": ",".join(broker.bootstrap for broker in left), **QUIET})

        def is_noticed() -> bool:
            try:
                return set(admin.list_topics(timeout=5).brokers) == {broker.number for broker in left}
            except KafkaException:
                return False

        self._cluster.wait_for(is_noticed, f"the end of the sessions of {[broker.number for broker in away]}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("makes", MAKES)
def test_what_was_acknowledged_survives_kills_and_pauses(makes: str, seed: int, tmp_path: Path) -> None:
    if KafkaBroker in MAKES[makes].brokers:
        peers.kafka_classpath()
    with cluster_of_three(tmp_path, *MAKES[makes], settings=SETTINGS) as cluster:
        cluster.create("t", PARTITIONS, **{"min.insync.replicas": "1"})
        trouble = Trouble(cluster, random.Random(seed))
        with Writer(cluster, "t", PARTITIONS) as writer:
            # Apache's broker never makes up for a first LeaderAndIsr that its session's end interrupts.
            cluster.wait_for(
                lambda: all(all(cluster.logs("t", n)) for n in range(PARTITIONS)), "records on all brokers"
            )
            for step in trouble.steps():
                print(step.__name__, step())
                cluster.wait_until_in_sync("t", PARTITIONS)
                writer.wait_for_more(100)

        assert [cluster.read("t", partition) for partition in range(PARTITIONS)] == [
            writer.acknowledged(partition) for partition in range(PARTITIONS)
        ]
        cluster.wait_for_equal_logs("t", PARTITIONS)
