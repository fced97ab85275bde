"""What the control socket of a `pk up` does with its cluster."""

import math
from collections.abc import Mapping
from typing import Any

from pykafka_cli.servers.control import BadRequest, Command
from pykafka_cli.servers.local_cluster import LocalCluster

ADVANCE = "advance"


def commands_of(cluster: LocalCluster) -> dict[str, Command]:
    """The commands by name; what the cluster was not started for is rejected."""

    async def advance(request: Mapping[str, Any]) -> dict[str, int]:
        seconds = float(request["seconds"])
        if cluster.advance is None:
            raise BadRequest("The clock cannot be moved: the servers were started without --clock manual")
        if not 0 <= seconds < math.inf:
            raise BadRequest(f"The clock cannot be moved by {seconds:g} s: time goes forward only")
        return {"now_ms": await cluster.advance(seconds)}

    return {ADVANCE: advance}
