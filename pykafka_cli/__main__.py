"""`pk` and `python -m pykafka_cli`."""

import sys


def main() -> None:
    """Run the command line of this process and leave with its status."""
    # kio registers strategies with hypothesis wherever that is installed: 100 ms that no command has a use for.
    sys.modules.setdefault("hypothesis", None)  # type: ignore[arg-type]

    from pykafka_cli.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
