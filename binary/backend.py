"""What builds pk: the requirements of its build in pyproject.toml, and their installation from a lock with hashes.

`python -m binary.backend` prints them, for `make lock`.
"""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def requirements() -> list[str]:
    """Those of the backend, and those of its hook in hatch_build.py."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    return [*project["build-system"]["requires"], *hook["dependencies"]]


if __name__ == "__main__":
    print("\n".join(requirements()))
