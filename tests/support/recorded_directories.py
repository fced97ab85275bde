"""Log and data directories that Apache Kafka 3.9.1 and ZooKeeper 3.8.4 wrote (tests/vectors/disk), unpacked."""

import tarfile
from pathlib import Path

from tests.support.vectors import VECTORS

DISK = VECTORS / "disk"


# The settings under which the vectors were recorded, as far as they show in the files.
RECORDED = {"segment_index_bytes": 4096, "index_interval_bytes": 1}


def unpacked(name: str, folder: Path, *, archives: Path = DISK) -> Path:
    """The directory that an archive `name`.tar.gz holds, extracted into `folder`."""
    with tarfile.open(archives / f"{name}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name
