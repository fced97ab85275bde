"""The history of typed lines, in a file of the user: one JSON string per entry, the oldest first.

Only its user can read the file, and its size is bounded. If it cannot be read or written, typing works without it.
"""

import contextlib
import json
import os
from pathlib import Path

HISTORY_VARIABLE = "PK_HISTORY"
MOST_ENTRIES = 1000
MOST_CHARACTERS = 10_000
"""The longest entry that is kept; a longer one was hardly typed."""

_ONLY_FOR_ITS_USER = 0o600


def history_file(name: str) -> Path | None:
    """The file that $PK_HISTORY names, or `name` in the user's state directory; None if the variable is empty."""
    if (given := os.environ.get(HISTORY_VARIABLE)) is not None:
        return Path(given) if given else None
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(home) / "pk" / name


class HistoryFile:
    """Keeps entries from one run to the next; as in shells, an entry that begins with a space is not kept."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> list[str]:
        """The newest entries, the oldest of them first; entries that cannot be read are left out.

        Older entries are removed from the file. An entry that another run appends at that moment may be lost.
        """
        try:
            lines = self._file.read_bytes().splitlines()
        except OSError:
            return []
        entries = [entry for line in lines if (entry := _entry(line))][-MOST_ENTRIES:]
        if len(lines) > MOST_ENTRIES:
            self._replace(entries)
        return entries

    def append(self, entry: str) -> None:
        if entry[:1].isspace() or not entry or len(entry) > MOST_CHARACTERS:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._file, os.O_APPEND, [entry])

    def _replace(self, entries: list[str]) -> None:
        unfinished = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            _write(unfinished, os.O_TRUNC, entries)
            unfinished.replace(self._file)


def _write(file: Path, how: int, entries: list[str]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | how, _ONLY_FOR_ITS_USER)
    with open(descriptor, "wb") as opened:
        os.fchmod(descriptor, _ONLY_FOR_ITS_USER)  # whoever created it
        opened.write(b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))


def _entry(line: bytes) -> str:
    try:
        found = json.loads(line)
    except ValueError:
        return ""
    return found if isinstance(found, str) and len(found) <= MOST_CHARACTERS else ""
