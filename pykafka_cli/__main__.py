"""`pk` and `python -m pykafka_cli`."""

import sys

from pykafka_cli.exit_status import ExitStatus


def main() -> None:
    """Run the command line of this process and leave with its status."""
    # kio registers strategies with hypothesis wherever that is installed: 100 ms that no command has a use for.
    sys.modules.setdefault("hypothesis", None)  # type: ignore[arg-type]

    try:
        from pykafka_cli.cli import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # before run could see to it
        status = ExitStatus.INTERRUPTED
    sys.exit(status)


if __name__ == "__main__":
    main()
