"""What the figures were taken on."""

import os
import platform
import subprocess
from pathlib import Path


def machine() -> str:
    """Cores, memory, system and versions, and how busy the machine has been in the last quarter of an hour."""
    described = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in described if "model name" in line), "unknown")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    system = f"{platform.system()} {platform.release()}"
    parts = [f"{os.cpu_count()} cores ({model})", f"{memory:.0f} GB", system, f"Python {platform.python_version()}"]
    return ", ".join([*parts, *_versions(), f"load average before the first run {os.getloadavg()[2]:.1f}"])


def _versions() -> list[str]:
    found = []
    for command, start in (
        (["java", "-version"], "openjdk version"),
        (["kcat", "-V"], "Version"),
    ):
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=30
            )
        except FileNotFoundError:
            continue
        line = next((line for line in done.stdout.splitlines() if line.startswith(start)), "")
        words = line.removeprefix(start).split("(")[0].replace('"', "").split()
        found.append(" ".join([command[0], *words[:1]]))
    return found
