"""Documents match the code: links lead somewhere, lists are complete. MkDocs checks links within docs/."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.commands import COMMANDS
from pykafka_cli.script.absent_scripts import ABSENT_SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
AT_THE_ROOT = sorted(page.name for page in ROOT.glob("*.md"))
CODE = ("pykafka_cli", "benchmarks", "binary", "config", "demo", "tests", "Makefile", "pyproject.toml")


def links_of(page: str) -> list[str]:
    return re.findall(r"\]\((?!https?:)([^)\s]+)\)", page)


def anchor_of(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def leads_somewhere(link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = ROOT / path
    if not target.exists():
        return False
    titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if anchor else []
    return not anchor or anchor in map(anchor_of, titles)


def files_of_the_code() -> Iterator[Path]:
    for name in CODE:
        path = ROOT / name
        yield from path.rglob("*.py") if path.is_dir() else [path]


@pytest.mark.parametrize("page", AT_THE_ROOT)
def test_every_link_of_a_page_at_the_root_leads_somewhere(page: str) -> None:
    assert [link for link in links_of((ROOT / page).read_text()) if not leads_somewhere(link)] == []


def test_a_link_to_no_file_or_no_title_is_noticed() -> None:
    assert leads_somewhere("docs/security.md#tls")
    assert not leads_somewhere("docs/nothing.md")
    assert not leads_somewhere("docs/security.md#nothing")


def test_every_page_that_the_code_names_exists() -> None:
    named = {
        (str(path.relative_to(ROOT)), page)
        for path in files_of_the_code()
        if path != Path(__file__)
        for page in re.findall(r"\bdocs/[\w/.-]+\.(?:md|svg)\b", path.read_text())
    }

    assert len(named) > 10
    assert sorted((path, page) for path, page in named if not (ROOT / page).exists()) == []


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()

    assert [name for name in COMMANDS if f"`{name}`" not in readme] == []


def test_the_page_about_scripts_counts_them() -> None:
    page = (ROOT / "docs/scripts.md").read_text()
    written = 2 * sum(1 for entry in COMMANDS.values() if entry.script)

    assert f"\n{written} scripts in " in page
    assert f"\n{2 * len(ABSENT_SCRIPTS)} more say " in page


def test_contributing_lists_every_folder_of_tests() -> None:
    rows = re.findall(r"^\| tests/(\w+) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    folders = [path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")]

    assert len(folders) > 10
    assert sorted(rows) == sorted({*folders, "vectors"})


def test_every_module_that_the_map_names_exists() -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "pykafka_cli").rglob("*.py")}
    named = set(re.findall(r"[\w/]+\.py\b", (ROOT / "ARCHITECTURE.md").read_text())) - {"docs/generate.py"}

    assert len(named) > 20
    assert sorted(name for name in named if not any(f"/{module}".endswith(f"/{name}") for module in modules)) == []


def test_the_map_of_the_code_fits_in_the_head() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) < 120
