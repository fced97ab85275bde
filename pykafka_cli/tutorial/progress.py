"""Where the learner stopped: $XDG_STATE_HOME/pk/tutorial.json."""

import contextlib
import json
import os
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """A step of a chapter, counted from 0."""

    chapter: str
    step: int


def progress_file() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser(
        "~/.local/state"
    )  # as it stands where there is no home
    return Path(home) / "pk" / "tutorial.json"


def read_progress() -> Place | None:
    """None if the course was never started; so does a file that cannot be read."""
    try:
        found = json.loads(progress_file().read_text(encoding="utf-8"))
        return Place(str(found["chapter"]), int(found["step"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_progress(place: Place) -> None:
    """Save the learner's position; the course continues even if that fails."""
    file = progress_file()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(place._asdict()), encoding="utf-8")
        unfinished.replace(file)
