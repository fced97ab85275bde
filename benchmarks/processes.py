"""What the kernel knows of a process: memory, file descriptors, processor time."""

import os
import re
from pathlib import Path

_TICKS_S = os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory, in MB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


def open_files(pid: int) -> int:
    """File descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def processor_s(pid: int) -> float:
    """Seconds of a processor that it has used, in user and system mode."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS_S
