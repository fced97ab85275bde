"""`python -m binary [FILE]`: build dist/pk, or FILE, for machines like this one; it takes ten seconds.

pip puts pk and what it depends on into a folder, in the versions and with the hashes of requirements.txt, and builds pk
by what requirements-build.txt names (`make lock`). The program is linked (program.py), and everything else goes behind
its end (payload.py). What is in it is listed beside it, in dist/pk.cdx.json (sbom.py).
"""

import argparse
import json
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
from binary.sbom import bill, file_of, normalized

ROOT = Path(__file__).parent.parent
LOCK, LOCK_WITH_KERBEROS, BUILD_LOCK = (
    ROOT / "binary" / name for name in ("requirements.txt", "requirements-kerberos.txt", "requirements-build.txt")
)


def build(file: Path) -> str:
    """Write the program; returns what it became. Raises BuildFailed."""
    standard_library = Path(sysconfig.get_path("stdlib"))
    with TemporaryDirectory() as directory:
        work = Path(directory)
        program = link(standard_library, work)
        payload = Payload(start=len(program))
        payload.add_folder(standard_library)
        payload.add_folder(Path(sysconfig.get_config_var("DESTSHARED")))
        packages, archives = install(work)
        payload.add_folder(packages)
        whole = program + payload.to_bytes()
        listed = bill(whole, distributions(path=[str(packages)]), archives, payload.origins)

    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_bytes(whole)
    unfinished.chmod(0o755)
    unfinished.replace(file)  # a pk that is running keeps its own
    file_of(file).write_text(listed)
    return (
        f"{len(whole) / 1e6:.0f} MB, {len(payload.modules)} modules, {len(payload.extensions)} extensions, "
        f"{len(payload.libraries)} libraries; runs with glibc {required_glibc(whole)} or newer"
    )


def install(work: Path) -> tuple[Path, dict[str, str]]:
    """A folder with pk and what the lock names, with Kerberos if this Python has it; and the SHA-256 of each archive
    that was installed, by the distribution's name."""
    folder, backend, report = work / "packages", work / "backend", work / "report.json"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    lock = LOCK_WITH_KERBEROS if find_spec("gssapi") else LOCK
    pip_locked = [*pip, "--require-hashes", "--requirement"]
    run(*pip_locked, str(lock), "--report", str(report), "--target", str(folder))
    # What builds pk is locked as well, and so is not what pip would choose for an isolated build.
    run(*pip_locked, str(BUILD_LOCK), "--target", str(backend))
    run(*pip, "--no-build-isolation", "--target", str(folder), str(ROOT), environment={"PYTHONPATH": str(backend)})
    return folder, {
        normalized(each["metadata"]["name"]): each["download_info"]["archive_info"]["hashes"]["sha256"]
        for each in json.loads(report.read_text())["install"]
    }


def required_glibc(whole: bytes) -> str:
    """The newest version of the C library that any part asks for."""
    major, minor = max((int(major), int(minor)) for major, minor in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", whole))
    return f"{major}.{minor}"


def main() -> None:
    began = time.monotonic()
    parser = argparse.ArgumentParser(prog="python -m binary", description="Build pk as one file.")
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "dist/pk", help="dist/pk by default")
    file: Path = parser.parse_args().file
    try:
        if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
            raise BuildFailed("Programs of this kind are for Linux with glibc.")
        became = build(file)
    except BuildFailed as error:
        sys.exit(f"{file} was not built. {error}")
    print(f"{file}: {became}; built in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
