"""The parts that the steps of an active controller share: the cluster's state, ZooKeeper, channels to the brokers.

Kafka's controller has a single thread, so no step sees another one half done. Here, one task runs one step at a time
(controller.py), which has the same effect, even where a step awaits.
"""

from collections.abc import Awaitable, Callable

from pykafka_cli.broker.controller.cluster_state import ClusterState
from pykafka_cli.broker.controller.request_batch import Answers, Channels, RequestBatch
from pykafka_cli.broker.metadata.fenced_writes import Fence
from pykafka_cli.broker.metadata.zk_store import ZkStore
from pykafka_cli.model import BrokerId


class ControllerContext:
    """
    unclean_election_allowed    returns unclean.leader.election.enable of a topic, read from ZooKeeper
    """

    def __init__(
        self,
        *,
        broker_id: BrokerId,
        inter_broker_listener: str,
        state: ClusterState,
        store: ZkStore,
        channels: Channels,
        answers: Answers,
        unclean_election_allowed: Callable[[str], Awaitable[bool]],
    ) -> None:
        self.broker_id = broker_id
        self.state = state
        self.store = store
        self.unclean_election_allowed = unclean_election_allowed
        self._inter_broker_listener = inter_broker_listener
        self._channels = channels
        self._answers = answers

    @property
    def fence(self) -> Fence:
        return self.state.fence

    def batch(self) -> RequestBatch:
        return RequestBatch(self.broker_id, self.state, self._inter_broker_listener)

    def send(self, batch: RequestBatch) -> None:
        batch.send(self._channels, self._answers)
