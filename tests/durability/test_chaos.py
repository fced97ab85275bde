"""Random trouble for three brokers, a few steps of it, each waited for; the seed is in the test's name.

Meanwhile one producer writes with acks=all. In the end its records are there, once and in order, on all brokers.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.brokers_in_trouble import Cluster, Writer, cluster_of_three

PARTITIONS = 3
STEPS = 6


class Trouble:
    """What can happen to the cluster; at most one broker is away at any time."""

    def __init__(self, cluster: Cluster, folder: Path, chance: random.Random) -> None:
        self.cluster, self.folder, self.chance = cluster, folder, chance
        self.away: int | None = None
        self.topics = 0

    def step(self) -> str:
        """Do something; returns what was done."""
        possible: list[Callable[[], object]] = [self.prefer, self.restart_zookeeper, self.make_topic]
        possible += [self.kill, self.stop, self.freeze, self.reassign] if self.away is None else [self.start] * 3
        chosen = self.chance.choice(possible)
        return f"{chosen.__name__} {chosen() or ''}"

    def kill(self) -> int:
        self.away = self.chance.randrange(3)
        self.cluster.brokers[self.away].kill()
        self._wait_until_led_by_others()
        return self.away

    def stop(self) -> int:
        self.away = self.chance.randrange(3)
        self.cluster.brokers[self.away].stop()
        self._wait_until_led_by_others()
        return self.away

    def start(self) -> int:
        assert self.away is not None
        broker, self.away = self.cluster.brokers[self.away], None
        broker.start()
        self.cluster.wait_until_in_sync("t", PARTITIONS)
        return broker.number

    def freeze(self) -> int:
        broker = self.chance.choice(self.cluster.brokers)
        broker.freeze()
        self.away = broker.number
        self._wait_until_led_by_others()
        broker.thaw()
        self.away = None
        self.cluster.wait_until_in_sync("t", PARTITIONS)
        return broker.number

    def _wait_until_led_by_others(self) -> None:
        assert self.away is not None
        for partition in range(PARTITIONS):
            self.cluster.leader("t", partition, besides=self.away)

    def prefer(self) -> None:
        """Partitions whose preferred leader is away keep theirs."""
        self.cluster.elect_preferred("t", PARTITIONS)

    def reassign(self) -> str:
        """Other orders of preference, and one replica less or more; it may not have ended when trouble comes."""
        plan = [self.chance.sample(range(3), self.chance.choice((2, 3))) for _ in range(PARTITIONS)]
        self.cluster.reassign("t", *plan)
        return str(plan)

    def restart_zookeeper(self) -> None:
        self.cluster.zookeeper.kill()
        self.cluster.zookeeper.start()

    def make_topic(self) -> None:
        """And delete the one before; while a broker is away it may not go yet."""
        self.topics += 1
        self.cluster.can_create(f"other-{self.topics}")
        self.cluster.admin.delete_topics([f"other-{self.topics - 1}"])


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with cluster_of_three(tmp_path) as running:
        yield running


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_survives_random_trouble(seed: int, cluster: Cluster, tmp_path: Path) -> None:
    # With min.insync.replicas=1 it continues when the partitions have two replicas, of which one is away.
    cluster.create("t", PARTITIONS, **{"min.insync.replicas": "1"})
    trouble = Trouble(cluster, tmp_path, random.Random(seed))
    with Writer(cluster, "t", PARTITIONS) as writer:
        for _ in range(STEPS):
            print(trouble.step())
            writer.wait_for_more(100)
        if trouble.away is not None:
            trouble.start()
        cluster.reassign("t", *[[0, 1, 2]] * PARTITIONS)
        cluster.wait_until_reassigned()
        cluster.wait_until_in_sync("t", PARTITIONS)

    assert [cluster.read("t", partition) for partition in range(PARTITIONS)] == [
        writer.acknowledged(partition) for partition in range(PARTITIONS)
    ]
    cluster.wait_for_equal_logs("t", PARTITIONS)
