"""Replaces all files of a data directory by one snapshot, as if at one instant: that of a leader, with another history.

    dataDir/version-2/replacing   the snapshot's zxid in hex, while the files are being replaced

What is older stays in force until the snapshot is there, which is then whole, and counts for nothing from then on: its
logs may end in transactions that were never committed, and must not be sent to anyone.
"""

from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Snapshot
from pykafka_cli.zookeeper.server.snapshot import write_snapshot

_MARK = "replacing"


def replace_files(directory: DataDirectory, zxid: int, snapshot: Snapshot) -> None:
    """Write the snapshot and remove everything else, durably; raises OSError, then `finish_replacing` has to follow."""
    directory.files.replace(str(directory.snapshots / _MARK), f"{zxid:x}".encode())
    write_snapshot(directory.snapshot_file(zxid), snapshot, directory.files)
    _remove_others(directory, zxid)


def finish_replacing(directory: DataDirectory) -> None:
    """Finish what a server began that died meanwhile; without the snapshot, what was there before is kept.

    raises    OSError
    """
    files, mark = directory.files, str(directory.snapshots / _MARK)
    if not files.exists(mark):
        return
    zxid = int(files.read(mark), 16)
    if files.exists(str(directory.snapshot_file(zxid))):
        _remove_others(directory, zxid)
    else:
        _remove_mark(directory)


def _remove_others(directory: DataDirectory, zxid: int) -> None:
    files = directory.files
    for _, path in directory.log_files():
        files.remove(str(path))
    for number, path in directory.snapshot_files():
        if number != zxid:
            files.remove(str(path))
    files.sync_directory(str(directory.logs))
    _remove_mark(directory)


def _remove_mark(directory: DataDirectory) -> None:
    """Durably, with all that was removed before: what is logged from now on must not be taken for older."""
    directory.files.sync_directory(str(directory.snapshots))
    directory.files.remove(str(directory.snapshots / _MARK))
    directory.files.sync_directory(str(directory.snapshots))
