"""The server behind each role in an ensemble: its client ports, tree, log and snapshots, which outlast all roles.

    looking    everything that is logged is applied; clients that connect are rejected
    a role     begin(requests) ... append, applied ... end(): all clients are disconnected, what is logged is applied

`append` logs a transaction; the role has it applied once it is committed. So a snapshot contains nothing uncommitted,
and the tree of a server that serves is never ahead of its log.
Source: org.apache.zookeeper.server.quorum.QuorumZooKeeperServer, org.apache.zookeeper.server.ZKDatabase.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from pykafka_cli.model import Milliseconds
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.storage.files import Files
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration, InvalidConfiguration
from pykafka_cli.zookeeper.ensemble.epochs import Epochs
from pykafka_cli.zookeeper.ensemble.learner_sessions import LearnerSessions
from pykafka_cli.zookeeper.ensemble.packets import epoch_of, first_zxid, most_packet
from pykafka_cli.zookeeper.ensemble.read_only import ReadOnlyRequests
from pykafka_cli.zookeeper.ensemble.requests import Requests, Upstream
from pykafka_cli.zookeeper.ensemble.synchronization import LoggedTxn, Synchronization, plan_synchronization
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.requests import ConnectRequest, OpCode
from pykafka_cli.zookeeper.protocol.txn_records import (
    DIGEST_VERSION,
    Entry,
    MultiTxn,
    TxnHeader,
    decode_entry,
    decode_operation,
)
from pykafka_cli.zookeeper.server.connection import Connection
from pykafka_cli.zookeeper.server.data_directory import DirectoryUnusable
from pykafka_cli.zookeeper.server.database import Database, Snapshot
from pykafka_cli.zookeeper.server.outside import Outside
from pykafka_cli.zookeeper.server.paths import CONFIG
from pykafka_cli.zookeeper.server.pipeline import Pipeline, Rejected
from pykafka_cli.zookeeper.server.recovery import read_database
from pykafka_cli.zookeeper.server.replacement import replace_files
from pykafka_cli.zookeeper.server.server import Clock, ServerUnusable, ZooKeeperServer
from pykafka_cli.zookeeper.server.sessions import Sessions
from pykafka_cli.zookeeper.server.snapshot import SnapshotInvalid
from pykafka_cli.zookeeper.server.tree import Event, Tree
from pykafka_cli.zookeeper.server.txn_log import LogDamaged, frame_entry, read_stored, truncate

_log = logging.getLogger(__name__)

LOOKING, LEADER, FOLLOWER, OBSERVER, READ_ONLY = "looking", "leader", "follower", "observer", "read-only"
_NO_LEADER = "this server has no leader"
MOST_LOG_TO_SEND = 32 * 1024 * 1024
"""The most bytes of log files from which to bring a learner up to date; beyond that, a snapshot is as quick."""


class _Proposed(NamedTuple):
    entry: bytes
    decoded: Entry


class Member(ZooKeeperServer):
    """One server of an ensemble, without the protocols between servers."""

    def __init__(self, settings: ZooKeeperSettings, clock: Clock, my_id: int, outside: Outside | None = None) -> None:
        super().__init__(settings, clock, outside)
        self.my_id = my_id
        self.settings = settings
        self.most_packet = most_packet(settings.jute_maxbuffer)
        """Bytes of a packet between the servers."""
        self.mode = LOOKING
        """leader, follower, observer, read-only or looking."""
        self.last_logged_zxid = 0
        """The last transaction in the log; all up to it are durable while this server is looking."""
        self.epochs: Epochs
        self._recent: deque[LoggedTxn] = deque(maxlen=settings.commit_log_count)
        self._requests: Requests | None = None
        self._serving: Pipeline | None = None
        """What serves clients: `_requests`, or a pipeline that serves only reads."""
        self._proposed: dict[int, _Proposed] = {}
        """The transactions that are logged and not applied yet."""
        self._digests_agree = True
        self._lacks_snapshot = False
        self._agreed: EnsembleConfiguration | None = None

    @property
    def is_serving(self) -> bool:
        """Whether clients are served, even if only with reads."""
        return self._serving is not None

    @property
    def database(self) -> Database:
        return self._database

    def committed_configuration(self) -> EnsembleConfiguration | None:
        """The configuration after this server's last role; None before the first role, and without reconfigurations."""
        return self._agreed

    def logged_configuration(self) -> EnsembleConfiguration | None:
        """The last one in the log of a server that is looking, which may not be committed; None if none can be."""
        if not self.settings.reconfig_enabled:
            return None
        return parsed_configuration(self._database.tree.node(CONFIG).data)

    # While a role lasts.

    def begin(self, requests: Requests, mode: str, epoch: int, configuration: EnsembleConfiguration) -> None:
        """Serve clients in `mode`; the tree's zxid is at least the beginning of `epoch`.

        configuration    the one that this server knows; /zookeeper/config may be newer
        """
        tree = self._database.tree
        tree.last_zxid = max(tree.last_zxid, first_zxid(epoch))
        stored = parsed_configuration(tree.node(CONFIG).data) if self.settings.reconfig_enabled else None
        if stored is None or stored.version < configuration.version:
            tree.configure(str(configuration).encode(), configuration.version, self._clock.now_ms())
            stored = configuration
        self._remember(stored)
        self.mode = mode
        self._requests = self._serving = self.pipeline = requests
        if self._lacks_snapshot:
            self._lacks_snapshot = False
            self._take_snapshot()

    def begin_read_only(self) -> None:
        """Serve reads while there is no majority."""
        self.mode = READ_ONLY
        sessions = Sessions(
            Milliseconds(self.settings.tick_time),
            {},
            now_ms=self.now(),
            wall_ms=self._clock.now_ms(),
            server_id=self.my_id,
        )
        self._serving = self.pipeline = ReadOnlyRequests(
            self._database, sessions, self.limits, now_ms=self._clock.now_ms
        )
        _log.warning("The ensemble has no majority; serving reads to clients that accept a read-only server")

    def end_read_only(self) -> None:
        """Disconnect all clients, so that a role can begin."""
        self._turn_away("it no longer serves reads only")

    def requests(
        self,
        upstream: Upstream,
        sessions: Sessions,
        expire: Callable[[float], None] | None = None,
        delete_expired: Callable[[Sequence[str]], None] | None = None,
    ) -> Requests:
        """Create what processes clients' requests in a role; the last two are for a leader."""
        return Requests(
            self._database,
            sessions,
            self.limits,
            upstream,
            now_ms=self._clock.now_ms,
            expire=expire,
            delete_expired=delete_expired,
        )

    def leader_sessions(self) -> Sessions:
        """All sessions, each with its full timeout."""
        return Sessions(
            Milliseconds(self.settings.tick_time),
            self._database.timeouts,
            now_ms=self.now(),
            wall_ms=self._clock.now_ms(),
            server_id=self.my_id,
        )

    def learner_sessions(self) -> LearnerSessions:
        return LearnerSessions(
            Milliseconds(self.settings.tick_time),
            self._database.timeouts,
            now_ms=self.now(),
            wall_ms=self._clock.now_ms(),
            server_id=self.my_id,
        )

    def now(self) -> int:
        """Monotonic, in ms."""
        return int(self._clock.monotonic() * 1000)

    def append(self, zxid: int, entry: bytes, flushed: Callable[[int], None]) -> None:
        """Log a transaction; call `flushed` once it is durable, or only with a later one that was written with it.

        raises    MarshallingError if it is invalid, and could not be applied later
        """
        decoded = decode_entry(entry)
        if decoded.header.zxid != zxid:
            raise MarshallingError(f"transaction 0x{decoded.header.zxid:x} was sent as 0x{zxid:x}")
        if isinstance(decoded.record, MultiTxn):
            for operation in decoded.record.txns:
                decode_operation(operation)
        self.last_logged_zxid = zxid
        self._proposed[zxid] = _Proposed(entry, decoded)
        self._append(zxid, frame_entry(entry))
        self._commit.hold((flushed, zxid))

    def apply(self, zxid: int) -> TxnHeader:
        """Apply a logged transaction that is durable and committed, and respond to the client that it is from."""
        entry, (header, record, digest) = self._proposed.pop(zxid)
        events: list[Event] = []
        outcome = self._database.apply(header, record, events)
        self._recent.append(LoggedTxn(zxid, entry))
        if header.type == OpCode.RECONFIG and self._requests is not None:
            self._remember(parsed_configuration(self._database.tree.node(CONFIG).data))
        tree = self._database.tree
        if digest is not None and digest.version == DIGEST_VERSION and digest.tree_digest != tree.digest:
            if self._digests_agree:
                _log.error("From transaction 0x%x on, the znodes here differ from the leader's", zxid)
            self._digests_agree = False
        if self._requests is not None:
            self._requests.committed(header, outcome, events)
        return header

    def _remember(self, configuration: EnsembleConfiguration | None) -> None:
        if configuration is not None and configuration.version > 0:
            self._agreed = configuration

    async def end(self, reason: str) -> None:
        """End the role: disconnect all clients, and apply what is logged."""
        self._turn_away(f"this server has no leader: {reason}")
        await self._commit.drain()
        for zxid in sorted(self._proposed):
            self.apply(zxid)

    def _turn_away(self, reason: str) -> None:
        self.mode = LOOKING
        self._requests = self._serving = None
        for connection in list(self.connections):
            connection.end(reason)
        self._build_requests()

    # Synchronization.

    def plan_synchronization(self, last_zxid: int) -> Synchronization:
        """How to bring a learner up to date, up to the last applied transaction."""
        return plan_synchronization(last_zxid, self._database.tree.last_zxid, list(self._recent), self._logged_from)

    def tree_snapshot(self) -> Snapshot:
        """The tree and the sessions as of now."""
        return self._database.snapshot()

    async def truncate_to(self, zxid: int) -> None:
        """Drop everything after `zxid`, durably, and rebuild the tree from the rest; raises ServerUnusable."""
        await self._settle()
        try:
            if all(number > zxid for number, _ in self._directory.snapshot_files()):
                raise ServerUnusable(self._no_way_back(zxid))
            self._txn_log.roll()
            truncate(self._directory, zxid)
            for number, path in self._directory.snapshot_files():
                if number > zxid:
                    self._directory.files.remove(str(path))
            recovered = read_database(self._directory)
        except (LogDamaged, SnapshotInvalid, OSError) as error:
            raise ServerUnusable(f"transactions that no other server has cannot be dropped: {error}") from error
        # No transaction has the zxid with which an epoch begins: what was logged before it is all there is to keep.
        is_beginning_of_epoch = zxid == first_zxid(epoch_of(zxid))
        if recovered is None or (recovered.database.tree.last_zxid != zxid and not is_beginning_of_epoch):
            raise ServerUnusable(self._no_way_back(zxid))
        recovered.database.tree.last_zxid = zxid
        self._replace(recovered.database, zxid)

    def _no_way_back(self, zxid: int) -> str:
        return (
            f"the files in {self._directory.snapshots} do not go back to transaction 0x{zxid:x}, after which the other "
            f"servers have a different history; move the directory away, and this server gets their data"
        )

    async def install(self, snapshot: Snapshot, zxid: int) -> None:
        """Replace everything with what a leader sent, durably. Raises ServerUnusable, NoNode."""
        tree = Tree.restore(snapshot.nodes, zxid)
        database = Database(tree, snapshot.timeouts.items())
        await self._settle()

        def write() -> None:
            self._txn_log.roll()
            replace_files(self._directory, zxid, database.snapshot())

        try:
            await asyncio.get_running_loop().run_in_executor(self._log_thread, write)
        except OSError as error:
            raise ServerUnusable(f"the leader's snapshot cannot be written: {error}") from error
        self._replace(database, zxid)

    async def _settle(self) -> None:
        """Wait until nothing is being written."""
        await self._commit.drain()
        if self._snapshot is not None:
            await asyncio.wait([self._snapshot])

    def _replace(self, database: Database, zxid: int) -> None:
        self._database = database
        self._proposed.clear()
        self._recent.clear()
        self._recent.extend(self._newest())
        self.last_logged_zxid = zxid
        self._digests_agree = True
        self._build_requests()

    def _logged_from(self, zxid: int) -> list[LoggedTxn]:
        """The transactions in the log files from the one with `zxid` on; none if a snapshot is smaller."""
        files = [path for _, path in self._directory.log_files_from(zxid)]
        snapshots = self._directory.snapshot_files()
        factor = self.settings.snapshot_size_factor
        if not files or not snapshots or factor < 0:
            return []
        try:
            size = self._directory.files.size
            later = sum(size(str(path)) for path in files[1:])
            if later > factor * size(str(snapshots[0][1])):
                return []
            return _contiguous(files, self._recent[0].zxid, self._directory.files)
        except (LogDamaged, OSError) as error:
            _log.warning("Sending a snapshot to a learner, since the log cannot be read: %s", error)
            return []

    def _newest(self) -> list[LoggedTxn]:
        """The last transactions in the log since the newest snapshot."""
        newest = next((number for number, _ in self._directory.snapshot_files()), 0)
        paths = [path for _, path in self._directory.log_files_from(newest + 1)]
        kept: deque[LoggedTxn] = deque(maxlen=self._recent.maxlen)
        for path in paths:
            stored = read_stored(path, newest, self._directory.files)
            kept.extend(LoggedTxn(each.zxid, each.body) for each in stored)
        return list(kept)

    # A ZooKeeperServer without a leader.

    def _build_pipeline(self) -> None:
        # A write waits for the disks of several servers, so each of them avoids the detour through a thread.
        self._commit = self._group_commit(_report, self.outside.disk_pace(self._clock.monotonic))
        self._build_requests()
        self.last_logged_zxid = self._database.tree.last_zxid
        try:
            self.epochs = Epochs.load(self._directory.snapshots, self.last_logged_zxid, self._directory.files)
            self._recent.extend(self._newest())
        except (DirectoryUnusable, LogDamaged, OSError) as error:
            raise ServerUnusable(str(error)) from error

    def _build_requests(self) -> None:
        self.pipeline = self.requests(_NoLeader(), self.learner_sessions())

    def _replayed(self) -> None:
        """No snapshot yet: what was replayed may not be committed."""
        self._lacks_snapshot = True

    def _take_snapshot(self) -> None:
        if self._requests is not None:
            super()._take_snapshot()

    def connect(
        self, connection: Connection, request: ConnectRequest, read_only: bool | None, received_at: float
    ) -> None:
        if self._serving is None:
            raise Rejected(_NO_LEADER)
        if self.mode == LEADER and self.settings.leader_serves == "no":
            raise Rejected("this server leads, and serves no clients (leaderServes=no)")
        self._serving.connect(connection, request, read_only, received_at)

    def submit(self, connection: Connection, frame: bytes, received_at: float) -> None:
        if self._serving is None:
            raise Rejected(_NO_LEADER)
        self._serving.submit(connection, frame, received_at)


