"""Formats and inspects the directories of a KRaft node: the steps of kafka-storage on disk.

    DIR/meta.properties                     version 1: cluster and node of the directory
    DIR/__cluster_metadata-0/               in the metadata directory: data of the node's own ZooKeeper server
        bootstrap-credentials.json          users of --add-scram, until the first start creates them

Source: kafka.tools.StorageTool, org.apache.kafka.metadata.storage.Formatter.
"""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence

from pykafka_cli.model import BrokerId
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.rules.scram_credentials import SALT_BYTES, salted_password, stored_credential
from pykafka_cli.rules.storage_format import BadFormat, Info, NewScramCredential, Voters, random_uuid
from pykafka_cli.storage.checkpoints import (
    KRAFT_VERSION,
    META_PROPERTIES,
    MalformedFile,
    MetaProperties,
    read_meta_properties,
    write_meta_properties,
)
from pykafka_cli.storage.cluster_metadata import ScramCredential, write_bootstrap_credentials
from pykafka_cli.storage.files import DiskFiles


def node_directories(settings: BrokerSettings) -> list[str]:
    """Every directory to format, that of the metadata first."""
    return list(dict.fromkeys((settings.metadata_directory, *settings.log_directories)))


def unformatted_directories(settings: BrokerSettings, cluster_id: str, *, ignore_formatted: bool) -> list[str]:
    """The directories that are not formatted yet.

    raises    BadFormat if one belongs to another node, or is formatted and `ignore_formatted` is False; OSError
    """
    files, wanted = DiskFiles(), []
    for directory in node_directories(settings):
        meta = _read(files, directory)
        if meta is None:
            wanted.append(directory)
            continue
        _ensure_belongs(directory, meta, cluster_id, settings.node_id)
        if not ignore_formatted:
            raise BadFormat(
                f"Log directory {directory} is already formatted. "
                "Use --ignore-formatted to ignore this directory and format the others."
            )
    return wanted


def format_directories(
    settings: BrokerSettings,
    directories: Iterable[str],
    cluster_id: str,
    voters: Voters,
    credentials: Sequence[NewScramCredential],
) -> Iterator[tuple[str, str]]:
    """Format the directories one by one; before each, yield the script's word for its kind, and its path.

    raises    OSError
    """
    files = DiskFiles()
    for directory in directories:
        is_metadata = directory == settings.metadata_directory
        yield voters.directory_kind if is_metadata else "data", directory
        files.make_directory(directory)
        if is_metadata and credentials:
            write_bootstrap_credentials(directory, [_stored(each) for each in credentials])
        directory_id = (voters.directory_id if is_metadata else None) or random_uuid()
        # This makes the directory count as formatted, so it comes last.
        meta = MetaProperties(settings.node_id, cluster_id, KRAFT_VERSION, directory_id)
        write_meta_properties(files, directory, meta)


def _read(files: DiskFiles, directory: str) -> MetaProperties | None:
    try:
        return read_meta_properties(files, directory)
    except MalformedFile as error:
        raise BadFormat(str(error)) from None


def _ensure_belongs(directory: str, meta: MetaProperties, cluster_id: str, node_id: BrokerId) -> None:
    path = os.path.join(directory, META_PROPERTIES)
    if meta.cluster_id != cluster_id:
        raise BadFormat(f"Invalid cluster.id in: {path}. Expected {cluster_id}, but read {meta.cluster_id}")
    if meta.broker_id != node_id:
        raise BadFormat(f"Invalid node.id in: {path}. Expected {node_id}, but read {meta.broker_id}")


def _stored(credential: NewScramCredential) -> ScramCredential:
    mechanism, iterations = credential.mechanism, credential.iterations
    salt = credential.salt or secrets.token_bytes(SALT_BYTES)
    salted = credential.salted_password or salted_password(mechanism, credential.password or "", salt, iterations)
    return ScramCredential(credential.user, mechanism, stored_credential(mechanism, salted, salt, iterations))


def look_at_directories(settings: BrokerSettings) -> Info:
    """The lines of `kafka-storage info`. raises OSError."""
    found = Info([], {}, [])
    identity: dict[str, str] = {}
    for directory in node_directories(settings):
        if not os.path.isdir(directory):
            what = "is not a directory" if os.path.exists(directory) else "does not exist"
            found.problems.append(f"{directory} {what}")
            continue
        found.directories.append(directory)
        if not os.access(directory, os.X_OK):
            found.problems.append(f"{directory} cannot be read: {os.strerror(errno.EACCES)}")
            continue
        path = os.path.join(directory, META_PROPERTIES)
        if not os.path.exists(path):
            found.problems.append(f"{directory} is not formatted.")
            continue
        with open(path, "rb") as file:
            metadata = {each.key: each.value for each in read_properties(file.read())}
        own = {name: value for name, value in metadata.items() if name != "directory.id"}
        if identity and own != identity:
            found.problems.append(
                f"Metadata for {path} was {_shown(own)}, but other directories featured {_shown(identity)}"
            )
        identity = identity or own
        found.metadata.update({} if found.metadata else metadata)
    return found


def _shown(metadata: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in sorted(metadata.items())) + "}"
