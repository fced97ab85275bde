"""Faults on the control socket: as requested, and as shown."""

from collections.abc import Callable, Mapping
from typing import Any

from pykafka_cli.broker.faults import Fault, Faults, Times
from pykafka_cli.model import Seconds
from pykafka_cli.rules.fault_arguments import BadFault, name_of, parse_api, parse_error
from pykafka_cli.servers.control import BadRequest

LONGEST_DELAY_S = 86_400


def fault_of(request: Mapping[str, Any], counted: Callable[[int], Times]) -> Fault:
    """The requested fault.

    counted   counts how often it happens
    raises    BadRequest
    """
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
        times=None if times is None else counted(int(times)),
    )


def documents(faults: Faults) -> list[dict[str, Any]]:
    """The faults that have yet to happen, for JSON."""
    return [
        {
            "api": fault.api_key.title,
            "error": None if fault.error is None else name_of(fault.error),
            "delay_s": fault.delay_s,
            "disconnect": fault.disconnects,
            "after": fault.is_after,
            "client_id": fault.client_id,
            "times_left": None if fault.times is None else fault.times.left,
        }
        for fault in faults.active
        if fault.times is None or fault.times.left
    ]
