"""Writing files that a user has named, with errors that name them."""

from pathlib import Path


def write_text(file: Path, text: str) -> None:
    """Write the file in UTF-8.

    raises    OSError, always with the file's name: where the disk is full, Python does not give it
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        error.filename = str(file)
        raise
