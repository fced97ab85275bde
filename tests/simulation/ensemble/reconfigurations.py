"""How an administrator changes an ensemble while it runs: servers join and leave, and get or lose their votes."""

import asyncio
import random
from collections.abc import Callable

from pykafka_cli.zookeeper.ensemble.configuration import OBSERVER, PARTICIPANT, EnsembleConfiguration
from pykafka_cli.zookeeper.errors import ZooKeeperError
from tests.simulation.ensemble.client import EnsembleClient
from tests.simulation.ensemble.servers import SimulatedEnsemble

PATIENCE_S = 6.0
"""How long the administrator waits for a response, and for servers to take a configuration over."""
FEWEST = 2


class Reconfigurations:
    """Requests one change at a time; `tell` hears what."""

    def __init__(self, ensemble: SimulatedEnsemble, chance: random.Random, tell: Callable[[str], None]) -> None:
        self._ensemble, self._chance, self._tell = ensemble, chance, tell

    async def request(self) -> None:
        """Request a change, and wait for the response; then perhaps turn the servers off that have left."""
        chance, configuration = self._chance, self._ensemble.history.configuration
        change = chance.choice((self._join, self._join, self._leave, self._turn, self._turn, self._replace, self._all))
        joining, leaving = change(configuration)
        if not joining and not leaving:
            return
        for each in joining:
            if not self._ensemble.servers[each].is_running:
                self._ensemble.servers[each].start()
        lines = [f"server.{each}={self._ensemble.line(each, role)}" for each, role in joining.items()]
        members = "\n".join(lines) if change == self._all else None
        self._tell(f"{joining} join, {leaving} leave {configuration.version:x}{' as a whole' if members else ''}")
        asked = (None, None, members) if members else (",".join(lines) or None, ",".join(map(str, leaving)) or None)
        if await self._ask(*asked) and chance.random() < 0.4:
            await self._turn_off_others()

    async def _ask(self, joining: str | None, leaving: str | None, members: str | None = None) -> bool:
        client = EnsembleClient(self._ensemble.addresses, self._chance, session_timeout=3.0, connection_timeout=2.0)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await client.start()
                await client.reconfigure(joining, leaving, members)
        except (ZooKeeperError, TimeoutError) as error:
            self._tell(f"  in vain: {type(error).__name__} {error}")
            return False
        finally:
            await client.close()
        return True

    async def _turn_off_others(self) -> None:
        """Once all members have the new configuration, stop servers that do not belong to it."""
        ensemble = self._ensemble
        for _ in range(int(PATIENCE_S / 0.5)):
            if not ensemble.differences():
                break
            await asyncio.sleep(0.5)
        else:
            return
        for each in ensemble.running():
            if each.id not in ensemble.history.configuration.servers and not each.is_paused:
                self._tell(f"{each.process}, which has left, is stopped")
                await each.stop()

    # ---- changes: the roles of the servers that join or change, and the servers that leave

    def _role(self) -> str:
        return self._chance.choice((PARTICIPANT, PARTICIPANT, OBSERVER))

    def _strangers(self, configuration: EnsembleConfiguration) -> list[int]:
        return [each for each in self._ensemble.servers if each not in configuration.servers]

    def _join(self, configuration: EnsembleConfiguration) -> tuple[dict[int, str], list[int]]:
        strangers = self._strangers(configuration)
        count = min(len(strangers), self._chance.choice((1, 1, 2)))
        return {each: self._role() for each in self._chance.sample(strangers, count)}, []

    def _leave(self, configuration: EnsembleConfiguration) -> tuple[dict[int, str], list[int]]:
        """Often the leader."""
        leading = [each.id for each in self._ensemble.running() if each.mode == "leader"]
        members = sorted(configuration.servers)
        candidates = leading if leading and self._chance.random() < 0.4 else members
        return {}, [self._chance.choice(candidates)]

    def _turn(self, configuration: EnsembleConfiguration) -> tuple[dict[int, str], list[int]]:
        """Give a member a vote, or take it away."""
        each = self._chance.choice(sorted(configuration.servers))
        return {each: PARTICIPANT if configuration.servers[each].is_observer else OBSERVER}, []

    def _replace(self, configuration: EnsembleConfiguration) -> tuple[dict[int, str], list[int]]:
        joining, _ = self._join(configuration)
        members = sorted(configuration.servers)
        return joining, self._chance.sample(members, min(len(joining), len(members)))

    def _all(self, _: EnsembleConfiguration) -> tuple[dict[int, str], list[int]]:
        """Name all members anew."""
        everybody = sorted(self._ensemble.servers)
        chosen = self._chance.sample(everybody, self._chance.randint(min(3, len(everybody)), len(everybody)))
        return {each: self._role() for each in chosen}, []
