"""Compiles the modules that are written for mypyc, whenever pk is built or installed.

It takes a C compiler and Python's headers. Where they are missing, the modules run as the Python that they are.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
RECORDS = Path("pykafka_cli/protocol/records")
MODULES = (RECORDS / "survey.py", RECORDS / "keys.py")


class NotCompiled(Exception):
    """Why there is no compiled form."""


class Compile(BuildHookInterface[Any]):
    """For a checkout the extensions go beside their modules, otherwise into the wheel, which is then the platform's."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._work = TemporaryDirectory()
        try:
            extensions = list(compiled(Path(self._work.name)))
        except NotCompiled as why:
            self.app.display_warning(
                f"pk's broker will check and compact records slowly, as its code for that is not compiled: {why}"
            )
            return
        if version == "editable":
            install(extensions)
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"] |= {str(path): str(where / path.name) for path, where in extensions}

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        self._work.cleanup()


def compiled(work: Path) -> Iterator[tuple[Path, Path]]:
    """The extensions, each with the folder in the package where it belongs; raises NotCompiled."""
    for module in MODULES:
        copy = work / module
        copy.parent.mkdir(parents=True, exist_ok=True)
        for parent in module.parents[:-1]:
            (work / parent / "__init__.py").touch()
        shutil.copy(ROOT / module, copy)
    for module in MODULES:  # compiled together, they would have a library of their own beside the package
        command = [sys.executable, "-m", "mypyc", str(module)]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotCompiled(_last_line(done.stdout + done.stderr))
    names = [".".join(module.with_suffix("").parts) for module in MODULES]
    test = [sys.executable, "-c", f"import {', '.join(names)}"]
    done = subprocess.run(test, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotCompiled(_last_line(done.stdout + done.stderr))
    for path in work.rglob("*.so"):  # what the modules share has its own library, where mypyc wants it
        where = path.parent.relative_to(work)
        if "build" not in where.parts:
            yield path, where


def install(extensions: list[tuple[Path, Path]]) -> None:
    for path, where in extensions:
        unfinished = ROOT / where / f"{path.name}.unfinished"
        shutil.copy(path, unfinished)
        unfinished.replace(ROOT / where / path.name)  # a broker that runs keeps its own


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if re.search("error|No module", line)] or ["mypyc failed"]
    return lines[-1]
