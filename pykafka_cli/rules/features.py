"""Feature levels in kafka-features: metadata.version by Kafka's releases, others by number."""

import re
from collections.abc import Sequence

from pykafka_cli.rules.feature_versions import (
    FEATURES,
    LATEST_PRODUCTION,
    METADATA_VERSION,
    METADATA_VERSIONS,
    MetadataVersion,
    UnknownVersion,
    default_level,
    metadata_version,
    metadata_version_of,
)

_BEFORE_KRAFT_WAS_READY = ("3.0-IV1", "3.1-IV0", "3.2-IV0", "3.3-IV0", "3.3-IV1", "3.3-IV2")
RELEASES = (*_BEFORE_KRAFT_WAS_READY, *(each.name for each in METADATA_VERSIONS))
"""The releases of metadata.version, starting at level 1."""

FIRST_SELECTABLE, LAST_SELECTABLE = "3.3-IV0", "3.9-IV0"
"""The releases that the script of 3.9 accepts."""


class BadFeature(Exception):
    """A level that cannot be requested, in the script's words."""


def shown_level(feature: str, level: int) -> str:
    if feature != METADATA_VERSION:
        return str(level)
    return RELEASES[level - 1] if 1 <= level <= len(RELEASES) else f"UNKNOWN {level}"


def metadata_level(release: str, *, kafka_4: bool = False) -> int:
    """The level of a release; one without -IV means its last version.

    kafka_4    in the words of that script
    raises     BadFeature
    """
    if kafka_4:
        return release_version(release).level
    wanted = [name for name in RELEASES if name == release or name.partition("-")[0] == release]
    if not wanted:
        selectable = RELEASES[RELEASES.index(FIRST_SELECTABLE) : RELEASES.index(LAST_SELECTABLE) + 1]
        raise BadFeature(
            f"Unsupported metadata.version {release}. Supported metadata.version are {', '.join(selectable)}"
        )
    return RELEASES.index(wanted[-1]) + 1


def release_version(release: str) -> MetadataVersion:
    """The metadata.version of a release such as 4.3, 4.3.1 or 4.3-IV0; an unfinished one is named in full.

    raises    BadFeature
    """
    short = re.sub(r"^(\d+\.\d+)\.\d+$", r"\1", release)
    try:
        return metadata_version(short, unstable="-" in short)
    except UnknownVersion:
        known = ", ".join(each.name for each in METADATA_VERSIONS)
        raise BadFeature(f"Unknown metadata.version '{release}'. Supported metadata.version are: {known}") from None


def release_levels(release: str) -> dict[str, int]:
    """The level of every feature in a release.

    raises    BadFeature
    """
    metadata = release_version(release).level
    return {METADATA_VERSION: metadata} | {name: default_level(name, metadata) for name in FEATURES}


def version_mapping(release: str | None) -> list[str]:
    """A line for each feature with its level in a release, by default the newest finished one.

    raises    BadFeature
    """
    name = release or LATEST_PRODUCTION.name
    levels = release_levels(name)
    return [f"{METADATA_VERSION}={levels.pop(METADATA_VERSION)} ({name})", *(f"{f}={n}" for f, n in levels.items())]


def dependencies(words: Sequence[str]) -> list[str]:
    """Lines about the levels of other features that each NAME=LEVEL needs.

    raises    BadFeature
    """
    lines: list[str] = []
    for name, level in (feature_level(word) for word in words):
        required = _required(name, level)
        lines.append(f"{_described(name, level)} {'requires:' if required else 'has no dependencies.'}")
        lines += [f"    {_described(*each)}" for each in required]
    return lines


def _required(name: str, level: int) -> tuple[tuple[str, int], ...]:
    if name == METADATA_VERSION:
        if metadata_version_of(level) is None:
            raise BadFeature(f"Unknown metadata.version {level}")
        return ()
    if name not in FEATURES:
        raise BadFeature(f"Unknown feature: {name}")
    if not 0 <= level < len(FEATURES[name]):
        raise BadFeature(f"No feature:{name} with feature level {level}")
    return FEATURES[name][level].requires


def _described(name: str, level: int) -> str:
    return f"{name}={level}" + (f" ({shown_level(name, level)})" if name == METADATA_VERSION else "")


def feature_level(word: str) -> tuple[str, int]:
    """Parse NAME=LEVEL.

    raises    BadFeature
    """
    name, equals, text = (part.strip() for part in word.partition("="))
    if not equals:
        raise BadFeature(f"Can't parse feature=level string {word}: equals sign not found.")
    if not re.fullmatch(r"[+-]?[0-9]+", text) or not -(1 << 15) <= int(text) < 1 << 15:
        raise BadFeature(f"Can't parse feature=level string {word}: unable to parse {text} as a short.")
    return name, int(text)


def wanted_levels(
    metadata: str | None, features: list[str], *, upgrade: bool = False, kafka_4: bool = False
) -> dict[str, int]:
    """Levels by feature, from --metadata and the words of --feature; an upgrade to level 0 is rejected.

    raises    BadFeature
    """
    levels = {} if metadata is None else {METADATA_VERSION: metadata_level(metadata, kafka_4=kafka_4)}
    for word in features:
        name, level = feature_level(word)
        if upgrade and level == 0:
            raise BadFeature(
                "The upgradeType flag should be set to SAFE_DOWNGRADE or UNSAFE_DOWNGRADE when the provided "
                "maxVersionLevel:0 is < 1."
            )
        if level < 0:
            raise BadFeature("Cannot specify a negative version level.")
        if name in levels:
            raise BadFeature(f"Feature {name} was specified more than once.")
        levels[name] = level
    return levels


def disabled_levels(features: list[str]) -> dict[str, int]:
    """Level 0 for each feature.

    raises    BadFeature
    """
    if twice := [name for name in features if features.count(name) > 1]:
        raise BadFeature(f"Feature {twice[0]} was specified more than once.")
    return dict.fromkeys(features, 0)
