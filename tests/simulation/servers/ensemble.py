"""An ensemble in the place of the one ZooKeeper server of a cluster of brokers."""

import random
from collections.abc import Iterator, Mapping, Sequence

from pykafka_cli.zookeeper.server.sessions import password_of
from tests.simulation.ensemble.client import EnsembleClient
from tests.simulation.ensemble.servers import SimulatedEnsemble
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import SimulatedNetwork
from tests.simulation.servers.zookeeper import ZnodeSeen


class EnsembleOfCluster:
    """Like DistantZooKeeper, whose methods say more. What is in the tree is what was committed."""

    def __init__(
        self,
        loop: VirtualLoop,
        network: SimulatedNetwork,
        chance: random.Random,
        count: int,
        settings: Mapping[str, str],
        spares: int,
    ) -> None:
        self.servers = SimulatedEnsemble(loop, network, count, settings, spares=spares)
        self.delay = 0.0  # the network's
        self.is_down = False
        self._chance = chance

    @property
    def hosts(self) -> list[str]:
        return [each.host for each in self.servers.servers.values()]

    @property
    def broken(self) -> Sequence[str]:
        return self.servers.history.broken

    @property
    def zxid(self) -> int:
        return self.servers.history.database.tree.last_zxid

    def znodes(self) -> Iterator[ZnodeSeen]:
        for path, node in self.servers.history.database.tree.nodes.items():
            yield ZnodeSeen(path, node.data, node.stat.version, node.stat.mzxid)

    def start(self) -> None:
        self.servers.start()

    def new_client(self, *, session_timeout: float, connection_timeout: float) -> EnsembleClient:
        return EnsembleClient(
            self.servers.addresses, self._chance,
            session_timeout=session_timeout, connection_timeout=connection_timeout,
        )  # fmt: skip

    def fail(self) -> None:
        self.is_down = True
        for each in self.servers.running():
            each.end()

    def restart(self) -> None:
        self.is_down = False
        self.start()

    async def lose_session(self, session: int) -> None:
        other = self.new_client(session_timeout=3.0, connection_timeout=1.0)
        await other.take_over(session, password_of(session))

    def differences(self) -> list[str]:
        return self.servers.differences()
