"""Log directories that Apache Kafka 3.9.1 wrote (tests/vectors/disk), unpacked."""

import tarfile
from pathlib import Path

from tests.support.vectors import VECTORS

DISK = VECTORS / "disk"


# The settings under which the vectors were recorded, as far as they show in the files.
RECORDED = {"segment_index_bytes": 4096, "index_interval_bytes": 1}


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(DISK / f"{name}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name