class _NoLeader:
    """The Upstream of a server that serves nobody."""

    def forward(self, *_: object) -> None:
        raise Rejected(_NO_LEADER)

    sync = revalidate = forward


def _contiguous(paths: Sequence[Path], last: int, files: Files) -> list[LoggedTxn]:
    """The transactions in the files up to `last`; nothing if some are missing in between, or they are too many."""
    txns: list[LoggedTxn] = []
    size = before = 0
    for path in paths:
        for zxid, body, *_ in read_stored(path, files=files):
            size += len(body)
            is_gap = zxid != before + 1 and epoch_of(zxid) == epoch_of(before)
            if size > MOST_LOG_TO_SEND or (txns and is_gap):
                return []
            txns.append(LoggedTxn(zxid, body))
            before = zxid
            if zxid >= last:
                return txns
    return txns


def parsed_configuration(data: bytes | None) -> EnsembleConfiguration | None:
    """The configuration in /zookeeper/config, None if there is none."""
    try:
        return EnsembleConfiguration.parse((data or b"").decode()) if data else None
    except (InvalidConfiguration, UnicodeDecodeError):
        return None


def _report(durable: list[tuple[Callable[[int], None], int]]) -> None:
    """Call each function with the last of its transactions."""
    for flushed, zxid in dict(durable).items():
        flushed(zxid)
