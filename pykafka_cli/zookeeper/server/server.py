"""A standalone ZooKeeper server: builds all parts, starts and stops them in order; the only module that knows them all.

    server = ZooKeeperServer(settings, clock)
    await server.start()        # serves clients from here on; raises ServerUnusable and changes nothing
    await server.failure        # only a failing disk ends a server by itself
    await server.stop()

One event loop does everything but disk writes: one thread writes the log, one snapshots.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pykafka_cli.model import Milliseconds, Seconds, Timestamp, in_seconds
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.zookeeper.protocol.requests import ConnectRequest
from pykafka_cli.zookeeper.server.authentication import Authentication
from pykafka_cli.zookeeper.server.connection import Connection
from pykafka_cli.zookeeper.server.connection_limits import ConnectionLimits
from pykafka_cli.zookeeper.server.data_directory import DirectoryUnusable
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.disk_pace import DiskPace
from pykafka_cli.zookeeper.server.group_commit import GroupCommit
from pykafka_cli.zookeeper.server.http_endpoints import CannotServe, HttpEndpoints
from pykafka_cli.zookeeper.server.listening import CannotListen
from pykafka_cli.zookeeper.server.outside import Outside
from pykafka_cli.zookeeper.server.pipeline import Delivery, Limits, Pipeline
from pykafka_cli.zookeeper.server.ports import SESSIONLESS_S, Ports
from pykafka_cli.zookeeper.server.recovery import recover
from pykafka_cli.zookeeper.server.security import authentication_of, tls_of
from pykafka_cli.zookeeper.server.sessions import Sessions
from pykafka_cli.zookeeper.server.snapshot import SnapshotInvalid, write_snapshot
from pykafka_cli.zookeeper.server.statistics import ServerStatistics
from pykafka_cli.zookeeper.server.txn_log import LogDamaged, TxnLog

if TYPE_CHECKING:
    from pykafka_cli.zookeeper.server.admin_commands import EnsembleView

_log = logging.getLogger(__name__)

_KIB = 1024
_HOUR_S = 3600.0


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """The clock that the server needs; see broker/clock.py."""

    def monotonic(self) -> float: ...
    def now_ms(self) -> Timestamp: ...
    def call_later(self, delay: Seconds, callback: Callable[[], object]) -> Timer: ...


class ServerUnusable(Exception):
    """The server cannot start or continue; the message says why and what would help."""


class ZooKeeperServer:
    """One server; a Host to its connections."""

    mode = "standalone"
    needs_admin_server = True
    """Whether it must not start where its admin server cannot, as in ZooKeeper's ZooKeeperServerMain."""

    def __init__(self, settings: ZooKeeperSettings, clock: Clock, outside: Outside | None = None) -> None:
        self.statistics = ServerStatistics()
        self.lines = RepeatedLines(clock)
        self.connections: dict[Connection, None] = {}
        self.connection_limits = ConnectionLimits(settings, self.statistics)
        self.pipeline: Pipeline
        self.failure: asyncio.Future[None]
        """Raises ServerUnusable if the server cannot continue; is canceled when it is stopped."""
        self.started_at = 0.0
        self.authentication = Authentication()
        self._settings = settings
        self._clock = clock
        self._is_running = False
        self.outside = outside or Outside()
        self.ports = Ports(settings, self, self.outside)
        data, logs = map(Path, settings.directories)
        self._directory = self.outside.directory(data, logs)
        self._timers: dict[str, Timer] = {}
        self._next_tick = 0.0
        self._since_snapshot = 0
        self._snapshot: asyncio.Future[None] | None = None
        self.http: HttpEndpoints | None = None
        """Metrics and admin commands, once it has started."""

    @property
    def port(self) -> int:
        """The port for clients; 0: there is none but for TLS."""
        return self.ports.port

    @property
    def secure_port(self) -> int:
        """The port for clients with TLS; 0: there is none."""
        return self.ports.secure_port

    async def start(self) -> None:
        """Recover, then listen.

        raises    ServerUnusable: the port or the directory is in use, or its files cannot be used; nothing was changed
        """
        try:
            context, self.authentication = tls_of(self._settings), authentication_of(self._settings)
            self.ports.bind()
        except (ConfigError, CannotListen) as error:
            raise ServerUnusable(str(error)) from error
        try:
            self._directory.lock()
            database, replayed = recover(self._directory)
        except (DirectoryUnusable, LogDamaged, SnapshotInvalid, OSError) as error:
            self.ports.release()
            self._directory.unlock()
            raise ServerUnusable(str(error)) from error
        self._build(database)
        self._is_running = True
        self.failure = asyncio.get_running_loop().create_future()
        await self.ports.open(context)
        self.started_at = self._clock.monotonic()
        await self._serve_http()
        if replayed:
            self._replayed()
        self._start_timers()
        _log.info(
            "ZooKeeper listens on %s; %d znodes, last transaction 0x%x, dataDir %s",
            self.ports.description,
            len(database.tree.nodes),
            database.tree.last_zxid,
            self._settings.data_dir,
        )

    async def accept_clients_at(self, host: str, port: int) -> None:
        """Listen at another address in place of that of clientPort; open connections stay.

        raises    CannotListen
        """
        if self._is_running and await self.ports.move(host, port):
            _log.info("Clients connect to port %d from now on", self.port)

    async def _serve_http(self) -> None:
        """Show metrics and respond to admin commands, where that is configured; raises ServerUnusable."""
        self.http = HttpEndpoints(self._settings, self, needs_admin=self.needs_admin_server)
        try:
            await self.http.start()
        except CannotServe as error:
            await self.stop()
            raise ServerUnusable(str(error)) from error

    async def stop(self) -> None:
        """Make started transactions durable, close all connections, and unlock the directory."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.lines.close()
        if not self._is_running:
            return
        self._is_running = False
        if self.http is not None:
            await self.http.stop()
        await self.ports.close()
        await self._commit.drain()
        for connection in list(self.connections):
            connection.abort()
        if self._snapshot is not None:
            await asyncio.wait([self._snapshot])
        await asyncio.get_running_loop().run_in_executor(self._log_thread, self._txn_log.close)
        self._log_thread.shutdown()
        self._snapshot_thread.shutdown()
        self._directory.unlock()
        self.failure.cancel()
        _log.info("ZooKeeper on port %d has stopped", self.port or self.secure_port)

    def _build(self, database: Database) -> None:
        settings = self._settings
        self._database = database
        self._txn_log = TxnLog(
            self._directory,
            preallocate=settings.pre_alloc_size * _KIB,
            slow_fsync_seconds=in_seconds(settings.fsync_warningthresholdms),
        )
        self._log_thread = ThreadPoolExecutor(1, "zookeeper-log")
        self._snapshot_thread = ThreadPoolExecutor(1, "zookeeper-snapshot")
        self._build_pipeline()

    def _replayed(self) -> None:
        """Transactions were replayed, which a snapshot saves the next time."""
        self._take_snapshot()

    def _build_pipeline(self) -> None:
        self._commit: GroupCommit[Any] = self._group_commit(_deliver)
        sessions = Sessions(
            Milliseconds(self._settings.tick_time),
            self._database.timeouts,
            now_ms=int(self._clock.monotonic() * 1000),
            wall_ms=self._clock.now_ms(),
        )
        self.pipeline = Pipeline(
            self._database,
            sessions,
            self.limits,
            append=self._append,
            hold=self._commit.hold,
            now_ms=self._clock.now_ms,
        )

    def _group_commit(self, deliver: Callable[[list[Any]], None], pace: DiskPace | None = None) -> GroupCommit[Any]:
        return GroupCommit(
            self._log_thread,
            write=self._txn_log.write,
            roll=self._txn_log.roll,
            deliver=deliver,
            failed=self._fail,
            pace=pace,
        )

    @property
    def limits(self) -> Limits:
        """What sessions may request."""
        settings = self._settings
        return Limits(
            *settings.session_timeouts,
            self.authentication,
            settings.skips_acl,
            settings.extended_types_enabled,
            settings.enforce_quota,
            Milliseconds(settings.container_max_never_used_ms),
        )

    # Disk.

    def _append(self, zxid: int, entry: bytes) -> None:
        self._commit.append(zxid, entry)
        self._since_snapshot += 1
        if self._since_snapshot >= self._settings.snap_count and self._snapshot is None:
            self._commit.roll()
            self._take_snapshot()

    def _take_snapshot(self) -> None:
        """Write a snapshot of the current state while requests are served."""
        self._since_snapshot = 0
        snapshot = self._database.snapshot()
        path = self._directory.snapshot_file(self._database.tree.last_zxid)
        loop = asyncio.get_running_loop()
        self._snapshot = loop.run_in_executor(
            self._snapshot_thread, write_snapshot, path, snapshot, self._directory.files
        )
        self._snapshot.add_done_callback(self._snapshot_taken)

    def _snapshot_taken(self, written: asyncio.Future[None]) -> None:
        self._snapshot = None
        if not written.cancelled() and (error := written.exception()):
            # Everything is still in the log; the next one may succeed.
            _log.error("A snapshot could not be written: %s", error)

    def _purge(self) -> None:
        def purge() -> None:
            try:
                deleted = self._directory.purge(self._settings.autopurge_snap_retain_count)
            except OSError as error:
                _log.error("Old snapshots and logs could not be deleted: %s", error)
            else:
                _log.info("Deleted %d old snapshots and logs", len(deleted))

        asyncio.get_running_loop().run_in_executor(self._snapshot_thread, purge)

    def _fail(self, error: BaseException) -> None:
        """Stop, as the log cannot be written, rather than acknowledge data that may be lost."""
        for connection in list(self.connections):
            connection.abort()
        if not self.failure.done():
            where, why = self._directory.logs, getattr(error, "strerror", None) or error
            self.failure.set_exception(ServerUnusable(f"the transaction log in {where} cannot be written: {why}"))

    # Time.

    def _start_timers(self) -> None:
        self._next_tick = self._clock.monotonic() + in_seconds(self._settings.tick_time)
        self._timers["tick"] = self._clock.call_later(in_seconds(self._settings.tick_time), self._tick)
        self._every("containers", in_seconds(self._settings.container_check_interval_ms), self._delete_expired)
        if self._settings.autopurge_purge_interval:
            self._purge()
            self._every("purge", Seconds(self._settings.autopurge_purge_interval * _HOUR_S), self._purge)

    def _every(self, name: str, seconds: Seconds, action: Callable[[], None]) -> None:
        def act() -> None:
            self._every(name, seconds, action)
            action()

        self._timers[name] = self._clock.call_later(seconds, act)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        tick = in_seconds(self._settings.tick_time)
        late = now - self._next_tick
        if late > tick:
            # This process, or the whole machine, was suspended: requests that arrived meanwhile have not been read yet.
            _log.warning("The server was suspended for %.1f s; sessions are extended by that time", late)
            self.pipeline.sessions.postpone(int(late * 1000), int(now * 1000))
        self.pipeline.expire_sessions(now)
        for connection in list(self.connections):
            if not connection.session_id and now - connection.connected_at > SESSIONLESS_S:
                connection.end(f"it requested no session within {SESSIONLESS_S:.0f} s", cause="silence")
        # Ticks fall on whole ticks of the clock, as sessions' deadlines do.
        self._next_tick = self.pipeline.sessions.next_tick(int(now * 1000)) / 1000
        self._timers["tick"] = self._clock.call_later(Seconds(self._next_tick - now), self._tick)

    def _delete_expired(self) -> None:
        self.pipeline.delete_expired()

    def clock_will_be_moved(self, seconds: Seconds, *, heard_of: Iterable[int]) -> None:
        """Prepare for the clock to be moved forward: this server is not suspended, and sessions whose ids are not in
        `heard_of` are silent for that long."""
        then = self._clock.monotonic() + seconds
        self._next_tick = max(self._next_tick, then)
        for session_id in heard_of:
            self.pipeline.sessions.touch(session_id, int(then * 1000))

    # What connections ask of their Host.

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def now_ms(self) -> Timestamp:
        return self._clock.now_ms()

    def call_later(self, delay: Seconds, callback: Callable[[], object]) -> object:
        return self._clock.call_later(delay, callback)

    def admit(self, connection: Connection) -> str | None:
        """Count a new connection, or return why it must be rejected."""
        self.connections[connection] = None
        return self.connection_limits.add(connection.peer[0])

    def admit_handshake(self, address: str) -> str | None:
        """Count a connection on which TLS has yet to begin, or return why it must be rejected."""
        return self.connection_limits.add(address)

    def forget_handshake(self, address: str) -> None:
        """TLS has begun there, or never will."""
        self.connection_limits.remove(address)

    def forget(self, connection: Connection) -> None:
        """The connection is closed."""
        if connection not in self.connections:
            return
        del self.connections[connection]
        self.hold(connection, 0)
        self.connection_limits.remove(connection.peer[0])
        self.pipeline.disconnected(connection)

    def hold(self, connection: Connection, size: int) -> None:
        self.connection_limits.hold(connection, size)

    def connect(
        self, connection: Connection, request: ConnectRequest, read_only: bool | None, received_at: float
    ) -> None:
        self.pipeline.connect(connection, request, read_only, received_at)

    def submit(self, connection: Connection, frame: bytes, received_at: float) -> None:
        self.pipeline.submit(connection, frame, received_at)

    def four_letter_word(self, word: bytes, asking: Connection) -> str | None:
        """The response to a word; None if it is not one."""
        if word[0] == 0:
            return None  # the length of a connect request
        from pykafka_cli.zookeeper.server.four_letter_words import answer  # most servers never get one

        return answer(word, self, asking)

    # What four-letter words and admin commands report.

    def allows_word(self, word: str) -> bool:
        return self._settings.allows_word(word)

    def directory_sizes(self) -> tuple[int, int]:
        """Bytes of snapshots and of logs."""
        return self._directory.sizes()

    def configuration(self) -> Iterable[tuple[str, object]]:
        """The values of `conf`, in its order."""
        settings = self._settings
        data_size, log_size = self.directory_sizes()
        shortest, longest = settings.session_timeouts
        yield "clientPort", self.port or -1
        yield "secureClientPort", self.secure_port or -1
        yield "dataDir", self._directory.snapshots.absolute()
        yield "dataDirSize", data_size
        yield "dataLogDir", self._directory.logs.absolute()
        yield "dataLogSize", log_size
        yield "tickTime", settings.tick_time
        yield "maxClientCnxns", settings.max_client_cnxns
        yield "minSessionTimeout", shortest
        yield "maxSessionTimeout", longest
        yield "clientPortListenBacklog", settings.client_port_listen_backlog
        yield "serverId", 0

    @property
    def is_serving(self) -> bool:
        """Whether it serves clients now."""
        return True

    def membership(self) -> str:
        """The ensemble as text; there is none."""
        return ""

    def role_figures(self) -> Mapping[str, object]:
        """Figures that only servers of an ensemble have."""
        return {}

    def proposal_sizes(self) -> tuple[int, int, int] | None:
        """None: a server that is alone proposes nothing."""
        return None

    def ensemble(self) -> "EnsembleView | None":
        """None: there is none."""
        return None

    def reset_observers(self) -> None:
        """Nobody observes a server that is alone."""

    @property
    def slow_fsyncs(self) -> int:
        return self._txn_log.slow_fsyncs

    def last_snapshot(self) -> tuple[int, int] | None:
        """The last transaction in the newest snapshot, and when that was written, in seconds since 1970."""
        return self._directory.last_snapshot()

    def given_settings(self) -> Mapping[str, str]:
        """The texts of the configuration, but not what is secret in them."""
        return self._settings.shown_originals


async def run_zookeeper(
    settings: ZooKeeperSettings, clock: Clock, stop: asyncio.Event, *, on_serving: Callable[[], None] = lambda: None
) -> None:
    """Run a server until `stop` is set.

    on_serving    is called once it serves clients
    raises        ServerUnusable if it cannot start or continue
    """
    server = ZooKeeperServer(settings, clock)
    await server.start()
    on_serving()
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((stopping, server.failure), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            server.failure.result()
    finally:
        stopping.cancel()
        await server.stop()


def _deliver(deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        delivery.client.deliver(delivery)
