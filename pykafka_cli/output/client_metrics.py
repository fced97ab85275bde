"""kafka-client-metrics.sh: one name per line, and each resource with its settings below it."""

from collections.abc import Mapping, Sequence

from pykafka_cli.model import ConfigEntry
from pykafka_cli.output.render import OutputFormat, Table, show


def show_names(names: Sequence[str], form: OutputFormat) -> None:
    show(
        form,
        text=lambda: "".join(f"{name}\n" for name in names),
        table=lambda: [Table(("CLIENT METRICS",), [(name,) for name in names])],
        document=lambda: list(names),
    )


def print_missing(name: str) -> None:
    print(f"The client metric resource {name} doesn't exist and doesn't have dynamic config.")


def print_altered(name: str) -> None:
    print(f"Altered client metrics config for {name}.")


def print_deleted(name: str) -> None:
    print(f"Deleted client metrics config for {name}.")


def show_settings(found: Mapping[str, Sequence[ConfigEntry]], form: OutputFormat) -> None:
    """Resources with their settings."""
    show(
        form,
        text=lambda: "".join(
            f"Client metrics configs for {name} are:\n" + "".join(f"  {each.name}={each.value}\n" for each in entries)
            for name, entries in found.items()
        ),
        table=lambda: [
            Table(("SETTING", "VALUE"), [(each.name, each.value) for each in entries], name)
            for name, entries in found.items()
        ],
        document=lambda: [
            {"name": name, "settings": {each.name: each.value for each in entries}} for name, entries in found.items()
        ],
    )
