"""kafka-features.sh: a line for each feature, with TABs up to 3.9 and in columns since 4.0."""

from collections.abc import Sequence

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import Features
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.rules.features import shown_level

_LABELS = ("Feature", "SupportedMinVersion", "SupportedMaxVersion", "FinalizedVersionLevel", "Epoch")
_WIDTHS = (42, 17, 17, 17, 0)
"""Widths of the values, since 4.0."""


def show_features(found: Features, form: OutputFormat, *, kafka_4: bool) -> None:
    """Every feature with the levels that brokers support and the finalized one."""
    show(
        form,
        text=lambda: _lines(found, kafka_4=kafka_4),
        table=lambda: [
            Table(
                ("FEATURE", "FROM", "TO", "AGREED"), _rows(found), "" if found.epoch is None else f"epoch {found.epoch}"
            )
        ],
        document=lambda: [
            {
                "feature": each.name,
                "min_level": each.min_level,
                "max_level": each.max_level,
                "finalized_level": each.finalized_level,
                "epoch": found.epoch,
            }
            for each in found.features
        ],
    )


def print_known(lines: Sequence[str]) -> None:
    """Print what is known without a cluster."""
    print("\n".join(lines))


def print_deprecation() -> None:
    print(" `metadata` flag is deprecated and may be removed in a future release.")


def print_outcome(command: str, name: str, level: int, problem: ApiError | None, *, dry_run: bool) -> None:
    """Print the result for one feature."""
    if problem:
        what = f"disable {name}" if command == "disable" else f"{command} {name} to {level}"
        print(f"{'Can' if dry_run else 'Could'} not {what}. {problem}")
        return
    done = "disabled." if command == "disable" else f"{command}d to {level}."
    print(f"{name} {'can be' if dry_run else 'was'} {done}")


def _rows(found: Features) -> list[tuple[str, ...]]:
    return [
        (
            each.name,
            *(shown_level(each.name, level) for level in (each.min_level, each.max_level, each.finalized_level)),
        )
        for each in found.features
    ]


def _lines(found: Features, *, kafka_4: bool) -> str:
    epoch = "-" if found.epoch is None else str(found.epoch)
    lines = []
    for row in _rows(found):
        values = zip(_LABELS, (*row, epoch), _WIDTHS, strict=True)
        if kafka_4:
            lines.append("".join(f"{label}: {value:<{width}}" for label, value, width in values))
        else:
            lines.append("\t".join(f"{label}: {value}" for label, value, _ in values))
    return "".join(f"{line}\n" for line in lines)
