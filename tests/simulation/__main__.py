"""Runs seeds one after the other, and prints those that fail: `python -m tests.simulation [clients|servers]`."""

import argparse
import sys
import time

from tests.simulation import run
from tests.simulation.servers import run as servers


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("what", nargs="?", choices=("clients", "servers"), default="clients")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--stop", action="store_true", help="at the first that fails")
    parser.add_argument("--without", nargs="*", default=(), help="kinds of faults to leave out (servers)")
    parser.add_argument("--shrink", action="store_true", help="say which faults those that fail need (servers)")
    given = parser.parse_args()
    began, failed, virtual = time.monotonic(), [], 0.0
    for seed in range(given.first, given.first + given.seeds):
        outcome = run.simulate(seed) if given.what == "clients" else servers.simulate(seed, given.without)
        virtual += outcome.virtual_s
        if outcome.faults:
            failed.append(seed)
            print(f"seed {seed} failed: {outcome.story}", *outcome.faults[:6], sep="\n  ", flush=True)
            if given.shrink and given.what == "servers":
                print(f"  it needs {', '.join(servers.shrunk(seed)) or 'no faults'}", flush=True)
            if given.stop:
                break
    took = time.monotonic() - began
    print(f"{given.seeds} seeds, {virtual / 3600:.1f} virtual hours, {took:.0f} s; failed: {failed or 'none'}")
    return bool(failed)


sys.exit(main())
