"""The ensemble of `pk up`: several ZooKeeper servers, each in its own process."""

import asyncio
import shlex
from collections.abc import Callable, Sequence

from pykafka_cli.servers.control import BadRequest
from pykafka_cli.servers.control_channel import ChannelClosed
from pykafka_cli.servers.local_plan import HOST, LocalPlan, zookeeper_data_of, zookeeper_file, zookeeper_log_of
from pykafka_cli.servers.run_states import ZooKeeperState
from pykafka_cli.servers.server_process import Kind, ServerProcess, how_it_ended, stop_processes
from pykafka_cli.servers.zookeeper_child import START, serve_zookeeper
from pykafka_cli.zookeeper.server.server import ServerUnusable

ZOOKEEPER = Kind(serve_zookeeper, "--as-zookeeper")


class ZooKeeperProcesses:
    """All servers of the ensemble; the first one's number is 1.

    processes    the processes that were started for the plan
    report       called with a line about each server that ends while the others continue
    """

    def __init__(self, plan: LocalPlan, processes: Sequence[ServerProcess], report: Callable[[str], None]) -> None:
        self.on_change: Callable[[], None] = lambda: None
        """Called when a server has ended."""
        self.failure: asyncio.Future[None]
        """Never done: when servers fail, the others continue."""
        self._plan, self._report = plan, report
        self._processes: dict[int, ServerProcess] = dict(enumerate(processes, start=1))
        self._watching: list[asyncio.Task[None]] = []
        self._is_stopping = False

    @property
    def addresses(self) -> str:
        """HOST:PORT of each, for zookeeper.connect."""
        return ",".join(f"{HOST}:{each.client}" for each in self._plan.ensemble)

    @property
    def states(self) -> tuple[ZooKeeperState, ...]:
        data_dir = self._plan.data_dir
        return tuple(
            ZooKeeperState(
                f"{HOST}:{ports.client}", str(zookeeper_data_of(data_dir, number)),
                process.pid if (process := self._processes.get(number)) else None,
                str(zookeeper_log_of(data_dir, number)),
            )
            for number, ports in enumerate(self._plan.ensemble, start=1)
        )  # fmt: skip

    async def start(self) -> None:
        """Start all servers, and wait until each serves clients.

        raises    ServerUnusable
        """
        self.failure = asyncio.get_running_loop().create_future()
        for process in self._processes.values():
            await process.channel.open()
        starting = [asyncio.create_task(self._start(*each)) for each in self._processes.items()]
        try:
            await asyncio.gather(*starting)
        finally:
            for task in starting:
                task.cancel()

    async def stop(self) -> None:
        """Stop all servers at the same time."""
        self._is_stopping = True
        await stop_processes(list(self._processes.values()), "ZooKeepers", self._report)
        self.failure.cancel()

    async def _start(self, number: int, process: ServerProcess) -> None:
        directory = zookeeper_data_of(self._plan.data_dir, number)
        file = directory / "zoo.cfg"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "myid").write_text(f"{number}\n")
            file.write_text(zookeeper_file(self._plan, number))
        except OSError as error:
            raise ServerUnusable(f"{error.filename} cannot be written: {error.strerror}") from None
        try:
            log = zookeeper_log_of(self._plan.data_dir, number)
            await process.channel.request(START, file=str(file), log=str(log))
        except BadRequest as error:
            raise ServerUnusable(f"server {number}: {error}") from None
        except ChannelClosed:
            how = how_it_ended(await process.end())
            raise ServerUnusable(f"server {number} (process {process.pid}) {how} while it started") from None
        self._watching.append(asyncio.create_task(self._watch(number, process)))

    async def _watch(self, number: int, process: ServerProcess) -> None:
        status = await process.end()
        if self._is_stopping:
            return
        del self._processes[number]
        file = zookeeper_data_of(self._plan.data_dir, number) / "zoo.cfg"
        again = f"`pk zookeeper-server-start {shlex.quote(str(file))}` starts it again."
        self._report(f"ZooKeeper {number} (process {process.pid}) {how_it_ended(status)}. {again}")
        self.on_change()
