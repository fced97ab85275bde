"""What stands behind the program's end in dist/pk: modules, extensions, libraries, all uncompressed, and their index.

    index (marshal)  modules     {name: (position, size, path, whether a package)}   marshal's code of it
                     extensions  {name: (position, size, names of libraries)}        ELF
                     libraries   {name: (position, size, names of libraries)}        ELF
                     files       {path: (position, size)}                            the chapters of the course
                     versions    {distribution: version}

Positions are those in the whole file. A library is there by the name by which others ask for it (DT_NEEDED).
"""

import marshal
import os
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from tempfile import NamedTemporaryFile

OMITTED = re.compile(
    "test|tests|_test.*|_ctypes_test|_?xx.*"
    "|config-.*|distutils|ensurepip|idlelib|lib-dynload|lib2to3|pydoc_data|site-packages|turtle|turtledemo|venv"
    "|_?curses|_curses_panel|_crypt|_dbm|_gdbm|_sqlite3|sqlite3|_tkinter|tkinter|nis|ossaudiodev|readline"
)
"""Folders and modules left out: tests, building, teaching, and modules for whose libraries no part of pk has a use."""

FILES = "pykafka_cli/tutorial/chapters/*.yaml"
"""What pk reads that is no module."""

LIBC = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libutil.so.1"}


class BuildFailed(Exception):
    """What went wrong or is missing on this machine, and what would help."""


class Payload:
    """What stands from `start` on.

    origins    the files that libraries were taken from; the program does not say
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._data = bytearray()
        self.modules: dict[str, tuple[int, int, str, bool]] = {}
        self.extensions: dict[str, tuple[int, int, list[str]]] = {}
        self.libraries: dict[str, tuple[int, int, list[str]]] = {}
        self.origins: dict[str, Path] = {}
        self.files: dict[str, tuple[int, int]] = {}
        self.versions: dict[str, str] = {}

    def add_folder(self, folder: Path) -> None:
        """Take all modules, extensions and versions of distributions under a folder that would be in sys.path."""
        for path in sorted(folder.rglob("*.py")):
            relative = path.relative_to(folder)
            if not is_omitted(relative):
                self._add_module(path, relative)
        for path in sorted(folder.rglob("*.so")):
            relative = path.relative_to(folder)
            if not is_omitted(relative):
                name = ".".join([*relative.parent.parts, path.name.partition(".")[0]])
                self.extensions[name] = (*self._add(stripped(path)), self._add_libraries(path))
        for path in sorted(folder.glob(FILES)):
            self.files[str(path.relative_to(folder))] = self._add(path.read_bytes())
        for each in distributions(path=[str(folder)]):
            self.versions[each.name.lower().replace("_", "-")] = each.version

    def to_bytes(self) -> bytes:
        index = marshal.dumps(
            {
                "modules": self.modules,
                "extensions": self.extensions,
                "libraries": self.libraries,
                "files": self.files,
                "versions": self.versions,
            }
        )
        position = self._start + len(self._data)
        return b"".join([self._data, index, position.to_bytes(8, "little"), len(index).to_bytes(8, "little")])

    def _add(self, data: bytes) -> tuple[int, int]:
        position = self._start + len(self._data)
        self._data += data
        return position, len(data)

    def _add_module(self, path: Path, relative: Path) -> None:
        is_package = path.name == "__init__.py"
        name = ".".join(relative.parent.parts if is_package else relative.with_suffix("").parts)
        self.modules[name] = (*self._add(compiled(path, relative)), str(relative), is_package)

    def _add_libraries(self, user: Path) -> list[str]:
        """Take the libraries along that a shared object asks for; returns their names."""
        found = libraries_of(user)
        for name, path in found.items():
            if name not in self.libraries:
                self.origins[name] = path
                self.libraries[name] = (0, 0, [])  # so that two which ask for each other come to an end
                self.libraries[name] = (*self._add(stripped(path)), self._add_libraries(path))
        return list(found)


def is_omitted(path: Path) -> bool:
    return any(OMITTED.fullmatch(part.partition(".")[0]) for part in path.parts)


def compiled(path: Path, relative: Path) -> bytes:
    """A module's code as marshal writes it; tracebacks show its relative path, not the building machine's."""
    try:
        return marshal.dumps(compile(path.read_bytes(), str(relative), "exec", dont_inherit=True))
    except SyntaxError as error:
        raise BuildFailed(f"{error.filename}, line {error.lineno}: {error.msg}") from None


def stripped(path: Path) -> bytes:
    """A shared object without what only debuggers read: of uvloop's 14 MB that leaves 2."""
    with NamedTemporaryFile() as result:
        run("strip", "--strip-unneeded", "-o", result.name, str(path))
        return Path(result.name).read_bytes()


def libraries_of(path: Path) -> dict[str, Path]:
    """The libraries that a shared object is loaded with, all but the C library's, by the names it asks for."""
    found = {}
    for name, where in re.findall(r"^\s*(\S+) => (\S+)", run("ldd", str(path)), re.MULTILINE):
        if where == "not":
            raise BuildFailed(f"{path} asks for {name}, which is not on this machine.")
        if name not in LIBC:
            found[name] = Path(where)
    return found


def run(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """The output of a program; raises BuildFailed.

    environment    variables beside those of this process
    """
    try:
        its = {**os.environ, **(environment or {})}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=its).stdout
    except FileNotFoundError:
        raise BuildFailed(f"{command[0]} is missing; Debian's packages gcc and libc6-dev bring it.") from None
    except subprocess.CalledProcessError as error:
        raise BuildFailed(f"{' '.join(command)}\n{error.stdout}{error.stderr}") from None
