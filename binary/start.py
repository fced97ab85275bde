"""What dist/pk runs first: from here on imports come from the running file itself, and from nowhere else.

    program (pk.c, Python, start.py) | modules, extensions, libraries | index | its position, its size: 8 bytes each

The index is marshal's; payload.py draws it. Modules are read where they stand. An extension has to be a file for the
loader of shared objects, and becomes one in memory (memfd). Nothing is unpacked to a disk: there is nothing to wait for
at the first start, to share with another version, to leave behind or to find damaged.
"""

import marshal
import os
import sys
from _frozen_importlib import BuiltinImporter, FrozenImporter, ModuleSpec  # importlib.machinery takes longer
from _frozen_importlib_external import ExtensionFileLoader
from _thread import RLock

import _pk  # type: ignore[import-not-found]  # pk.c's

TYPE_CHECKING = False  # as typing has it, which takes long to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import Distribution, DistributionFinder
    from types import CodeType, ModuleType
    from typing import NoReturn

TRAILER_SIZE = 16
CERTIFICATES = [
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
]


class OwnFile:
    """Finder and loader, as importlib wants them, of what stands behind the program's end."""

    def __init__(self) -> None:
        # The descriptor is kept: a file that was replaced meanwhile still has what this process may yet import.
        self._file = os.open("/proc/self/exe", os.O_RDONLY | os.O_CLOEXEC)
        end = os.fstat(self._file).st_size
        trailer = os.pread(self._file, TRAILER_SIZE, end - TRAILER_SIZE)
        position, size = int.from_bytes(trailer[:8], "little"), int.from_bytes(trailer[8:], "little")
        index = marshal.loads(os.pread(self._file, size, position))
        self._modules: dict[str, tuple[int, int, str, bool]] = index["modules"]
        self._extensions: dict[str, tuple[int, int, list[str]]] = index["extensions"]
        self._libraries: dict[str, tuple[int, int, list[str]]] = index["libraries"]
        self._files: dict[str, tuple[int, int]] = index["files"]
        self._versions: dict[str, str] = index["versions"]
        self._loaded: set[str] = set()
        self._loading = RLock()

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if name in self._extensions:
            position, size, libraries = self._extensions[name]
            self._load(libraries)
            path = self._in_memory(name, position, size)
            return ModuleSpec(name, ExtensionFileLoader(name, path), origin=path)
        if name in self._modules:
            _, _, path, is_package = self._modules[name]
            origin = f"{sys.executable}/{path}"
            spec = ModuleSpec(name, self, origin=origin, is_package=is_package)  # type: ignore[arg-type]  # no subclass
            spec.has_location = True  # gives the module a __file__, whose folder some libraries compare with others
            if spec.submodule_search_locations is not None:
                spec.submodule_search_locations.append(origin.removesuffix("/__init__.py"))
            return spec
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        return None  # an ordinary one

    def exec_module(self, module: "ModuleType") -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> "CodeType":
        position, size, _, _ = self._modules[name]
        code: CodeType = marshal.loads(os.pread(self._file, size, position))
        return code

    def get_data(self, path: str) -> bytes:
        """A file beside a module, as pkgutil.get_data asks for it."""
        try:
            position, size = self._files[path.removeprefix(f"{sys.executable}/")]
        except KeyError:
            raise FileNotFoundError(path) from None
        return os.pread(self._file, size, position)

    def folder(self, path: str) -> "Folder":
        """As a hook of sys.path_hooks: what pkgutil.iter_modules asks, by which some libraries look for their own."""
        root, _, package = path.partition(f"{sys.executable}/")
        if root or not package:
            raise ImportError(f"{path} is not in {sys.executable}")
        parent = package.replace("/", ".")
        found = {name: each[3] for name, each in self._modules.items() if name.rpartition(".")[0] == parent}
        found |= dict.fromkeys((name for name in self._extensions if name.rpartition(".")[0] == parent), False)
        return Folder(found)

    def find_distributions(self, context: "DistributionFinder.Context") -> "list[Distribution]":
        """For importlib.metadata.version, which some libraries ask for their own."""
        from importlib.metadata import Distribution

        class Own(Distribution):
            def __init__(self, version: str) -> None:
                self._version = version

            @property
            def version(self) -> str:
                return self._version

            def read_text(self, _filename: str) -> None:
                return None

            def locate_file(self, path: object) -> "NoReturn":
                raise FileNotFoundError(path)

        names = self._versions if context.name is None else {context.name.lower().replace("_", "-")}
        return [Own(self._versions[name]) for name in names if name in self._versions]

    def _load(self, libraries: list[str]) -> None:
        """Load shared libraries, before each those that it needs; then whoever names them finds them loaded."""
        with self._loading:  # importlib has a lock for each module, and two may need one library
            for library in libraries:
                if library not in self._loaded:
                    self._loaded.add(library)
                    position, size, needed = self._libraries[library]
                    self._load(needed)
                    _pk.load_library(self._in_memory(library, position, size))

    def _in_memory(self, name: str, position: int, size: int) -> str:
        """The path of a file in memory, which stays open: the loader takes two files of one path for the same."""
        memory = os.memfd_create(name, os.MFD_CLOEXEC)
        end = position + size
        while position < end:
            position += os.sendfile(memory, self._file, position, end - position)
        return f"/proc/self/fd/{memory}"


class Folder:
    """The modules of one package: {name: whether a package}."""

    def __init__(self, modules: dict[str, bool]) -> None:
        self._modules = modules

    def iter_modules(self, prefix: str = "") -> "Iterator[tuple[str, bool]]":
        for name, is_package in self._modules.items():
            yield prefix + name.rpartition(".")[2], is_package


def point_at_certificates() -> None:
    """OpenSSL looks for authorities where the machine that it was built on keeps them; this may be another."""
    if "SSL_CERT_FILE" not in os.environ and "SSL_CERT_DIR" not in os.environ:
        for path in filter(os.path.exists, CERTIFICATES):
            os.environ["SSL_CERT_FILE"] = path
            return


own_file = OwnFile()
sys.meta_path[:] = [own_file, BuiltinImporter, FrozenImporter]
sys.path_hooks[:] = [own_file.folder]  # type: ignore[list-item]  # pkgutil asks it, importlib does not
setattr(sys, "frozen", True)  # noqa: B010  # servers/program.py asks
point_at_certificates()

from pykafka_cli.__main__ import main  # noqa: E402

main()
