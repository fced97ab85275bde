"""The program itself, pk.c: Python's static library, with the modules that it needs before it finds its payload."""

import sysconfig
from pathlib import Path

from binary.payload import LIBC, BuildFailed, compiled, run

HERE = Path(__file__).parent

NEEDED_TO_START = {
    "encodings": "encodings/__init__.py",
    "encodings.aliases": "encodings/aliases.py",
    "encodings.utf_8": "encodings/utf_8.py",
}
"""Python imports these before start.py runs, so they are in the program as start.py is."""


def link(standard_library: Path, work: Path) -> bytes:
    """The program, with nothing behind its end yet."""
    write_frozen_modules(standard_library, work / "frozen.h")
    program = work / "program"
    headers = sysconfig.get_path("include")
    run(
        *words("CC"), "-O2", "-s", "-no-pie", f"-I{headers}", f"-I{work}", str(HERE / "pk.c"), "-o", str(program),
        *words("LINKFORSHARED"), "-Wl,--whole-archive", str(static_library()), "-Wl,--no-whole-archive", *libraries(),
    )  # fmt: skip
    return program.read_bytes()


def static_library() -> Path:
    """Python as a library to link; raises BuildFailed where the machine lacks it."""
    library = Path(sysconfig.get_config_var("LIBPL"), sysconfig.get_config_var("LIBRARY"))
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
    code = {name: compiled(standard_library / path, Path(path)) for name, path in NEEDED_TO_START.items()}
    code["start"] = compiled(HERE / "start.py", Path("start.py"))
    arrays, rows = [], []
    for name, data in code.items():
        array = name.replace(".", "_")
        is_package = NEEDED_TO_START.get(name, "").endswith("__init__.py")
        arrays.append(f"static const unsigned char {array}[] = {{{','.join(map(str, data))}}};\n")
        rows.append(f'    {{"{name}", {array}, sizeof {array}, {int(is_package)}}},\n')
    header.write_text("".join([*arrays, "static const struct _frozen FROZEN[] = {\n", *rows, "    {0},\n};\n"]))
