"""`python -m binary [FILE]`: build dist/pk, or FILE, for machines like this one; it takes ten seconds.

pip puts pk and what it depends on into a folder, in the versions that this Python has installed. The program is linked
(program.py), and everything else goes behind its end (payload.py).
"""

import platform
import re
import sys
import sysconfig
import time
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from binary.payload import BuildFailed, Payload, run
from binary.program import link

ROOT = Path(__file__).parent.parent


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
    """A folder with pk and its dependencies, as this Python's environment has them: with Kerberos, if that is there."""
    constraints, folder = work / "constraints.txt", work / "packages"
    installed = (each for each in distributions() if each.name != "pk-kafka")
    constraints.write_text("".join(f"{each.name}=={each.version}\n" for each in installed))
    extra = "[kerberos]" if find_spec("gssapi") else ""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--constraint", str(constraints), "--target", str(folder), f"{ROOT}{extra}")
    return folder


def required_glibc(whole: bytes) -> str:
    """The newest version of the C library that any part asks for."""
    major, minor = max((int(major), int(minor)) for major, minor in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", whole))
    return f"{major}.{minor}"


def main() -> None:
    began = time.monotonic()
    file = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist/pk")
    try:
        if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
            raise BuildFailed("Programs of this kind are for Linux with glibc.")
        became = build(file)
    except BuildFailed as error:
        sys.exit(f"{file} was not built. {error}")
    print(f"{file}: {became}; built in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
