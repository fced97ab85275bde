"""Recovers the database from the files of a data directory.

    the newest whole snapshot, then every logged transaction after it, in order

If a snapshot is not whole, the previous one is used; a torn transaction at the end of a log was never acknowledged and
is dropped. Any other damage is rejected, as starting would lose acknowledged data. Source:
org.apache.zookeeper.server.persistence.FileTxnSnapLog.restore.
"""

import logging
from collections.abc import Iterator
from typing import NamedTuple

from pykafka_cli.zookeeper.protocol.errors import NoNode
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import DIGEST_VERSION, Entry
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.replacement import finish_replacing
from pykafka_cli.zookeeper.server.snapshot import SnapshotInvalid, read_snapshot, remove_leftovers, write_snapshot
from pykafka_cli.zookeeper.server.tree import Tree
from pykafka_cli.zookeeper.server.txn_log import LogDamaged, read_entries

_log = logging.getLogger(__name__)

_COUNTER_BITS = 32  # of a zxid: the upper half is an ensemble's epoch, in which the lower half counts from 1


class Recovered(NamedTuple):
    """`replayed` is the number of transactions from the logs, work that a new snapshot would save next time."""

    database: Database
    replayed: int


def recover(directory: DataDirectory) -> Recovered:
    """The database in the files of `directory`; an empty directory gets the snapshot that ZooKeeper expects.

    What a server that died had begun to replace by its leader's snapshot is replaced first.

    raises    LogDamaged, SnapshotInvalid, OSError; then nothing else has changed
    """
    remove_leftovers(directory.snapshots, directory.files)
    finish_replacing(directory)
    recovered = read_database(directory)
    if recovered is None:
        database = Database()
        write_snapshot(directory.snapshot_file(0), database.snapshot(), directory.files)
        return Recovered(database, 0)
    database = recovered.database
    if orphans := database.remove_orphans():
        _log.warning("Removed ephemeral znodes of sessions that had ended: %s", ", ".join(orphans))
        path = directory.snapshot_file(database.tree.last_zxid)
        write_snapshot(path, database.snapshot(), directory.files)
    return recovered


def read_database(directory: DataDirectory) -> Recovered | None:
    """The same without changing anything; None for an empty directory.

    raises    LogDamaged, SnapshotInvalid, OSError
    """
    database, digest_zxid = _restore_newest(directory)
    if database is None:
        if any(True for _, path in directory.log_files() for _ in read_entries(path, files=directory.files)):
            raise SnapshotInvalid(
                f"{directory.snapshots} has no snapshot, but {directory.logs} has transactions: without a snapshot "
                f"they cannot be applied. Put the snapshots back, or move the logs away to start empty"
            )
        return None
    return Recovered(database, _replay(directory, database, digest_zxid))


def _restore_newest(directory: DataDirectory) -> tuple[Database | None, int]:
    """The database of the newest whole snapshot, if any, and the zxid from which its digest is valid."""
    problems = []
    for zxid, path in directory.snapshot_files():
        try:
            timeouts, nodes, digest_zxid, digest = read_snapshot(path, directory.files)
            tree = Tree.restore(nodes, zxid)
        except (SnapshotInvalid, NoNode) as error:
            _log.warning("Skipping a snapshot: %s", error)
            problems.append(str(error))
            continue
        if digest_zxid == zxid != 0 and digest != tree.digest:
            _log.error("The digest of %s does not match its znodes", path)
        return Database(tree, timeouts.items()), max(zxid, digest_zxid)
    if problems:
        raise SnapshotInvalid(f"no usable snapshot in {directory.snapshots}: {'; '.join(problems)}")
    return None, 0


def _replay(directory: DataDirectory, database: Database, digest_zxid: int) -> int:
    """Apply the transactions logged after the snapshot; return their number."""
    replayed = 0
    digests_agree = True
    for entry in _entries_after(directory, database.tree.last_zxid):
        database.apply(entry.header, entry.record, [])
        replayed += 1
        # Up to digest_zxid the snapshot may be ahead of the log.
        if digests_agree and entry.header.zxid >= digest_zxid and not _digest_agrees(entry, database.tree):
            digests_agree = False
            _log.error(
                "From transaction 0x%x (%s) on, the znodes differ from those when it was logged",
                entry.header.zxid,
                OpCode(entry.header.type).name,
            )
    return replayed


def _entries_after(directory: DataDirectory, zxid: int) -> Iterator[Entry]:
    """All logged transactions after `zxid`; raises LogDamaged if one is missing in between."""
    for _, path in directory.log_files_from(zxid + 1):
        for entry in read_entries(path, zxid, directory.files):
            found = entry.header.zxid
            if found != zxid + 1 and found >> _COUNTER_BITS == zxid >> _COUNTER_BITS:
                raise LogDamaged(
                    f"{path} continues with transaction 0x{found:x}, but 0x{zxid + 1:x} is missing: a log was lost or"
                    f" truncated. Restore it; or, to start without the rest, move this log and later ones away"
                )
            zxid = found
            yield entry


def _digest_agrees(entry: Entry, tree: Tree) -> bool:
    digest = entry.digest
    return digest is None or digest.version != DIGEST_VERSION or digest.tree_digest == tree.digest
