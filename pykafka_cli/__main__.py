"""`pk` and `python -m pykafka_cli`."""

import gc
import os
import sys

from pykafka_cli.exit_status import ExitStatus

GARBAGE_THRESHOLD = 100_000
"""New objects before a search for garbage: more than any command, a server included, makes by loading its modules."""


def main() -> None:
    """Run the command line of this process and leave with its status."""
    open_standard_streams()
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


def open_standard_streams() -> None:
    """Open what the caller has closed of descriptors 0 to 2, so that no file or connection gets such a number.

    Standard input is then empty, output cannot be written, and errors go nowhere.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is this one. What has to fail when it is written is opened to be read.
            os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    main()
