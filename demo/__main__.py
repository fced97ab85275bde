"""Runs the whole demo; exits 1 and says which step was wrong."""

import sys
import tempfile
import time
from pathlib import Path

from demo import flights, walkthrough
from demo.terminal import Terminal, WrongResult, servers


def main() -> int:
    began = time.monotonic()
    try:
        with servers() as listening, tempfile.TemporaryDirectory(prefix="pk-demo-") as folder:
            terminal = Terminal(listening)
            walkthrough.topics(terminal)
            walkthrough.messages(terminal)
            walkthrough.groups(terminal)
            walkthrough.shared_group(terminal, Path(folder))
            flights.stream(terminal, Path(folder))
    except WrongResult as wrong:
        print(f"\nThe demo stopped: {wrong}", file=sys.stderr)
        return 1
    print(f"\nAll steps gave what they should, in {time.monotonic() - began:.0f} s. Next: `pk up`, and README.md.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
