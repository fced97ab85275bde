"""The brokers of a `pk up`, each in its own process: they start and stop together, and one by one."""

import asyncio
import contextlib
import shutil
import signal
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
from pykafka_cli.servers.run_states import BrokerState
from pykafka_cli.servers.server_process import Kind, ServerProcess, how_it_ended, start_process, stop_processes
from pykafka_cli.servers.shared_times import SharedTimes

BROKER = Kind(commands.serve_broker, "--as-broker")

LOOK_AGAIN_S = 0.01

RUNNING, PAUSED, STOPPED = "running", "paused", "stopped"


class LocalBroker:
    """One broker, whose processes come and go. Its address is known once it has been started."""

    def __init__(self, number: int, process: ServerProcess) -> None:
        self.number = number
        self.process: ServerProcess | None = process
        self.ports: Mapping[str, int] = {}
        self.address = self.advertised = ""
        self.changing = asyncio.Lock()
        self.watching: asyncio.Task[None]

    @property
    def state(self) -> str:
        if self.process is None:
            return STOPPED
        return PAUSED if self.process.is_paused else RUNNING


class BrokerProcesses:
    """All of them.

    processes    those started for the plan
    report       called with a line about each broker that ends or starts while the others continue
    """

    def __init__(self, plan: LocalPlan, processes: Sequence[ServerProcess], report: Callable[[str], None]) -> None:
        self.faults = Faults() if plan.has_faults else None
        self.on_change: Callable[[], None] = lambda: None
        """Called when a broker has ended, or has been started."""
        self._plan, self._report = plan, report
        self._brokers = [LocalBroker(number, process) for number, process in enumerate(processes)]
        self._zookeeper = ""
        self._ahead_s = 0.0
        self._fault_requests: list[dict[str, Any]] = []
        self._is_stopping = False

    # ---- all of them

    async def start(self, zookeeper: str) -> None:
        """Start every broker.

        raises    BrokerUnusable
        """
        self._zookeeper = zookeeper
        shutil.rmtree(self._faults_directory, ignore_errors=True)  # of servers that were killed
        for broker in self._brokers:
            assert broker.process is not None
            await broker.process.channel.open()
        await asyncio.gather(*(self._start(broker, broker.process) for broker in self._brokers if broker.process))

    async def stop(self) -> None:
        """Stop every broker at once."""
        self._is_stopping = True
        await stop_processes(self._processes(), "brokers", self._report)
        shutil.rmtree(self._faults_directory, ignore_errors=True)

    @property
    def states(self) -> tuple[BrokerState, ...]:
        return tuple(
            BrokerState(
                each.address, each.advertised, str(logs_of(self._plan.data_dir, each.number)),
                None if each.process is None else each.process.pid, str(log_of(self._plan.data_dir, each.number)),
            )
            for each in self._brokers
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

    def document(self, number: int) -> dict[str, Any]:
        """For JSON; see docs/output.md.

        raises    BadRequest
        """
        broker = self._broker(number)
        found = self.states[number].document(number)
        return {**found, "state": broker.state}

    @property
    def numbers(self) -> range:
        return range(len(self._brokers))

    async def kill(self, number: int) -> None:
        """Kill a broker as kill -9 does, even while it starts or stops; raises BadRequest."""
        process = self._running(number)
        process.send(signal.SIGKILL)
        await process.end()

    async def stop_one(self, number: int) -> None:
        """Stop a broker cleanly, even a paused one, after its leaderships have moved; raises BadRequest."""
        async with self._broker(number).changing:
            process = self._running(number)
            process.send(signal.SIGTERM)
            process.send(signal.SIGCONT)
            await process.end()

    async def pause(self, number: int) -> None:
        """Suspend a broker's process; raises BadRequest."""
        await _until_paused(self._running(number), by=signal.SIGSTOP, is_paused=True)

    async def resume(self, number: int) -> None:
        """raises    BadRequest"""
        await _until_paused(self._running(number), by=signal.SIGCONT, is_paused=False)

    async def start_one(self, number: int) -> None:
        """Start a broker that has ended, with its former ports and data; raises BadRequest."""
        broker = self._broker(number)
        async with broker.changing:
            if broker.process is not None:
                raise BadRequest(f"Broker {number} is {broker.state}, in process {broker.process.pid}")
            broker.process = process = start_process(BROKER, number)
            await process.channel.open()
            try:
                await self._start(broker, process)
            except BrokerUnusable as error:
                process.channel.close()
                await process.end()
                broker.process = None
                raise BadRequest(f"Broker {number} cannot run: {error}") from None
            self._report(f"Broker {number} runs again, in process {process.pid}")
            self.on_change()

    async def restart(self, number: int) -> None:
        """Stop a broker, if it is running, and start it; raises BadRequest."""
        if self._broker(number).process is not None:
            await self.stop_one(number)
        await self.start_one(number)

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
        broker.watching = asyncio.create_task(self._watch(broker, process))

    async def _watch(self, broker: LocalBroker, process: ServerProcess) -> None:
        status = await process.end()
        if self._is_stopping:
            return
        broker.process = None
        again = f"`pk broker start {broker.number}` starts it again."
        self._report(f"Broker {broker.number} (process {process.pid}) {how_it_ended(status)}. {again}")
        self.on_change()

    async def _ask_all(self, command: str, **arguments: Any) -> None:
        awake = self._awake()
        answers = [(each, each.channel.send(command, **arguments)) for each in self._processes()]
        await _results(answer for process, answer in answers if process in awake)

    def _processes(self) -> list[ServerProcess]:
        return [each.process for each in self._brokers if each.process is not None]

    def _awake(self) -> list[ServerProcess]:
        return [each for each in self._processes() if not each.is_paused]

    def _broker(self, number: int) -> LocalBroker:
        if number not in self.numbers:
            raise BadRequest(f"There is no broker {number}, only brokers 0 to {len(self._brokers) - 1}")
        return self._brokers[number]

    def _running(self, number: int) -> ServerProcess:
        process = self._broker(number).process
        if process is None:
            raise BadRequest(f"Broker {number} is not running: pk broker start {number} starts it")
        return process

    @property
    def _faults_directory(self) -> Path:
        return self._plan.data_dir / "faults"


async def _until_paused(process: ServerProcess, *, by: signal.Signals, is_paused: bool) -> None:
    """Send a signal, and wait until it has taken effect, which the system may delay."""
    process.send(by)
    while process.is_paused is not is_paused and process.is_alive:  # noqa: ASYNC110  # the system notifies nobody
        await asyncio.sleep(LOOK_AGAIN_S)


async def _results(answers: Iterable[Awaitable[Any]]) -> list[Any]:
    """The answers of the brokers that do not end meanwhile."""
    found = []
    for answer in tuple(answers):
        with contextlib.suppress(ChannelClosed):
            found.append(await answer)
    return found


def _without_command(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key != "command"}
