"""binary/requirements*.txt are current: they name what pyproject.toml leads to, in versions that it accepts.

Without a network: what a distribution requires is read from the one that is installed here.
"""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from binary.__main__ import BUILD_LOCK, LOCK, LOCK_WITH_KERBEROS, ROOT
from binary.backend import requirements

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = pytest.mark.parametrize(
    ("lock", "extras"), [(LOCK, []), (LOCK_WITH_KERBEROS, ["kerberos"])], ids=["pk", "pk[kerberos]"]
)
_ENTRY = re.compile(r"^(\S+)==(\S+)((?: \\\n +--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def locked(text: str) -> dict[str, Version]:
    return {name: Version(number) for name, number, _ in _ENTRY.findall(text)}


def required_by_pk(extras: list[str]) -> list[Requirement]:
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return [requirement for each in lines if applies(requirement := Requirement(each), set())]


def applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def reached(requirements: list[Requirement], versions: dict[str, Version]) -> set[str]:
    """The distributions that these lead to, as far as the locked versions are installed here."""
    names: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if f"{name}{sorted(requirement.extras)}" in names:
            continue
        names |= {name, f"{name}{sorted(requirement.extras)}"}
        if is_installed(name, versions.get(name)):
            further = map(Requirement, requires(name) or ())
            waiting += [each for each in further if applies(each, requirement.extras)]
    return {each for each in names if "[" not in each}


def is_installed(name: str, wanted: Version | None) -> bool:
    try:
        return Version(version(name)) == wanted
    except PackageNotFoundError:
        return False


@LOCKS
def test_every_line_of_a_lock_has_its_hashes(lock: Path, extras: list[str]) -> None:
    text = lock.read_text()

    assert len(locked(text)) == len(re.findall("==", text)) > 20


@LOCKS
def test_what_the_project_requires_is_locked_in_a_version_that_it_accepts(lock: Path, extras: list[str]) -> None:
    versions = locked(lock.read_text())

    unlocked = [
        str(each)
        for each in required_by_pk(extras)
        if (found := versions.get(canonicalize_name(each.name))) is None or found not in each.specifier
    ]

    assert unlocked == [], "`make lock` brings binary/requirements*.txt up to date"


@LOCKS
def test_nothing_is_missing_from_the_lock_that_is_required_in_turn(lock: Path, extras: list[str]) -> None:
    versions = locked(lock.read_text())

    assert reached(required_by_pk(extras), versions) - versions.keys() == set(), "`make lock`"


def test_both_locks_have_the_same_versions() -> None:
    plain, with_kerberos = locked(LOCK.read_text()), locked(LOCK_WITH_KERBEROS.read_text())

    assert with_kerberos.items() >= plain.items()
    assert with_kerberos.keys() - plain.keys() >= {"gssapi"}


def test_what_builds_pk_is_locked_with_hashes_and_with_all_that_it_requires() -> None:
    text = BUILD_LOCK.read_text()
    versions, required = locked(text), [Requirement(each) for each in requirements()]

    assert {each.name for each in required} == {"hatchling", "mypy"}
    assert len(versions) == len(re.findall("==", text))
    assert [str(each) for each in required if versions[canonicalize_name(each.name)] not in each.specifier] == []
    assert reached(required, versions) - versions.keys() == set(), "`make lock`"
