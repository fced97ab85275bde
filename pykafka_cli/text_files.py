"""Writes files that a user has named, with errors that contain the name."""

import os
from pathlib import Path
from typing import BinaryIO

_ONLY_FOR_THE_OWNER = 0o600


def write_text(file: Path, text: str) -> None:
    """Write the file in UTF-8.

    raises    OSError, always with the file's name, which Python leaves out if the disk is full
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        error.filename = str(file)
        raise


def write_private_text(file: Path, text: str) -> None:
    """As `write_text`, for a file with credentials: only its owner can read it at any time.

    raises    OSError
    """
    try:
        with open_private(file) as opened:
            opened.write(text.encode())
    except OSError as error:
        error.filename = str(file)
        raise


def open_private(file: Path, buffering: int = -1) -> BinaryIO:
    """An empty file to write to, which only its owner can read, from its creation on.

    raises    OSError
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _ONLY_FOR_THE_OWNER)
    os.fchmod(descriptor, _ONLY_FOR_THE_OWNER)  # it may have existed, for others to read
    return open(descriptor, "wb", buffering=buffering)
