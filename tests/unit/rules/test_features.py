"""Feature levels by release and by number."""

import pytest

from pykafka_cli.rules.features import BadFeature, disabled_levels, shown_level, wanted_levels


def test_metadata_versions_are_shown_as_releases() -> None:
    assert shown_level("metadata.version", 21) == "3.9-IV0"
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
def test_what_is_no_level_is_refused(metadata: str | None, features: list[str], message: str) -> None:
    with pytest.raises(BadFeature) as refusal:
        wanted_levels(metadata, features)

    assert str(refusal.value).startswith(message)


def test_an_upgrade_to_0_is_refused_and_a_downgrade_is_not() -> None:
    with pytest.raises(BadFeature, match=r"maxVersionLevel:0 is < 1\."):
        wanted_levels(None, ["foo=0"], upgrade=True)
    assert wanted_levels(None, ["foo=0"]) == {"foo": 0}
