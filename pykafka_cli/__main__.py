"""`pk` and `python -m pykafka_cli`."""

import gc
import sys

from pykafka_cli.exit_status import ExitStatus

GARBAGE_THRESHOLD = 100_000
"""New objects before a search for garbage: more than any command, a server included, makes by loading its modules."""


def main() -> None:
    """Run the command line of this process and leave with its status."""
    # Modules are no garbage: looking for cycles in them, again and again, is a fifth of what a short command takes.
    gc.set_threshold(GARBAGE_THRESHOLD)
    # kio registers strategies with hypothesis wherever that is installed: 100 ms that no command has a use for.
    sys.modules.setdefault("hypothesis", None)  # type: ignore[arg-type]

    try:
        from pykafka_cli.cli import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # before run could see to it
        status = ExitStatus.INTERRUPTED
    gc.freeze()  # nor need the interpreter look through everything on its way out
    sys.exit(status)


if __name__ == "__main__":
    main()
