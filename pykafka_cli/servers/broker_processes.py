"""The brokers of a `pk up`, each in its own process: they start and stop together, and one by one."""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pykafka_cli.broker.faults import Faults
from pykafka_cli.broker.server import BrokerUnusable
from pykafka_cli.servers import broker_child as commands
from pykafka_cli.servers.control import BadRequest
from pykafka_cli.servers.control_channel import ChannelClosed
from pykafka_cli.servers.fault_requests import fault_of
from pykafka_cli.servers.local_plan import LocalPlan, log_of, logs_of
from pykafka_cli.servers.process_group import Called, CannotStart, LocalServer, ProcessGroup
from pykafka_cli.servers.run_states import BrokerState
from pykafka_cli.servers.server_process import Kind, ServerProcess, how_it_ended
from pykafka_cli.servers.shared_times import SharedTimes

BROKER = Kind(commands.serve_broker, "--as-broker")

CALLED = Called("Broker", "broker", "brokers", "broker")


class LocalBroker(LocalServer):
    """One broker. Its address is known once it has been started."""

    def __init__(self, number: int, process: ServerProcess) -> None:
        super().__init__(number, process)
        self.ports: Mapping[str, int] = {}
        self.address = self.advertised = ""


class BrokerProcesses(ProcessGroup[LocalBroker]):
    """All of them.

    processes    those started for the plan
    report       called with a line about each broker that ends or starts while the others continue
    """

    def __init__(self, plan: LocalPlan, processes: Sequence[ServerProcess], report: Callable[[str], None]) -> None:
        super().__init__(BROKER, CALLED, [LocalBroker(*each) for each in enumerate(processes)], report)
        self.faults = Faults() if plan.has_faults else None
        self._plan = plan
        self._zookeeper = ""
        self._ahead_s = 0.0
        self._fault_requests: list[dict[str, Any]] = []

    # ---- all of them

    async def start(self, zookeeper: str) -> None:
        """Start every broker.

        raises    BrokerUnusable
        """
        self._zookeeper = zookeeper
        shutil.rmtree(self._faults_directory, ignore_errors=True)  # of servers that were killed
        for process in self._processes():
            await process.channel.open()
        await asyncio.gather(*(self._start(each, each.process) for each in self._servers.values() if each.process))

    async def stop(self) -> None:
        """Stop every broker at once."""
        await self._stop_all()
        shutil.rmtree(self._faults_directory, ignore_errors=True)

    @property
    def states(self) -> tuple[BrokerState, ...]:
        return tuple(
            BrokerState(
                each.address, each.advertised, str(logs_of(self._plan.data_dir, each.number)),
                None if each.process is None else each.process.pid, str(log_of(self._plan.data_dir, each.number)),
            )
            for each in self._servers.values()
        )  # fmt: skip

    # ---- their time, and faults

    async def sessions(self) -> list[int]:
        """The ids of the ZooKeeper sessions of the brokers that are not paused."""
        return await _results(each.channel.send(commands.SESSION) for each in self._awake())

    async def advance(self, seconds: float) -> None:
        """Move the clock of each; that of a paused one moves when it is resumed."""
        self._ahead_s += seconds
        await self._ask_all(commands.ADVANCE, seconds=seconds)

    async def add_fault(self, request: Mapping[str, Any]) -> None:
        """Inject a fault into requests, on every broker.

        raises    BadRequest
        """
        assert self.faults is not None
        file = self._faults_directory / str(len(self._fault_requests))
        fault = fault_of(request, partial(SharedTimes, file))
        if isinstance(fault.times, SharedTimes):
            fault.times.create()
        self.faults.add(fault)
        self._fault_requests.append({**request, "times_file": str(file)})
        await self._ask_all(commands.FAULT, **_without_command(self._fault_requests[-1]))

    async def clear_faults(self) -> None:
        assert self.faults is not None
        self.faults.clear()
        self._fault_requests.clear()
        shutil.rmtree(self._faults_directory, ignore_errors=True)
        await self._ask_all(commands.CLEAR_FAULTS)

    # ---- one of them

    async def document(self, number: int) -> dict[str, Any]:
        broker = self._server(number)
        return {**self.states[number].document(number), "state": broker.state}

    async def _start_again(self, server: LocalBroker, process: ServerProcess) -> None:
        try:
            await self._start(server, process)
        except BrokerUnusable as error:
            raise CannotStart(str(error)) from None

    # ---- how

    async def _start(self, broker: LocalBroker, process: ServerProcess) -> None:
        """raises    BrokerUnusable"""
        try:
            found = await process.channel.request(
                commands.START,
                properties=self._plan.broker_properties(broker.number, broker.ports, self._zookeeper),
                log=str(log_of(self._plan.data_dir, broker.number)),
                ahead_s=self._ahead_s if self._plan.has_clock else None,
                faults=self._fault_requests if self._plan.has_faults else None,
            )
        except BadRequest as error:
            raise BrokerUnusable(str(error)) from None
        except ChannelClosed:
            how = how_it_ended(await process.end())
            raise BrokerUnusable(f"broker {broker.number} (process {process.pid}) {how} while it started") from None
        broker.ports, broker.address, broker.advertised = found["ports"], found["address"], found["advertised"]
        self._watch(broker, process)

    async def _ask_all(self, command: str, **arguments: Any) -> None:
        awake = self._awake()
        answers = [(each, each.channel.send(command, **arguments)) for each in self._processes()]
        await _results(answer for process, answer in answers if process in awake)

    def _awake(self) -> list[ServerProcess]:
        return [each for each in self._processes() if not each.is_paused]

    @property
    def _faults_directory(self) -> Path:
        return self._plan.data_dir / "faults"


async def _results(answers: Iterable[Awaitable[Any]]) -> list[Any]:
    """The answers of the brokers that do not end meanwhile."""
    found = []
    for answer in tuple(answers):
        with contextlib.suppress(ChannelClosed):
            found.append(await answer)
    return found


def _without_command(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key != "command"}
