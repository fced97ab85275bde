"""Elections on request, of an operator or of the periodic rebalance, as opposed to those that a broker failure forces.

source  kafka.controller.KafkaController, processReplicaLeaderElection and checkAndTriggerAutoLeaderRebalance
"""

from collections.abc import Iterable

from pykafka_cli.broker.controller.cluster_state import ClusterState
from pykafka_cli.broker.controller.partition_moves import ElectionFailed, Outcome, PartitionMoves
from pykafka_cli.broker.errors import (
    BrokerError,
    ElectionNotNeeded,
    EligibleLeadersNotAvailable,
    InvalidTopic,
    PreferredLeaderNotAvailable,
    UnknownTopicOrPartition,
)
from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.zookeeper.errors import ZooKeeperError
from pykafka_cli.zookeeper.topic_znodes import PartitionState


class LeaderElections:
    """Preferred and unclean elections."""

    def __init__(self, state: ClusterState, partitions: PartitionMoves) -> None:
        self._state = state
        self._partitions = partitions

    async def elect(
        self, partitions: Iterable[TopicPartition], *, preferred: bool
    ) -> dict[TopicPartition, BrokerError | None]:
        """Give partitions their preferred leader, or (not `preferred`) any live replica at all.

        returns   None for each that has it now, else why not
        """
        outcomes: dict[TopicPartition, BrokerError | None] = {}
        electable = []
        for partition in partitions:
            leadership = self._state.leaders.get(partition)
            if not self._state.replicas(partition) or leadership is None:
                outcomes[partition] = UnknownTopicOrPartition("The partition does not exist.")
            elif partition.topic in self._state.to_delete:
                outcomes[partition] = InvalidTopic("The topic is being deleted")
            elif (
                leadership.leader == self._state.replicas(partition)[0]
                if preferred
                else leadership.leader in self._state.live
            ):
                outcomes[partition] = ElectionNotNeeded("Leader election not needed for topic partition.")
            else:
                electable.append(partition)
        choose = self._partitions.preferably if preferred else self._partitions.uncleanly
        elected = await self._partitions.bring_online(electable, choose)
        return outcomes | {tp: _error(outcome, preferred=preferred) for tp, outcome in elected.items()}

    async def balance(self, tolerated: float) -> None:
        """Elect preferred leaders where a broker does not lead more than this share of those that it should."""
        preferred: dict[BrokerId, list[TopicPartition]] = {}
        for partition in self._state.all_partitions():
            if partition.topic not in self._state.to_delete and (replicas := self._state.replicas(partition)):
                preferred.setdefault(replicas[0], []).append(partition)
        for broker, partitions in preferred.items():
            led_elsewhere = [
                partition
                for partition in partitions
                if (leadership := self._state.leaders.get(partition)) and leadership.leader != broker
            ]
            if len(led_elsewhere) > tolerated * len(partitions):
                await self.elect(
                    [
                        partition
                        for partition in led_elsewhere
                        if self._state.is_online(broker, partition) and broker in self._state.leaders[partition].isr
                    ],
                    preferred=True,
                )


def _error(outcome: Outcome, *, preferred: bool) -> BrokerError | None:
    match outcome:
        case PartitionState():
            return None
        case ElectionFailed():
            kind = PreferredLeaderNotAvailable if preferred else EligibleLeadersNotAvailable
            return kind(str(outcome))
        case ZooKeeperError():
            return BrokerError(f"ZooKeeper refused: {outcome!r}")
