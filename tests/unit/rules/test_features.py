"""Feature levels by release and by number."""

import pytest

from pykafka_cli.rules.features import (
    BadFeature,
    dependencies,
    disabled_levels,
    metadata_level,
    release_levels,
    shown_level,
    version_mapping,
    wanted_levels,
)


def test_metadata_versions_are_shown_as_releases() -> None:
    assert shown_level("metadata.version", 21) == "3.9-IV0"
    assert shown_level("metadata.version", 31) == "4.4-IV0"
    assert shown_level("metadata.version", 99) == "UNKNOWN 99"
    assert shown_level("kraft.version", 1) == "1"


def test_levels_come_from_a_release_and_from_pairs() -> None:
    assert wanted_levels("3.7", ["kraft.version = 1"]) == {"metadata.version": 19, "kraft.version": 1}
    assert disabled_levels(["a", "b"]) == {"a": 0, "b": 0}


@pytest.mark.parametrize(
    ("metadata", "features", "message"),
    [
        (None, ["foo"], "Can't parse feature=level string foo: equals sign not found."),
        (None, ["foo=x"], "Can't parse feature=level string foo=x: unable to parse x as a short."),
        (None, ["foo=-1"], "Cannot specify a negative version level."),
        (None, ["foo=1", "foo=2"], "Feature foo was specified more than once."),
        ("9.9", [], "Unsupported metadata.version 9.9. Supported metadata.version are 3.3-IV0, "),
    ],
)
def test_what_is_no_level_is_rejected(metadata: str | None, features: list[str], message: str) -> None:
    with pytest.raises(BadFeature) as refusal:
        wanted_levels(metadata, features)

    assert str(refusal.value).startswith(message)


def test_an_upgrade_to_0_is_rejected_and_a_downgrade_is_not() -> None:
    with pytest.raises(BadFeature, match=r"maxVersionLevel:0 is < 1\."):
        wanted_levels(None, ["foo=0"], upgrade=True)
    assert wanted_levels(None, ["foo=0"]) == {"foo": 0}


def test_a_release_has_a_level_of_every_feature() -> None:
    assert release_levels("4.0") == {
        "metadata.version": 25, "kraft.version": 1, "transaction.version": 2, "group.version": 1,
        "eligible.leader.replicas.version": 0, "share.version": 0, "streams.version": 0,
    }  # fmt: skip
    assert version_mapping("4.3.1")[:2] == ["metadata.version=30 (4.3.1)", "kraft.version=1"]
    assert version_mapping(None)[0] == "metadata.version=30 (4.3-IV0)"


@pytest.mark.parametrize("release", ["9.9", "3.2", "4.4"])
def test_a_release_without_finished_levels_is_rejected_in_the_words_of_kafka_4(release: str) -> None:
    with pytest.raises(BadFeature, match=rf"Unknown metadata.version '{release}'.*4.4-IV0$"):
        release_levels(release)
    with pytest.raises(BadFeature, match=r"Unknown metadata\.version"):
        metadata_level(release, kafka_4=True)


def test_an_unfinished_level_is_known_by_its_full_name() -> None:
    assert metadata_level("4.4-IV0", kafka_4=True) == 31


def test_features_say_what_they_need() -> None:
    assert dependencies(["eligible.leader.replicas.version=1", "metadata.version=31", "group.version=0"]) == [
        "eligible.leader.replicas.version=1 requires:",
        "    metadata.version=23 (4.0-IV1)",
        "metadata.version=31 (4.4-IV0) has no dependencies.",
        "group.version=0 has no dependencies.",
    ]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("metadata.version=32", "Unknown metadata.version 32"),
        ("some.feature=1", "Unknown feature: some.feature"),
        ("share.version=2", "No feature:share.version with feature level 2"),
    ],
)
def test_an_unknown_level_has_no_dependencies_to_show(word: str, message: str) -> None:
    with pytest.raises(BadFeature) as refusal:
        dependencies([word])

    assert str(refusal.value) == message
