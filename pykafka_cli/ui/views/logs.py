"""Log directories as the brokers report them, and the files of a replica if its directory is on this machine."""

import asyncio
import os
from collections.abc import Iterator

from pykafka_cli.clients.admin.cluster import LogDir, cluster_id, describe_brokers, describe_log_dirs
from pykafka_cli.clients.errors import ApiError, explain
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId
from pykafka_cli.storage.checkpoints import MalformedFile, read_meta_properties
from pykafka_cli.storage.files import ReadOnlyFiles
from pykafka_cli.transport.errors import ConnectionFailed
from pykafka_cli.ui.views import BadQuery, Document, Query, required, whole_number

_OF_A_SEGMENT = {".log": "log", ".index": "index", ".timeindex": "timeindex", ".txnindex": "txnindex"}
"""The suffixes of a segment's files, whose names begin with its base offset."""


async def logs(session: Session, query: Query) -> Document:
    """Each broker's log directories, and the replicas in them whose topic contains `filter`, the largest first.

    Each broker gets one request; a broker that does not respond has an error in place of directories.
    """
    brokers = [each.id for each in await describe_brokers(session)]
    found = await asyncio.gather(*(_log_dirs(session, broker) for broker in brokers))
    wanted = query.get("filter", "")
    replicas = [
        each
        for broker, directories in zip(brokers, found, strict=True)
        if not isinstance(directories, str)
        for each in _replicas(broker, directories)
    ]
    return {
        "log_dirs": [
            each for broker, directories in zip(brokers, found, strict=True) for each in _summaries(broker, directories)
        ],
        "replicas": sorted(
            (each for each in replicas if wanted in each["topic"]),
            key=lambda each: (-each["size"], each["topic"], each["partition"], each["broker"]),
        ),
        "of": len(replicas),
    }


async def _log_dirs(session: Session, broker: BrokerId) -> list[LogDir] | str:
    """The log directories of one broker, or the error with which it responded."""
    try:
        return await describe_log_dirs(session, broker)
    except ConnectionFailed as problem:
        return explain(problem)[0]
    except ApiError as problem:
        return str(problem)


def _summaries(broker: BrokerId, directories: list[LogDir] | str) -> Iterator[Document]:
    if isinstance(directories, str):
        yield {"broker": int(broker), "log_dir": None, "error": directories, "replicas": 0, "size": 0}
        return
    for each in directories:
        yield {
            "broker": int(broker),
            "log_dir": each.path,
            "error": str(each.error) if each.error else None,
            "replicas": len(each.replicas),
            "size": sum(replica.size for replica in each.replicas),
        }


def _replicas(broker: BrokerId, directories: list[LogDir]) -> Iterator[Document]:
    for directory in directories:
        for each in directory.replicas:
            yield {
                "topic": each.partition.topic,
                "partition": each.partition.partition,
                "broker": int(broker),
                "log_dir": directory.path,
                "size": each.size,
                "offset_lag": each.offset_lag,
                "is_future": each.is_future,
            }


async def segments(session: Session, query: Query) -> Document:
    """The segments of a replica with their files if the broker's directory is on this machine, otherwise null.

    A directory is the broker's if its meta.properties names this broker and this cluster.
    raises    BadQuery, ApiError
    """
    topic, partition = required(query, "topic"), whole_number(query, "partition")
    broker = whole_number(query, "broker")
    if partition is None or broker is None:
        raise BadQuery("The address lacks partition= or broker=")
    replicas = _replicas(BrokerId(broker), await describe_log_dirs(session, BrokerId(broker)))
    found = [each for each in replicas if (each["topic"], each["partition"]) == (topic, partition)]
    if not found:
        raise BadQuery(f"Broker {broker} has no replica of {topic}-{partition}")
    replica = min(found, key=lambda each: bool(each["is_future"]))
    cluster = await cluster_id(session)
    files = await asyncio.to_thread(_files, replica, cluster)
    return {
        **replica,
        "folder": files and os.path.join(replica["log_dir"], f"{topic}-{partition}"),
        "segments": files and files[0],
        "other_files": files and files[1],
    }


def _files(replica: Document, cluster: str | None) -> tuple[list[Document], list[Document]] | None:
    """Segments by base offset, and other files by name; None if the directory is not on this machine."""
    folder = os.path.join(replica["log_dir"], f"{replica['topic']}-{replica['partition']}")
    try:
        meta = read_meta_properties(ReadOnlyFiles(), replica["log_dir"])
        if meta is None or (meta.broker_id, meta.cluster_id) != (replica["broker"], cluster):
            return None
        entries = [(entry.name, entry.stat()) for entry in os.scandir(folder) if entry.is_file()]
    except (OSError, MalformedFile):
        return None
    by_offset: dict[int, Document] = {}
    others: list[Document] = []
    for name, status in sorted(entries):
        base, end = os.path.splitext(name)
        modified_ms = status.st_mtime_ns // 1_000_000
        if end in _OF_A_SEGMENT and base.isdecimal():
            segment = by_offset.setdefault(
                int(base), {"base_offset": int(base), "modified": None, **dict.fromkeys(_OF_A_SEGMENT.values())}
            )
            segment[_OF_A_SEGMENT[end]] = status.st_size
            if end == ".log":
                segment["modified"] = modified_ms
        else:
            others.append({"name": name, "size": status.st_size, "modified": modified_ms})
    return [by_offset[base] for base in sorted(by_offset)], others


def command_of(document: Document) -> list[str] | None:
    """The part of a document about the newest segment; None if it is not on this machine."""
    if not document["segments"]:
        return None
    newest = f"{document['segments'][-1]['base_offset']:020d}.log"
    return ["pk", "dump-log", "--files", os.path.join(document["folder"], newest), "--print-data-log"]
