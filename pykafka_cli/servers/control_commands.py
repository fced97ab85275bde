"""The commands of a `pk up`'s control socket.

advance         seconds                                      {"now_ms": ...}
fault           api, and others of `Fault` as below          the faults that are active afterwards
faults                                                       the active faults
clear-faults                                                 an empty list
"""

from collections.abc import Mapping
from typing import Any

from pykafka_cli.broker.faults import Fault, Faults
from pykafka_cli.model import Seconds
from pykafka_cli.rules.fault_arguments import BadFault, name_of, parse_api, parse_error
from pykafka_cli.servers.control import BadRequest, Command
from pykafka_cli.servers.local_cluster import LocalCluster

DAY_S = 86_400
LONGEST_MOVE_S, LONGEST_DELAY_S = 100 * 365 * DAY_S, DAY_S

ADVANCE, FAULT, FAULTS, CLEAR_FAULTS = "advance", "fault", "faults", "clear-faults"


def commands_of(cluster: LocalCluster) -> dict[str, Command]:
    """Commands by name; those that the cluster was not started for are rejected."""

    async def advance(request: Mapping[str, Any]) -> dict[str, int]:
        seconds = float(request["seconds"])
        if cluster.advance is None:
            raise BadRequest("The clock cannot be moved: the servers were started without --clock manual")
        if not 0 <= seconds <= LONGEST_MOVE_S:
            raise BadRequest(
                f"The clock cannot be moved by {seconds / DAY_S:g} days, only forward and by up to 100 years"
            )
        return {"now_ms": await cluster.advance(seconds)}

    def allowed() -> Faults:
        if cluster.faults is None:
            raise BadRequest("Requests cannot be made to fail: the servers were started without --faults")
        return cluster.faults

    async def fault(request: Mapping[str, Any]) -> list[dict[str, Any]]:
        allowed().add(_requested(request))
        return _documents(allowed())

    async def faults(_request: Mapping[str, Any]) -> list[dict[str, Any]]:
        return _documents(allowed())

    async def clear(_request: Mapping[str, Any]) -> list[dict[str, Any]]:
        allowed().clear()
        return []

    return {ADVANCE: advance, FAULT: fault, FAULTS: faults, CLEAR_FAULTS: clear}


def _requested(request: Mapping[str, Any]) -> Fault:
    """raises    BadRequest"""
    error, times, delay_s = request.get("error"), request.get("times", 1), float(request.get("delay_s", 0))
    disconnects = bool(request.get("disconnect"))
    try:
        api, code = parse_api(request["api"]), None if error is None else parse_error(str(error))
    except BadFault as bad:
        raise BadRequest(f"{bad}. {bad.hint}".removesuffix(". ")) from None
    if code and disconnects:
        raise BadRequest("A request cannot both get an error and end its connection")
    if not (code or disconnects or delay_s):
        raise BadRequest("A fault is an error, a delay or the end of the connection")
    if not 0 <= delay_s <= LONGEST_DELAY_S:
        raise BadRequest(f"A request cannot be delayed by {delay_s:g} s, only by up to a day")
    if times is not None and int(times) < 1:
        raise BadRequest(f"A fault cannot happen {times} times")
    return Fault(
        api_key=api,
        error=code,
        delay_s=Seconds(delay_s),
        disconnects=disconnects,
        is_after=bool(request.get("after")),
        client_id=request.get("client_id"),
        spared=request.get("spared"),
        left=None if times is None else int(times),
    )


def _documents(faults: Faults) -> list[dict[str, Any]]:
    return [
        {
            "api": fault.api_key.title,
            "error": None if fault.error is None else name_of(fault.error),
            "delay_s": fault.delay_s,
            "disconnect": fault.disconnects,
            "after": fault.is_after,
            "client_id": fault.client_id,
            "times_left": fault.left,
        }
        for fault in faults.active
    ]
