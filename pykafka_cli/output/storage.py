"""kafka-storage.sh: the steps of formatting, and information about directories."""

from collections.abc import Iterable, Mapping, Sequence

from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.rules.feature_versions import METADATA_VERSION, metadata_version_of
from pykafka_cli.rules.storage_format import Info


def print_uuid(text: str) -> None:
    print(text)


def print_dependencies(lines: Sequence[str]) -> None:
    print("\n".join(lines))


def print_all_formatted() -> None:
    print("All of the log directories are already formatted.")


def print_bootstrap_metadata(features: Mapping[str, int]) -> None:
    """The records that a new cluster starts with, as Java prints the object; no credentials in it."""
    records = ", ".join(
        f"ApiMessageAndVersion(FeatureLevelRecord(name='{name}', featureLevel={level}) at version 0)"
        for name, level in features.items()
    )
    level = features[METADATA_VERSION]
    inside = f"records=[{records}], metadataVersionLevel={level}, source=format command"
    print(f"Bootstrap metadata: BootstrapMetadata({inside})")


def print_formatting(kind: str, directory: str, features: Mapping[str, int]) -> None:
    """One directory is being formatted."""
    version = metadata_version_of(features[METADATA_VERSION])
    name = version.name if version else "UNKNOWN"
    print(f"Formatting {kind} directory {directory} with metadata.version {name}.")


def show_info(found: Info, form: OutputFormat) -> None:
    """Which directories are formatted, for which cluster, and what is wrong with them."""
    show(
        form,
        text=lambda: _info_text(found),
        table=lambda: _info_tables(found),
        document=lambda: {
            "directories": found.directories,
            "metadata": found.metadata,
            "problems": found.problems,
        },
    )


def _info_text(found: Info) -> str:
    blocks = []
    if found.directories:
        noun = "directory" if len(found.directories) == 1 else "directories"
        blocks.append([f"Found log {noun}:", *(f"  {each}" for each in found.directories)])
    if found.metadata:
        inside = ", ".join(f"{name}={value}" for name, value in sorted(found.metadata.items()))
        blocks.append([f"Found metadata: {{{inside}}}"])
    if found.problems:
        noun = "problem" if len(found.problems) == 1 else "problems"
        blocks.append([f"Found {noun}:", *(f"  {each}" for each in found.problems)])
    return "".join(f"{line}\n" for block in blocks for line in (*block, ""))


def _info_tables(found: Info) -> Iterable[Table | str]:
    if found.directories:
        yield Table(("LOG DIRECTORY",), [(each,) for each in found.directories])
    if found.metadata:
        yield Table(("PROPERTY", "VALUE"), sorted(found.metadata.items()))
    yield from (f"Problem: {each}" for each in found.problems)


def show_mapping(levels: Sequence[tuple[str, str]], form: OutputFormat) -> None:
    """Features and their levels."""
    show(
        form,
        text=lambda: "".join(f"{name}={level}\n" for name, level in levels),
        table=lambda: [Table(("FEATURE", "LEVEL"), levels)],
        document=lambda: dict(levels),
    )
