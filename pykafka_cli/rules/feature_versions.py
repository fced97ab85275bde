"""Levels of features by metadata version, as Apache Kafka 4.3 knows them.

    metadata_version("4.2")                       MetadataVersion(level=29, name="4.2-IV1")
    default_level("share.version", 29)            1

Source: org.apache.kafka.server.common.MetadataVersion, Feature, FormatterUtil; the levels were read from 4.3.1's jars.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

METADATA_VERSION = "metadata.version"
KRAFT_VERSION = "kraft.version"


class MetadataVersion(NamedTuple):
    level: int
    name: str


class UnknownVersion(Exception):
    """A release without a metadata.version; the message lists the known ones."""


class FeatureLevel(NamedTuple):
    """A level of a feature: the metadata.version from which it is the default, and the levels that it requires."""

    since: int
    requires: tuple[tuple[str, int], ...] = ()


_FIRST_LEVEL = 7
_NAMES = re.findall(
    r"\S+",
    "3.3-IV3 3.4-IV0 3.5-IV0 3.5-IV1 3.5-IV2 3.6-IV0 3.6-IV1 3.6-IV2 3.7-IV0 3.7-IV1 3.7-IV2 3.7-IV3 3.7-IV4 3.8-IV0 "
    "3.9-IV0 4.0-IV0 4.0-IV1 4.0-IV2 4.0-IV3 4.1-IV0 4.1-IV1 4.2-IV0 4.2-IV1 4.3-IV0 4.4-IV0",
)
METADATA_VERSIONS = tuple(MetadataVersion(level, name) for level, name in enumerate(_NAMES, _FIRST_LEVEL))
LATEST_PRODUCTION = METADATA_VERSIONS[-2]

FEATURES: Mapping[str, tuple[FeatureLevel, ...]] = {
    KRAFT_VERSION: (FeatureLevel(7), FeatureLevel(21)),
    "transaction.version": (FeatureLevel(7), FeatureLevel(24), FeatureLevel(24)),
    "group.version": (FeatureLevel(7), FeatureLevel(22)),
    "eligible.leader.replicas.version": (FeatureLevel(7), FeatureLevel(26, ((METADATA_VERSION, 23),))),
    "share.version": (FeatureLevel(7), FeatureLevel(28)),
    "streams.version": (FeatureLevel(7), FeatureLevel(29)),
}
"""The levels of each feature, starting at 0, in the order of the scripts."""


def metadata_version(release: str, *, unstable: bool = False) -> MetadataVersion:
    """The version of a release; `4.2` means the last of 4.2.

    unstable    include unfinished versions
    raises      UnknownVersion
    """
    known = METADATA_VERSIONS if unstable else METADATA_VERSIONS[:-1]
    found = [each for each in known if each.name == release or each.name.partition("-")[0] == release]
    if not found:
        raise UnknownVersion(
            f"Unknown metadata.version '{release}'. "
            f"Supported metadata.version are: {', '.join(each.name for each in known)}"
        )
    return found[-1]


def metadata_version_of(level: int) -> MetadataVersion | None:
    """The version with that level; None if 4.3 does not know it."""
    return next((each for each in METADATA_VERSIONS if each.level == level), None)


def default_level(feature: str, metadata_level: int) -> int:
    """The default level of a feature of FEATURES if metadata.version is at `metadata_level`."""
    return max(level for level, each in enumerate(FEATURES[feature]) if each.since <= metadata_level)
