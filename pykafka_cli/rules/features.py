"""Feature levels as kafka-features names them: metadata.version by Kafka's releases, others by number."""

import re

METADATA_VERSION = "metadata.version"
RELEASES = re.findall(
    r"\S+",
    "3.0-IV1 3.1-IV0 3.2-IV0 3.3-IV0 3.3-IV1 3.3-IV2 3.3-IV3 3.4-IV0 3.5-IV0 3.5-IV1 3.5-IV2 3.6-IV0 3.6-IV1 3.6-IV2 "
    "3.7-IV0 3.7-IV1 3.7-IV2 3.7-IV3 3.7-IV4 3.8-IV0 3.9-IV0 4.0-IV0 4.0-IV1",
)
"""The releases of metadata.version, from level 1 on, as Kafka 3.9 knows them."""

FIRST_SELECTABLE, LAST_SELECTABLE = "3.3-IV0", "3.9-IV0"


class BadFeature(Exception):
    """A level that cannot be asked for, in the script's words."""


def shown_level(feature: str, level: int) -> str:
    if feature != METADATA_VERSION:
        return str(level)
    return RELEASES[level - 1] if 1 <= level <= len(RELEASES) else f"UNKNOWN {level}"


def metadata_level(release: str) -> int:
    """The level of a release; one without -IV stands for the last of its kind.

    raises    BadFeature
    """
    wanted = [name for name in RELEASES if name == release or name.partition("-")[0] == release]
    if not wanted:
        selectable = RELEASES[RELEASES.index(FIRST_SELECTABLE) : RELEASES.index(LAST_SELECTABLE) + 1]
        raise BadFeature(
            f"Unsupported metadata.version {release}. Supported metadata.version are {', '.join(selectable)}"
        )
    return RELEASES.index(wanted[-1]) + 1


def wanted_levels(metadata: str | None, features: list[str], *, upgrade: bool = False) -> dict[str, int]:
    """Levels by feature, from --metadata and the words of --feature; an upgrade cannot be to level 0.

    raises    BadFeature
    """
    levels = {} if metadata is None else {METADATA_VERSION: metadata_level(metadata)}
    for word in features:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals:
            raise BadFeature(f"Can't parse feature=level string {word}: equals sign not found.")
        if not re.fullmatch(r"[+-]?[0-9]+", text) or not -(1 << 15) <= int(text) < 1 << 15:
            raise BadFeature(f"Can't parse feature=level string {word}: unable to parse {text} as a short.")
        if upgrade and int(text) == 0:
            raise BadFeature(
                "The upgradeType flag should be set to SAFE_DOWNGRADE or UNSAFE_DOWNGRADE when the provided "
                "maxVersionLevel:0 is < 1."
            )
        if int(text) < 0:
            raise BadFeature("Cannot specify a negative version level.")
        if name in levels:
            raise BadFeature(f"Feature {name} was specified more than once.")
        levels[name] = int(text)
    return levels


def disabled_levels(features: list[str]) -> dict[str, int]:
    """Level 0 for each feature.

    raises    BadFeature
    """
    if twice := [name for name in features if features.count(name) > 1]:
        raise BadFeature(f"Feature {twice[0]} was specified more than once.")
    return dict.fromkeys(features, 0)
