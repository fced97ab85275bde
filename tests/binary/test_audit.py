"""What goes into dist/pk has no known vulnerability; and where nobody could be asked, that is said."""

import json
import os

import pytest

from binary.audit import CLEAN, NOT_AUDITED, VULNERABLE, audit, verdict

FINE = {"name": "rich", "version": "15.0.0", "vulns": []}
HOLED = {
    "name": "pyyaml",
    "version": "5.3",
    "vulns": [{"id": "PYSEC-2021-142", "fix_versions": ["5.4"], "aliases": [], "description": "..."}],
}
UNKNOWN = {"name": "kazoo", "skip_reason": "Dependency not found on PyPI and could not be audited: kazoo (2.11.0)"}


def answer(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_nothing_in_dist_pk_has_a_known_vulnerability() -> None:
    status, lines = audit()
    if status == NOT_AUDITED:
        # .ci/run cannot install a network: that this was not checked is among what was skipped.
        pytest.skip(lines[0].partition(" about ")[0])
    assert status == CLEAN, lines


def test_a_vulnerability_is_named_with_its_fix() -> None:
    assert verdict(answer(FINE, HOLED), "") == (VULNERABLE, ["pyyaml 5.3: PYSEC-2021-142, fixed in 5.4"])


def test_a_vulnerability_counts_even_if_something_else_could_not_be_asked_about() -> None:
    status, lines = verdict(answer(UNKNOWN, HOLED), "")

    assert status == VULNERABLE
    assert lines[1].endswith("about kazoo")


def test_what_the_database_knows_nothing_of_is_not_clean() -> None:
    assert verdict(answer(FINE, UNKNOWN), "").status == NOT_AUDITED
    assert verdict(answer(), "").status == NOT_AUDITED


def test_all_asked_and_nothing_found_is_clean() -> None:
    assert verdict(answer(FINE), "").status == CLEAN


def test_a_database_that_cannot_be_reached_is_not_clean() -> None:
    nowhere = "http://127.0.0.1:9"

    status, lines = audit(environment={**os.environ, "HTTPS_PROXY": nowhere, "https_proxy": nowhere})

    assert status == NOT_AUDITED
    assert lines[0].startswith("Not audited: ")
