"""The controller of a simulated cluster: the model of tests/fakes/replica_cluster.py, whose requests take time."""

import uuid
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pykafka_cli.model import BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, TopicPartition
from pykafka_cli.protocol.inter_broker import (
    LEADER_DURING_DELETE,
    StopReplicaPartitionState,
    StopReplicaRequest,
    StopReplicaTopicState,
)
from tests.fakes.replica_cluster import CONTROLLER, LEADER_AND_ISR, STOP_REPLICA, ControllerModel, Node, PartitionState

if TYPE_CHECKING:
    from tests.simulation.cluster import SimulatedCluster


class SimulatedController(ControllerModel):
    """Sends to each broker with a delay of its own, and deletes topics."""

    _cluster: "SimulatedCluster"

    async def send(self, changed: list[TopicPartition], *, is_new: bool = False) -> None:
        for node in self._cluster.running():
            own = [each for each in changed if node.broker_id in self.partitions[each].replicas]
            news = self.update_metadata(changed, node)
            roles = self.leader_and_isr(own, node, is_new=is_new) if own else None
            self._cluster.post(node, partial(self._tell, node, news, roles))

    async def _tell(self, node: Node, news: Any, roles: Any) -> None:
        node.metadata.apply(news)
        if roles is not None:
            await node.ask(LEADER_AND_ISR, roles)

    def update_metadata(self, partitions: list[TopicPartition], node: Node) -> Any:
        request = super().update_metadata(partitions, node)
        brokers = {each.id: each for each in request.live_brokers}
        return replace(request, live_brokers=tuple(brokers.values()))

    async def delete(self, topic: str) -> None:
        gone = [each for each in self.partitions if each.topic == topic]
        for each in gone:
            self.partitions[each].leader = LEADER_DURING_DELETE
        for node in self._cluster.running():
            states = tuple(
                StopReplicaPartitionState(
                    partition_index=each.partition, leader_epoch=LeaderEpoch(-2), delete_partition=True
                )
                for each in gone
                if node.broker_id in self.partitions[each].replicas
            )
            stop = StopReplicaRequest(
                controller_id=BrokerId(CONTROLLER),
                controller_epoch=ControllerEpoch(self.epoch),
                broker_epoch=BrokerEpoch(node.epoch),
                topic_states=(StopReplicaTopicState(topic_name=topic, partition_states=states),),
            )
            self._cluster.post(node, partial(self._forget, node, self.update_metadata(gone, node), stop))
        for each in gone:
            del self.partitions[each]
        del self.topic_ids[topic]

    async def _forget(self, node: Node, news: Any, stop: Any) -> None:
        node.metadata.apply(news)
        await node.ask(STOP_REPLICA, stop)

    async def create(self, topic: str, *assignments: tuple[int, ...]) -> None:
        self.topic_ids[topic] = uuid.UUID(int=self._cluster.chance.getrandbits(128))
        running = {node.broker_id for node in self._cluster.running()}
        for index, replicas in enumerate(assignments):
            alive = tuple(each for each in replicas if each in running) or replicas[:1]
            self.partitions[TopicPartition(topic, index)] = PartitionState(replicas, alive[0], alive)
        await self.send([each for each in self.partitions if each.topic == topic], is_new=True)
