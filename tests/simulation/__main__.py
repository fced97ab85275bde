"""`python -m tests.simulation [--first N] [--seeds COUNT]`: runs seeds one after the other, prints those that fail."""

import argparse
import sys
import time

from tests.simulation.run import simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--stop", action="store_true", help="at the first that fails")
    given = parser.parse_args()
    began, failed, virtual = time.monotonic(), [], 0.0
    for seed in range(given.first, given.first + given.seeds):
        outcome = simulate(seed)
        virtual += outcome.virtual_s
        if outcome.faults:
            failed.append(seed)
            print(f"seed {seed} failed: {outcome.story}", *outcome.faults[:6], sep="\n  ", flush=True)
            if given.stop:
                break
    took = time.monotonic() - began
    print(f"{given.seeds} seeds, {virtual / 3600:.1f} virtual hours, {took:.0f} s; failed: {failed or 'none'}")
    return bool(failed)


sys.exit(main())
