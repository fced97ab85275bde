"""Where a KRaft node keeps the cluster's metadata, and what a formatted directory holds for the first start.

    METADATA_DIRECTORY/__cluster_metadata-0/
        version-2/                      snapshots and logs of the ZooKeeper server inside the node
        bootstrap-credentials.json      [{"user": ..., "mechanism": ..., "credential": "salt=...,stored_key=..."}, ...]

Apache Kafka passes over a directory of this name when it loads logs, so that it can take over the others.
Where Kafka's own KRaft has written to it, it holds a Raft log, which is not readable here.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from typing import NamedTuple

from pykafka_cli.storage.files import Files
from pykafka_cli.topic_names import CLUSTER_METADATA

METADATA_FOLDER = f"{CLUSTER_METADATA}-0"
_CREDENTIALS = "bootstrap-credentials.json"


class ScramCredential(NamedTuple):
    """A user's credential as ZooKeeper keeps it: from it nobody can log in."""

    user: str
    mechanism: str
    credential: str


def metadata_folder(directory: str) -> str:
    """The folder of the metadata in a node's metadata directory."""
    return os.path.join(directory, METADATA_FOLDER)


def has_raft_log(files: Files, directory: str) -> bool:
    """Whether Apache Kafka's KRaft has kept metadata in this directory."""
    folder = metadata_folder(directory)
    return files.is_directory(folder) and any(name.endswith(".log") for name in files.names(folder))


def write_bootstrap_credentials(directory: str, credentials: Sequence[ScramCredential]) -> None:
    """Keep them for the first start, unreadable for other users. raises OSError."""
    path = _credentials_path(directory)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
        json.dump([each._asdict() for each in credentials], file)
        file.flush()
        os.fsync(file.fileno())


def read_bootstrap_credentials(directory: str) -> list[ScramCredential]:
    """The entities to create at the first start, if any; raises OSError."""
    try:
        with open(_credentials_path(directory), encoding="utf-8") as file:
            return [ScramCredential(**each) for each in json.load(file)]
    except FileNotFoundError:
        return []


def forget_bootstrap_credentials(directory: str) -> None:
    """Once ZooKeeper has them. raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_credentials_path(directory))


def _credentials_path(directory: str) -> str:
    return os.path.join(metadata_folder(directory), _CREDENTIALS)
