"""Runs seeds one after the other, and prints those that fail: `python -m tests.simulation [clients|servers|...]`."""

import argparse
import sys
import time
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from tests.simulation import run
from tests.simulation.ensemble import run as ensembles
from tests.simulation.scene import Outcome
from tests.simulation.servers import joined
from tests.simulation.servers import run as servers


class What(NamedTuple):
    """One kind of simulation: runs a seed without some kinds of faults, and says which of them a failure needs."""

    simulate: Callable[[int, Collection[str]], Outcome]
    shrunk: Callable[[int], list[str]]


WHAT: Mapping[str, What] = {
    "clients": What(lambda seed, _: run.simulate(seed), lambda _: []),
    "servers": What(servers.simulate, servers.shrunk),
    "ensembles": What(ensembles.simulate, ensembles.shrunk),
    "joined": What(joined.simulate, joined.shrunk),
}


def _known(kind: str) -> str:
    """raises    ArgumentTypeError"""
    if kind not in WHAT:
        raise argparse.ArgumentTypeError(f"there is no {kind!r}, only {', '.join(WHAT)}")
    return kind


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("what", nargs="*", type=_known, help=f"{', '.join(WHAT)}; several take turns")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=1e9, help="after which no other seed begins")
    parser.add_argument("--stop", action="store_true", help="at the first that fails")
    parser.add_argument("--without", nargs="*", default=(), help="kinds of faults to leave out")
    parser.add_argument("--shrink", action="store_true", help="say which faults those that fail need")
    given = parser.parse_args()
    began, failed, virtual, done = time.monotonic(), [], 0.0, 0
    for seed in range(given.first, given.first + given.seeds):
        if done and time.monotonic() - began > given.minutes * 60:
            break
        for name in given.what or ["clients"]:
            outcome = WHAT[name].simulate(seed, given.without)
            virtual += outcome.virtual_s
            if outcome.faults:
                failed.append(f"{name} {seed}")
                print(f"{name} seed {seed} failed: {outcome.story}", *outcome.faults[:6], sep="\n  ", flush=True)
                if given.shrink:
                    print(f"  it needs {', '.join(WHAT[name].shrunk(seed)) or 'no faults'}", flush=True)
        done += 1
        if failed and given.stop:
            break
    took = time.monotonic() - began
    print(f"{done} seeds from {given.first} on, {virtual / 3600:.1f} virtual hours, {took:.0f} s", end="; ")
    print(f"failed: {failed or 'none'}")
    return bool(failed)


sys.exit(main())
