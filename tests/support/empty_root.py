"""A root directory with dist/pk, the C library, /proc, an empty /tmp and what `localhost` is: no Python, no shell."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.server_processes import ServerProcess

_C_LIBRARY = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libutil.so.1")
_ENTER = 'mount --rbind /proc "$1/proc" && exec chroot "$@"'  # the mount ends with its namespace


class EmptyRoot:
    """`path` is the root as seen from outside; inside, pk is /pk and works in /."""

    def __init__(self, path: Path, program: Path) -> None:
        self.path = path
        for directory in ("etc", "proc", "tmp"):
            (path / directory).mkdir(parents=True)
        (path / "etc/hosts").write_text("127.0.0.1 localhost\n")
        shutil.copy2(program, path / "pk")
        libraries = [Path(each) for each in re.findall(r"/\S+", run("ldd", str(program)))]
        (c_library,) = [each for each in libraries if each.name == "libc.so.6"]
        of_the_c_library = {c_library.with_name(name) for name in _C_LIBRARY}
        for each in {*libraries, *(each for each in of_the_c_library if each.exists())}:
            inside = path / each.relative_to("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(each, inside)

    def command(self, *words: str) -> list[str]:
        """The command line that runs `pk WORDS` inside, as the process that is started itself."""
        return ["unshare", "--mount", "--map-root-user", "sh", "-c", _ENTER, "sh", str(self.path), "/pk", *words]

    def pk(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words), input=stdin, capture_output=True, text=True, timeout=120, check=False, env={}
        )

    def files(self) -> set[str]:
        """What is in it, /proc aside."""
        return {str(each.relative_to(self.path)) for each in self.path.rglob("*")}


class ClusterInside(ServerProcess):
    """`pk up` in an empty root; `bootstrap` is its broker's address once it has started."""

    def __init__(self, root: EmptyRoot) -> None:
        super().__init__(root.path.with_name("up.log"))
        self._beats, self._beats_for_it = root.path / "tmp/up.standstill", "/tmp/up.standstill"
        self._root = root

    def command(self) -> Sequence[str]:
        return self._root.command("up", "--data-dir", "/tmp/data", "--port", "0", "--zookeeper-port", "0")

    def serves(self) -> bool:
        return "Ctrl-C stops everything." in self.said()

    @property
    def bootstrap(self) -> str:
        (address,) = re.findall(r"^Broker 0 listens on (\S+)$", self.said(), re.MULTILINE)
        return str(address)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
