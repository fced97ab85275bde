"""The commands of a `pk up`'s control socket.

advance         seconds                                      {"now_ms": ...}
fault           api, and others of `fault_requests`          the faults that are active afterwards
faults                                                       the active faults
clear-faults                                                 an empty list
brokers, zookeepers                                          the servers, each with its state
kill pause resume stop start restart    broker or zookeeper  the server, with its state afterwards
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pykafka_cli.broker.faults import Faults
from pykafka_cli.servers.control import BadRequest, Command
from pykafka_cli.servers.fault_requests import documents
from pykafka_cli.servers.local_cluster import LocalCluster
from pykafka_cli.servers.process_group import ProcessGroup

DAY_S = 86_400
LONGEST_MOVE_S = 100 * 365 * DAY_S

ADVANCE, FAULT, FAULTS, CLEAR_FAULTS, BROKERS = "advance", "fault", "faults", "clear-faults", "brokers"
ZOOKEEPERS = "zookeepers"

_ONE_PROCESS = "The only broker of these servers runs in the process of pk up; pk up --brokers 3 gives each its own"
_ONE_ZOOKEEPER = (
    "The only ZooKeeper of these servers runs in the process of pk up; pk up --zookeepers 1 gives it its own"
)

_Group = ProcessGroup[Any]


def commands_of(cluster: LocalCluster) -> dict[str, Command]:
    """Commands by name; those that the cluster was not started for are rejected."""
    return {**_commands_of_all(cluster), **_commands_of_one(cluster.processes, cluster.ensemble)}


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


def _commands_of_one(brokers: _Group | None, zookeepers: _Group | None) -> dict[str, Command]:
    kinds = {"broker": (brokers, _ONE_PROCESS), "zookeeper": (zookeepers, _ONE_ZOOKEEPER)}

    def group(kind: str) -> _Group:
        found, otherwise = kinds[kind]
        if found is None:
            raise BadRequest(otherwise)
        return found

    def command(act: Callable[[_Group, int], Awaitable[None]]) -> Command:
        async def on_one(request: Mapping[str, Any]) -> dict[str, Any]:
            kind = "zookeeper" if "zookeeper" in request else "broker"
            number = int(request[kind])
            await act(group(kind), number)
            return await group(kind).document(number)

        return on_one

    def list_of(kind: str) -> Command:
        async def servers(_request: Mapping[str, Any]) -> list[dict[str, Any]]:
            return [await group(kind).document(number) for number in group(kind).numbers]

        return servers

    return {
        BROKERS: list_of("broker"),
        ZOOKEEPERS: list_of("zookeeper"),
        "kill": command(ProcessGroup.kill),
        "pause": command(ProcessGroup.pause),
        "resume": command(ProcessGroup.resume),
        "stop": command(ProcessGroup.stop_one),
        "start": command(ProcessGroup.start_one),
        "restart": command(ProcessGroup.restart),
    }
