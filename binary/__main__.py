"""`python -m binary [FILE]`: build dist/pk, or FILE, for machines like this one; it takes ten seconds.

pip puts pk and what it depends on into a folder, in the versions that this Python has installed. The program is linked
from Python's static library and pk.c, and everything else goes behind its end (payload.py).
"""

import re
import sys
import sysconfig
import time
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory

from binary.payload import LIBC, BuildFailed, Payload, compiled, run

HERE = Path(__file__).parent
ROOT = HERE.parent

NEEDED_TO_START = ["encodings", "encodings.aliases", "encodings.utf_8"]
"""Python imports these before start.py runs, so they are in the program as start.py is."""


def build(file: Path) -> str:
    """Write the program; returns what it became. Raises BuildFailed."""
    standard_library = Path(sysconfig.get_path("stdlib"))
    with TemporaryDirectory() as directory:
        work = Path(directory)
        program = link(standard_library, work)
        payload = Payload(start=len(program))
        payload.add_folder(standard_library)
        payload.add_folder(Path(sysconfig.get_config_var("DESTSHARED")))
        payload.add_folder(install(work))
    whole = program + payload.to_bytes()

    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_bytes(whole)
    unfinished.chmod(0o755)
    unfinished.replace(file)  # a pk that is running keeps its own
    return (
        f"{len(whole) / 1e6:.0f} MB, {len(payload.modules)} modules, {len(payload.extensions)} extensions, "
        f"{len(payload.libraries)} libraries; runs with glibc {required_glibc(whole)} or newer"
    )


def install(work: Path) -> Path:
    """A folder with pk and its dependencies, as this Python's environment has them."""
    constraints, folder = work / "constraints.txt", work / "packages"
    installed = (each for each in distributions() if each.name != "pk-kafka")
    constraints.write_text("".join(f"{each.name}=={each.version}\n" for each in installed))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--constraint", str(constraints), "--target", str(folder), str(ROOT))
    return folder


def link(standard_library: Path, work: Path) -> bytes:
    """The program, with nothing behind its end yet."""
    write_frozen_modules(standard_library, work / "frozen.h")
    program = work / "program"
    headers = sysconfig.get_path("include")
    run(
        *words("CC"), "-O2", "-s", f"-I{headers}", f"-I{work}", str(HERE / "pk.c"), "-o", str(program),
        *words("LINKFORSHARED"), "-Wl,--whole-archive", str(static_library()), "-Wl,--no-whole-archive", *libraries(),
    )  # fmt: skip
    return program.read_bytes()


def static_library() -> Path:
    """Python as a library to link; raises BuildFailed where the machine lacks it."""
    library = Path(sysconfig.get_config_var("LIBPL")) / sysconfig.get_config_var("LIBRARY")
    for path in (library, Path(sysconfig.get_path("include")) / "Python.h"):
        if not path.exists():
            raise BuildFailed(
                f"{path} is missing; Debian's package python3-dev brings it, as does Python's own `make install`."
            )
    return library


def libraries() -> list[str]:
    """What Python itself is linked with: the C library dynamically, all else into the program."""
    names = dict.fromkeys(
        word for key in ("MODLIBS", "LIBS", "SYSLIBS") for word in words(key) if word.startswith("-l")
    )
    of_libc = [name for name in names if any(each.startswith(f"lib{name[2:]}.") for each in LIBC)]
    return ["-Wl,-Bstatic", *(name for name in names if name not in of_libc), "-Wl,-Bdynamic", *of_libc]


def words(key: str) -> list[str]:
    return str(sysconfig.get_config_var(key) or "").split()


def write_frozen_modules(standard_library: Path, header: Path) -> None:
    """The table of modules that pk.c gives to Python, as C."""
    arrays, rows = [], []
    for name in ["start", *NEEDED_TO_START]:
        source = (
            HERE / "start.py" if name == "start" else standard_library.joinpath(*name.split(".")).with_suffix(".py")
        )
        is_package = not source.exists()
        if is_package:
            source = source.with_suffix("") / "__init__.py"
        array = name.replace(".", "_")
        code = compiled(source, Path(*name.split(".")).with_suffix(".py"))
        arrays.append(f"static const unsigned char {array}[] = {{{','.join(map(str, code))}}};\n")
        rows.append(f'    {{"{name}", {array}, sizeof {array}, {int(is_package)}}},\n')
    header.write_text("".join([*arrays, "static const struct _frozen FROZEN[] = {\n", *rows, "    {0},\n};\n"]))


def required_glibc(whole: bytes) -> str:
    """The newest version of the C library that any part asks for."""
    major, minor = max((int(major), int(minor)) for major, minor in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", whole))
    return f"{major}.{minor}"


def main() -> None:
    began = time.monotonic()
    file = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist/pk")
    try:
        if sys.platform != "linux":
            raise BuildFailed("Only Linux can run a program of this kind.")
        became = build(file)
    except BuildFailed as error:
        sys.exit(f"{file} was not built. {error}")
    print(f"{file}: {became}; built in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
