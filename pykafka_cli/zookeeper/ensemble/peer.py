"""The life of one server of an ensemble: it elects, serves in the role that it is elected to, and elects again.

    LOOKING -> LEADING, FOLLOWING or OBSERVING -> LOOKING -> ...

    peer = EnsemblePeer(membership, member, make_role, clock)
    await peer.run()          until it is canceled

In every state, it responds to servers that look for a leader. Source: org.apache.zookeeper.server.quorum.QuorumPeer
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Protocol

from pykafka_cli.model import Seconds, in_seconds
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.zookeeper.ensemble.configuration import Address, EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.dynamic_files import DynamicFiles
from pykafka_cli.zookeeper.ensemble.election import Election, Message
from pykafka_cli.zookeeper.ensemble.election_connections import ElectionConnections
from pykafka_cli.zookeeper.ensemble.epochs import Epochs
from pykafka_cli.zookeeper.ensemble.membership import Membership
from pykafka_cli.zookeeper.ensemble.notifications import Hello, Notification, ServerState
from pykafka_cli.zookeeper.ensemble.vote import Vote
from pykafka_cli.zookeeper.server.listening import CannotListen
from pykafka_cli.zookeeper.server.outside import Outside
from pykafka_cli.zookeeper.server.server import Clock

_log = logging.getLogger(__name__)

_BACKLOG = 128
_LEAST_PATIENCE_S = 2.0
"""How long a server looks for a leader before it serves only reads, or one tick if that is longer."""


class ElectingServer(Protocol):
    """What an election needs from the server: the history that it votes with."""

    epochs: Epochs
    outside: Outside
    lines: RepeatedLines

    @property
    def last_logged_zxid(self) -> int:
        """The zxid of the last transaction in the log."""

    def committed_configuration(self) -> EnsembleConfiguration | None:
        """The last one that the ensemble has agreed on, if it was reconfigured."""

    def logged_configuration(self) -> EnsembleConfiguration | None:
        """The last one in the log, which may not be committed; None if there is none."""

    def begin_read_only(self) -> None:
        """Serve reads, while there is no leader, to clients that accept that."""

    def end_read_only(self) -> None:
        """Serve nobody until a role begins."""

    async def accept_clients_at(self, host: str, port: int) -> None:
        """Listen for clients at another address, in place of the former one; raises CannotListen."""


class Role(Protocol):
    """Leading, following or observing, once."""

    async def serve(self) -> str:
        """Serve until that is no longer possible, and return why."""


MakeRole = Callable[["EnsemblePeer", Vote], Role]
"""The role of a peer's state, with the vote that won. It calls the peer's follow_epoch and take_over."""


class EnsemblePeer:
    """One server among the others."""

    def __init__(self, membership: Membership, member: ElectingServer, make_role: MakeRole, clock: Clock) -> None:
        settings = membership.settings
        assert membership.my_id is not None
        self.configuration = membership.configuration
        self.role: Role | None = None
        """What it serves as; None while it looks for a leader."""
        self.leader: int | None = None
        """Who was elected last."""
        self._my_id = membership.my_id
        self._membership = membership
        self._member = member
        self._make_role = make_role
        self._clock = clock
        self._heard = asyncio.Event()
        self._files = DynamicFiles(membership, member.outside.files)
        self._client_address = membership.me.client
        self._moving: dict[asyncio.Task[None], None] = {}
        self.election = Election(
            self._my_id,
            membership.configuration,
            membership.last_seen,
            intervals=(
                in_seconds(settings.min_notification_interval),
                in_seconds(settings.max_notification_interval),
            ),
            accepts_newer=settings.reconfig_enabled,
        )
        self._connections = ElectionConnections(
            Hello(self._my_id, (membership.me.election_address,)),
            self._addresses(self.configuration),
            self._receive,
            member.lines,
            connect_timeout=in_seconds(settings.cnx_timeout),
            hello_timeout=in_seconds(settings.tick_time * settings.sync_limit),
        )

    @property
    def state(self) -> ServerState:
        return self.election.state

    async def open(self) -> None:
        """Open the election port; raises CannotListen."""
        await self._listen()
        try:
            self._files.back_up()
        except OSError as error:
            _log.error("%s cannot be written: %s", error.filename, error.strerror)

    async def run(self) -> None:
        """Elect and serve, until this is canceled; raises what a role raises."""
        try:
            while True:
                vote = await self._elect()
                state = self.election.state
                _log.info("Server %d is %s; the leader is server %d", self._my_id, state.name, vote.leader)
                self.leader, self.role = vote.leader, self._make_role(self, vote)
                reason = await self.role.serve()
                self.role = None
                _log.info("Server %d is no longer %s: %s", self._my_id, state.name, reason)
                committed = self._member.committed_configuration()
                if committed is not None:
                    self.take_over(committed)
        finally:
            for moving in self._moving:
                moving.cancel()
            await self._connections.close()

    # What roles report.

    def follow_epoch(self, epoch: int) -> None:
        """The epoch of the elected leader is in force."""
        self.election.follow_epoch(epoch)

    def take_over(self, configuration: EnsembleConfiguration) -> None:
        """Continue with a configuration that the ensemble has agreed on, unless a later one is known."""
        if configuration.version <= self.configuration.version:
            return
        before, now = (each.servers.get(self._my_id) for each in (self.configuration, configuration))
        self.configuration = configuration
        self.election.reconfigure(configuration)
        self._connections.set_addresses(self._addresses(configuration))
        self._files.commit(configuration)
        _log.info("The ensemble's configuration is now version %x", configuration.version)
        if now is None:
            return
        if before is not None and now.election_address != before.election_address:
            self._move(self._listen(), "Other servers cannot reach this one for elections")
        if now.client is not None and now.client != self._client_address:
            self._client_address = now.client
            moving = self._member.accept_clients_at(now.client.host, now.client.port)
            self._move(moving, f"Clients cannot connect to {now.client}")

    # Elections.

    async def _elect(self) -> Vote:
        with self._read_only_after_a_while():
            self._look()
            while (vote := self.election.elected) is None:
                if (newer := self.election.newer) is not None:
                    self.take_over(newer)
                    self._look()
                await self._next_event()
                self._send(self.election.time_out(self._clock.monotonic()))
            return vote

    @contextlib.contextmanager
    def _read_only_after_a_while(self) -> Iterator[None]:
        """If no leader is elected in time, serve reads until one is (readonlymode.enabled)."""
        settings = self._membership.settings
        if not settings.read_only_mode_enabled:
            yield
            return
        patience = Seconds(max(_LEAST_PATIENCE_S, in_seconds(settings.tick_time)))
        timer = self._clock.call_later(patience, self._member.begin_read_only)
        try:
            yield
        finally:
            timer.cancel()
            self._member.end_read_only()

    def _look(self) -> None:
        member = self._member
        last_seen = self._last_seen()
        self.election.reconfigure(self.configuration, last_seen)
        self._connections.set_addresses(self._addresses(last_seen, self.configuration))
        self._send(self.election.look(member.last_logged_zxid, member.epochs.current, self._clock.monotonic()))

    def _last_seen(self) -> EnsembleConfiguration | None:
        """The latest configuration that was proposed to this server: it may be in force elsewhere."""
        found = [each for each in (self._membership.last_seen, self._member.logged_configuration()) if each is not None]
        return max(found, key=lambda each: each.version, default=None)

    async def _next_event(self) -> None:
        """Wait for a notification, or until the election's deadline."""
        self._heard.clear()
        wake = contextlib.ExitStack()
        if (deadline := self.election.deadline) is not None:
            delay = max(0.0, deadline - self._clock.monotonic())
            wake.callback(self._clock.call_later(Seconds(delay), self._heard.set).cancel)
        with wake:
            await self._heard.wait()

    def _receive(self, sender: int, notification: Notification) -> None:
        self._send(self.election.receive(sender, notification, self._clock.monotonic()))
        self._heard.set()

    def _send(self, messages: Iterable[Message]) -> None:
        for server_id, notification in messages:
            self._connections.send(server_id, notification)

    # The configuration.

    def _addresses(self, *configurations: EnsembleConfiguration | None) -> dict[int, Address]:
        """Where the other servers of some configurations are; of several addresses, the last one.

        Servers that are only proposed belong to them while there is no leader: their votes are needed.
        """
        servers = [each for one in configurations if one is not None for each in one.servers.values()]
        return {each.id: each.election_address for each in servers if each.id != self._my_id}

    def _move(self, moving: Coroutine[Any, Any, None], otherwise: str) -> None:
        """Open a port that a new configuration has for this server; log why that failed, if it does."""

        async def move() -> None:
            try:
                await moving
            except CannotListen as error:
                _log.error("%s: %s", otherwise, error)

        task = asyncio.create_task(move())
        self._moving[task] = None
        task.add_done_callback(self._moving.pop)

    async def _listen(self) -> None:
        address = self.configuration.servers[self._my_id].election_address
        everywhere = self._membership.settings.quorum_listen_on_all_ips
        keys = (f"port in server.{self._my_id}", f"address, which server.{self._my_id} has")
        host = None if everywhere else address.host
        await self._connections.listen(self._member.outside.listening_socket(host, address.port, _BACKLOG, keys=keys))
