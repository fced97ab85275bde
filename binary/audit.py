"""`python -m binary.audit`: ask PyPI's advisory database, by pip-audit, about what goes into dist/pk.

0   nothing known about any of the locked versions
1   vulnerabilities, each in a line
3   nobody could be asked, or not about all of them: that is no result, and says so

pip-audit itself takes a distribution that the index knows nothing about for one that has no vulnerabilities.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

LOCK = Path(__file__).with_name("requirements-kerberos.txt")
_TIMEOUT_S = 10


class Verdict(NamedTuple):
    """An exit status and the lines that say why."""

    status: int
    lines: list[str]


CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 3


def audit(lock: Path = LOCK, environment: Mapping[str, str] | None = None) -> Verdict:
    """Ask about all that a lock names.

    environment    of pip-audit, in place of this process's: with its proxies
    """
    done = subprocess.run(
        [
            sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off",
            "--timeout", str(_TIMEOUT_S), "--format", "json", "--requirement", str(lock),
        ],
        capture_output=True, text=True, check=False, env=os.environ if environment is None else environment,
    )  # fmt: skip
    return verdict(done.stdout, done.stderr)


def verdict(answer: str, errors: str) -> Verdict:
    """What pip-audit's output means: `answer` is its JSON, if it got that far."""
    try:
        found: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        return Verdict(NOT_AUDITED, [f"Not audited: pip-audit could not ask the advisory database: {last}"])
    vulnerable = [
        f"{each['name']} {each['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version'}"
        for each in found
        for vulnerability in each.get("vulns", ())
    ]
    unknown = [each["name"] for each in found if "skip_reason" in each]
    unknown_line = f"Not audited: the advisory database could not be asked about {', '.join(unknown)}"
    if vulnerable:
        return Verdict(VULNERABLE, vulnerable + ([unknown_line] if unknown else []))
    if unknown or not found:
        return Verdict(NOT_AUDITED, [unknown_line if unknown else "Not audited: the lock is empty"])
    return Verdict(CLEAN, [f"No known vulnerabilities in the {len(found)} distributions of dist/pk"])


def main() -> int:
    status, lines = audit()
    print("\n".join(lines), file=sys.stdout if status == CLEAN else sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
