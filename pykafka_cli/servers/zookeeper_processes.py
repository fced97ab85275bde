"""The ZooKeeper servers of `pk up`, each in its own process; several are one ensemble."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

from pykafka_cli.servers.control import BadRequest
from pykafka_cli.servers.control_channel import ChannelClosed
from pykafka_cli.servers.local_plan import HOST, LocalPlan, zookeeper_file, zookeeper_log_of
from pykafka_cli.servers.process_group import Called, CannotStart, LocalServer, ProcessGroup
from pykafka_cli.servers.run_states import RUNNING, ZooKeeperState
from pykafka_cli.servers.server_process import Kind, ServerProcess, how_it_ended
from pykafka_cli.servers.zookeeper_child import START, serve_zookeeper
from pykafka_cli.zookeeper.server.server import ServerUnusable

ZOOKEEPER = Kind(serve_zookeeper, "--as-zookeeper")

CALLED = Called("ZooKeeper", "ZooKeeper", "ZooKeepers", "zookeeper")

ELECTION_PATIENCE_S = 20.0
"""How long a server that is started again may take to serve clients, before it is left to itself."""

_MODE_PATIENCE_S = 3.0
_MODE = re.compile(rb"^Mode: (\S+)$", re.MULTILINE)
_LONGEST_ANSWER = 64 * 1024
_LOOKING = "looking"


class ZooKeeperProcesses(ProcessGroup[LocalServer]):
    """All servers; the first one's number is 1.

    processes    the processes that were started for the plan
    report       called with a line about each server that ends or starts while the others continue
    """

    def __init__(self, plan: LocalPlan, processes: Sequence[ServerProcess], report: Callable[[str], None]) -> None:
        super().__init__(ZOOKEEPER, CALLED, [LocalServer(*each) for each in enumerate(processes, start=1)], report)
        self.failure: asyncio.Future[None]
        """Never done: when servers fail, the others continue."""
        self._plan = plan

    @property
    def addresses(self) -> str:
        """HOST:PORT of each, for zookeeper.connect."""
        return ",".join(f"{HOST}:{each.client}" for each in self._plan.ensemble)

    @property
    def states(self) -> tuple[ZooKeeperState, ...]:
        return tuple(
            ZooKeeperState(
                f"{HOST}:{self._plan.ensemble[number - 1].client}", str(self._plan.zookeeper_data(number)),
                None if each.process is None else each.process.pid,
                str(zookeeper_log_of(self._plan.data_dir, number)),
            )
            for number, each in self._servers.items()
        )  # fmt: skip

    async def document(self, number: int) -> dict[str, Any]:
        server = self._server(number)
        mode = None
        if server.state == RUNNING:
            mode = await mode_of(HOST, self._plan.ensemble[number - 1].client)
        return {**self.states[number - 1].document(number), "state": server.state, "mode": mode}

    async def start(self) -> None:
        """Start all servers, and wait until each serves clients.

        raises    ServerUnusable
        """
        self.failure = asyncio.get_running_loop().create_future()
        for process in self._processes():
            await process.channel.open()
        starting = [
            asyncio.create_task(self._start(each, each.process)) for each in self._servers.values() if each.process
        ]
        try:
            await asyncio.gather(*starting)
        except CannotStart as error:
            raise ServerUnusable(str(error)) from None
        finally:
            for task in starting:
                task.cancel()

    async def stop(self) -> None:
        """Stop all servers at the same time."""
        await self._stop_all()
        self.failure.cancel()

    async def _start_again(self, server: LocalServer, process: ServerProcess) -> None:
        running = sum(each.state == RUNNING for each in self._servers.values())
        has_majority = 2 * running > len(self._servers)
        await self._start(server, process, patience_s=ELECTION_PATIENCE_S if has_majority else 0.0)

    async def _start(self, server: LocalServer, process: ServerProcess, patience_s: float | None = None) -> None:
        """Start a server.

        patience_s    how long to wait until it serves clients, once it has opened its ports; None: as long as it takes
        raises        CannotStart
        """
        number = server.number
        directory = self._plan.zookeeper_data(number)
        file = directory / "zoo.cfg"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if len(self._plan.ensemble) > 1:
                (directory / "myid").write_text(f"{number}\n")
            file.write_text(zookeeper_file(self._plan, number))
        except OSError as error:
            raise CannotStart(f"{error.filename} cannot be written: {error.strerror}") from None
        try:
            log = zookeeper_log_of(self._plan.data_dir, number)
            await process.channel.request(START, file=str(file), log=str(log), patience_s=patience_s)
        except BadRequest as error:
            raise CannotStart(f"server {number}: {error}") from None
        except ChannelClosed:
            how = how_it_ended(await process.end())
            raise CannotStart(f"server {number} (process {process.pid}) {how} while it started") from None
        self._watch(server, process)


async def mode_of(host: str, port: int) -> str | None:
    """What a server is: leader, follower, observer, standalone, read-only or looking; None if it does not say."""
    try:
        async with asyncio.timeout(_MODE_PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"srvr")
                answer = await reader.read(_LONGEST_ANSWER)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    found = _MODE.search(answer)
    return found[1].decode() if found else _LOOKING if answer.startswith(b"This ZooKeeper instance") else None
