"""The commands of a `pk up`'s control socket.

advance         seconds                                      {"now_ms": ...}
fault           api, and others of `fault_requests`          the faults that are active afterwards
faults                                                       the active faults
clear-faults                                                 an empty list
brokers                                                      the brokers, each with its state
kill pause resume stop start restart    broker               the broker, with its state afterwards
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pykafka_cli.broker.faults import Faults
from pykafka_cli.servers.broker_processes import BrokerProcesses
from pykafka_cli.servers.control import BadRequest, Command
from pykafka_cli.servers.fault_requests import documents
from pykafka_cli.servers.local_cluster import LocalCluster

DAY_S = 86_400
LONGEST_MOVE_S = 100 * 365 * DAY_S

ADVANCE, FAULT, FAULTS, CLEAR_FAULTS, BROKERS = "advance", "fault", "faults", "clear-faults", "brokers"

_ONE_PROCESS = "The only broker of these servers runs in the process of pk up; pk up --brokers 3 gives each its own"


def commands_of(cluster: LocalCluster) -> dict[str, Command]:
    """Commands by name; those that the cluster was not started for are rejected."""
    return {**_commands_of_all(cluster), **_commands_of_one(cluster.processes)}


def _commands_of_all(cluster: LocalCluster) -> dict[str, Command]:
    async def advance(request: Mapping[str, Any]) -> dict[str, int]:
        seconds = float(request["seconds"])
        if not cluster.has_clock:
            raise BadRequest("The clock cannot be moved: the servers were started without --clock manual")
        if not 0 <= seconds <= LONGEST_MOVE_S:
            raise BadRequest(
                f"The clock cannot be moved by {seconds / DAY_S:g} days, only forward and by up to 100 years"
            )
        return {"now_ms": await cluster.advance(seconds)}

    def allowed() -> Faults:
        if cluster.brokers.faults is None:
            raise BadRequest("Requests cannot be made to fail: the servers were started without --faults")
        return cluster.brokers.faults

    async def fault(request: Mapping[str, Any]) -> list[dict[str, Any]]:
        faults = allowed()
        await cluster.brokers.add_fault(request)
        return documents(faults)

    async def faults(_request: Mapping[str, Any]) -> list[dict[str, Any]]:
        return documents(allowed())

    async def clear(_request: Mapping[str, Any]) -> list[dict[str, Any]]:
        allowed()
        await cluster.brokers.clear_faults()
        return []

    return {ADVANCE: advance, FAULT: fault, FAULTS: faults, CLEAR_FAULTS: clear}


def _commands_of_one(processes: BrokerProcesses | None) -> dict[str, Command]:
    def required() -> BrokerProcesses:
        if processes is None:
            raise BadRequest(_ONE_PROCESS)
        return processes

    def command(act: Callable[[BrokerProcesses, int], Awaitable[None]]) -> Command:
        async def on_one(request: Mapping[str, Any]) -> dict[str, Any]:
            number = int(request["broker"])
            await act(required(), number)
            return required().document(number)

        return on_one

    async def brokers(_request: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [required().document(number) for number in required().numbers]

    return {
        BROKERS: brokers,
        "kill": command(BrokerProcesses.kill),
        "pause": command(BrokerProcesses.pause),
        "resume": command(BrokerProcesses.resume),
        "stop": command(BrokerProcesses.stop_one),
        "start": command(BrokerProcesses.start_one),
        "restart": command(BrokerProcesses.restart),
    }
