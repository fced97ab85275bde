"""What a controller in office works with: its memory, ZooKeeper, and a voice. The steps below all share one.

Kafka's controller is single-threaded, so each of its steps reads and writes its memory as if alone. Here one task takes
one event at a time (controller.py), which gives the same: whatever awaits in a step is alone until the step ends.
"""

from collections.abc import Awaitable, Callable

from pykafka_cli.broker.controller.cluster_state import ClusterState
from pykafka_cli.broker.controller.request_batch import Answers, Channels, RequestBatch
from pykafka_cli.broker.metadata.zk_store import Fence, ZkStore


class Office:
    """
    unclean_election_allowed    what unclean.leader.election.enable says of a topic, freshly read
    """

    def __init__(
        self,
        *,
        broker_id: int,
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
