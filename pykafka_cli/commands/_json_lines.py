"""Events of the verifiable tools: one JSON object a line, its time and name first."""

import json
import time


def print_event(name: str, **values: object) -> None:
    event = {"timestamp": time.time_ns() // 1_000_000, "name": name, **values}
    print(json.dumps(event, separators=(",", ":"), ensure_ascii=False), flush=True)
