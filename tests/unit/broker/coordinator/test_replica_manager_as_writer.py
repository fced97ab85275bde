"""The replica manager passes the contract tests of a coordinator's PartitionWriter, as its twin does."""

from collections.abc import AsyncIterator

import pytest

from pykafka_cli.broker.replication.replica_manager import ReplicaManager
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.partition_writer_contract import LED, PartitionWriterContract


class _Replicas:
    def __init__(self, cluster: ReplicaCluster) -> None:
        self._cluster = cluster

    async def hold(self) -> None:
        self._cluster.cut(1, 2)
        await self._cluster.settle()

    async def go_on(self) -> None:
        self._cluster.mend(1, 2)
        await self._cluster.wait(5)

    async def lose(self) -> None:
        await self._cluster.controller.elect(LED, 2)
        await self._cluster.settle()

    async def time_out(self) -> None:
        self._cluster.clock.advance(0.06)


class TestReplicaManager(PartitionWriterContract):
    @pytest.fixture
    async def cluster(self) -> AsyncIterator[ReplicaCluster]:
        cluster = await ReplicaCluster.started(1, 2)
        await cluster.controller.create(LED.topic, (1, 2), (2, 1), (1,))
        await cluster.settle()
        yield cluster
        await cluster.close()

    @pytest.fixture
    def writer(self, cluster: ReplicaCluster) -> ReplicaManager:
        return cluster.nodes[1].replicas

    @pytest.fixture
    def replicas(self, cluster: ReplicaCluster) -> _Replicas:
        return _Replicas(cluster)
