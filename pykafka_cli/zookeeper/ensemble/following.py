"""The role of a follower or an observer: a connection to the leader, and what LearnerState decides.

    reason = await Following(member, configuration, leader=2).serve()

Source: org.apache.zookeeper.server.quorum.{Follower, Observer, Learner, LearnerZooKeeperServer}.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from pykafka_cli.model import Seconds, in_seconds
from pykafka_cli.zookeeper.ensemble import learner_state
from pykafka_cli.zookeeper.ensemble.configuration import Address, EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.learner_sessions import LearnerSessions
from pykafka_cli.zookeeper.ensemble.learner_state import LearnerEffect, LearnerPhase, LearnerState
from pykafka_cli.zookeeper.ensemble.member import FOLLOWER, OBSERVER, Member, parsed_configuration
from pykafka_cli.zookeeper.ensemble.packet_writer import PacketWriter
from pykafka_cli.zookeeper.ensemble.packets import (
    LearnerRequest,
    PacketReader,
    PacketType,
    QuorumPacket,
    SessionTimeout,
    encode_request,
    encode_touches,
)
from pykafka_cli.zookeeper.ensemble.prompt_protocol import PromptProtocol, connect
from pykafka_cli.zookeeper.ensemble.requests import Requests
from pykafka_cli.zookeeper.ensemble.tree_stream import TreeReader
from pykafka_cli.zookeeper.protocol.errors import KeeperError
from pykafka_cli.zookeeper.protocol.jute import encode
from pykafka_cli.zookeeper.protocol.records import Id
from pykafka_cli.zookeeper.server.paths import CONFIG
from pykafka_cli.zookeeper.server.server import ServerUnusable

_log = logging.getLogger(__name__)

_READ_SIZE = 256 * 1024
_RECONFIGURED = "the ensemble has been reconfigured"
_CLOSED = "it closed the connection"
_LONG = (learner_state.Truncate, learner_state.ReceiveTree)
"""The effects that take a while."""
_RETRY_DELAYS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between attempts: a leader may open its port a little after its election, and until then a proxy in front of
it accepts connections only to close them."""


class Following:
    """One period of following a leader; the Upstream of this server's clients."""

    def __init__(
        self,
        member: Member,
        configuration: EnsembleConfiguration,
        leader: int,
        *,
        is_observer: bool = False,
        on_epoch: Callable[[int], None] = lambda _epoch: None,
        on_configuration: Callable[[EnsembleConfiguration], None] = lambda _configuration: None,
    ) -> None:
        """Prepare to follow.

        leader              the id of the elected server
        on_epoch            is called with the epoch of the leader once this server serves in it
        on_configuration    is called with each new configuration when it is in force
        """
        self._member = member
        self._configuration = configuration
        self._leader = leader
        self._is_observer = is_observer
        self._on_epoch = on_epoch
        self._on_configuration = on_configuration
        self._packets: PacketReader
        self._has_heard = False
        """Whether the leader has sent anything on this connection."""
        self._was_turned_away = False
        """Whether connecting failed, or the leader closed the connection without sending anything."""
        self._connection: PromptProtocol
        self._heard_at = 0.0
        """When the leader sent something last, on the event loop's clock."""
        self._unread = 0
        """Bytes that have arrived and were not read yet."""
        self._writer: asyncio.StreamWriter
        self._outgoing: PacketWriter
        self._state: LearnerState
        self._sessions: LearnerSessions
        self._requests: Requests
        self._is_synchronized = False
        self._reason: str | None = None
        """Why this server stops following; None while it follows."""
        self._failure: ServerUnusable | None = None

    async def serve(self) -> str:
        """Follow the leader until that is no longer possible, and return why; raises ServerUnusable."""
        reason = "this server stops"
        try:
            server = self._configuration.servers.get(self._leader)
            if server is None:
                reason = f"server {self._leader} is not in the configuration"
                return reason
            for delay in (*_RETRY_DELAYS, None):
                reason = await self._attempt(server.quorum_address)
                if delay is None or not self._was_turned_away:
                    break
                await asyncio.sleep(delay)
            return reason
        finally:
            await self._member.end(reason)

    async def _attempt(self, address: Address) -> str:
        """Connect to the leader and follow it, and return why that ended."""
        problem = await self._connect(address)
        self._was_turned_away = problem is not None
        if problem is not None:
            return f"server {self._leader} cannot be reached at {address}: {problem}"
        self._packets, self._has_heard, self._reason = PacketReader(self._member.most_packet), False, None
        try:
            return await self._follow()
        finally:
            self._writer.transport.abort()

    async def _connect(self, address: Address) -> str | None:
        """Connect to the leader; or return why that is not possible."""
        try:
            async with asyncio.timeout(self._timeout()):
                self._connection, self._writer = await connect(address.host, address.port)
        except TimeoutError:
            return "it does not answer"
        except (OSError, UnicodeError) as error:  # UnicodeError: what is no host name at all
            return getattr(error, "strerror", None) or str(error)
        self._outgoing = PacketWriter(
            self._writer, lambda: self._leave("the leader does not read what it is sent"), self._member.most_packet
        )
        self._unread = 0
        self._connection.receive = self._keep
        return None

    async def _follow(self) -> str:
        member = self._member
        self._state = LearnerState(
            member.my_id,
            is_observer=self._is_observer,
            accepted_epoch=member.epochs.accepted,
            current_epoch=member.epochs.current,
            last_logged=member.last_logged_zxid,
            configuration_version=self._configuration.version,
        )
        try:
            self._perform_all()
            while self._reason is None:
                await self._read_some()
                while self._reason is None and (packet := self._packets.take()) is not None:
                    self._state.received(packet)
                    while (long := self._perform_all()) is not None:
                        await self._perform_long(long)
                if self._state.phase is LearnerPhase.BROADCAST and not self._unread:
                    await self._receive_promptly()
        except TimeoutError:
            self._leave(f"the leader has sent nothing for {self._timeout():g} s")
        except KeeperError as error:
            self._leave(_unreadable(error))
        except (EOFError, OSError) as error:
            self._was_turned_away = not self._has_heard
            self._leave(f"the connection to the leader was lost: {error}")
        if self._failure is not None:
            raise self._failure
        assert self._reason is not None
        return self._reason

    def _leave(self, reason: str) -> None:
        """Stop following; only the first reason is kept."""
        if self._reason is None:
            self._reason = reason
            self._writer.transport.abort()  # wakes whoever is reading from the leader

    async def _read_some(self) -> None:
        async with asyncio.timeout(self._timeout()):
            data = await self._connection.reader.read(_READ_SIZE)
        if not data:
            raise EOFError(_CLOSED)
        self._has_heard = True
        self._unread -= len(data)
        self._packets.feed(data)

    def _keep(self, data: bytes) -> None:
        """Let bytes wait to be read."""
        self._unread += len(data)
        self._connection.reader.feed_data(data)

    async def _receive_promptly(self) -> None:
        """Process at once what arrives, until the connection ends or is silent; raises EOFError, OSError, or
        TimeoutError."""
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        self._connection.receive = self._receive
        while True:
            heard_at = self._heard_at
            try:
                async with asyncio.timeout_at(heard_at + self._timeout()):
                    await self._connection.reader.read(1)  # the end: bytes do not get there
                raise EOFError(_CLOSED)
            except TimeoutError:
                if heard_at == self._heard_at:
                    raise

    def _receive(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._packets.feed(data)
        self._promptly(self._process_all)

    def _process_all(self) -> None:
        while self._reason is None and (packet := self._packets.take()) is not None:
            self._state.received(packet)
            self._perform_all()

    def _promptly(self, process: Callable[[], object]) -> None:
        """Process something outside of the task that follows, which learns of failures by the end of the connection."""
        try:
            process()
        except ServerUnusable as error:
            self._failure = error
            self._leave(str(error))
        except KeeperError as error:
            self._leave(_unreadable(error))

    def _timeout(self) -> Seconds:
        """How long the leader may be silent now."""
        settings = self._member.settings
        ticks = settings.sync_limit if self._is_synchronized else settings.init_limit
        return in_seconds(ticks * settings.tick_time)

    # What the state decides.

    def _perform_all(self) -> LearnerEffect | None:
        """Carry out effects in order up to the first one that takes a while, and return that."""
        effects = self._state.effects
        while effects and self._reason is None:
            effect = effects.pop(0)
            if isinstance(effect, _LONG):
                return effect
            self._perform(effect)
        return None

    async def _perform_long(self, effect: LearnerEffect) -> None:
        match effect:
            case learner_state.Truncate(zxid):
                _log.info("Dropping the transactions after 0x%x, which only this server has", zxid)
                await self._member.truncate_to(zxid)
                self._state.truncated(zxid)
            case learner_state.ReceiveTree(zxid):
                await self._receive_tree(zxid)

    def _perform(self, effect: LearnerEffect) -> None:
        member = self._member
        match effect:
            case learner_state.Send(packet):
                self._outgoing.send(packet)
            case learner_state.Append(zxid, entry):
                member.append(zxid, entry, self._flushed)
            case learner_state.Apply(zxid):
                member.apply(zxid)
            case learner_state.AnswerPing(zxid):
                touches = encode_touches(self._sessions.take_touched())
                self._outgoing.send(QuorumPacket(PacketType.PING, zxid, touches))
            case learner_state.Synced():
                self._requests.synced()
            case learner_state.Revalidated(validity):
                self._requests.revalidated(validity)
            case learner_state.AcceptEpoch(epoch):
                _on_disk(member.epochs.accept, epoch)
            case learner_state.EnterEpoch(epoch):
                _on_disk(member.epochs.enter, epoch)
                self._is_synchronized = True
                self._sessions = member.learner_sessions()
            case learner_state.Serve(epoch):
                self._begin(epoch)
            case learner_state.Activate(_, leader):
                self._activate(leader)
            case learner_state.Leave(reason):
                self._leave(reason)

    def _begin(self, epoch: int) -> None:
        member = self._member
        self._requests = member.requests(self, self._sessions)
        if member.settings.reconfig_enabled:
            self._adopt(parsed_configuration(self._state.configuration))
            if self._has_another_role:
                self._leave(_RECONFIGURED)
                return
        member.begin(self._requests, OBSERVER if self._is_observer else FOLLOWER, epoch, self._configuration)
        _log.info("This server follows server %d in epoch %d", self._leader, epoch)
        self._on_epoch(epoch)

    def _adopt(self, configuration: EnsembleConfiguration | None) -> None:
        if configuration is not None and configuration.version > self._configuration.version:
            self._configuration = configuration
            self._on_configuration(configuration)

    def _activate(self, leader: int) -> None:
        """Continue in the new configuration, unless another server leads in it, or this one has another role."""
        member = self._member
        if not member.settings.reconfig_enabled:
            return
        self._adopt(parsed_configuration(member.database.tree.node(CONFIG).data))
        if leader != self._leader or self._has_another_role:
            self._leave(_RECONFIGURED)

    @property
    def _has_another_role(self) -> bool:
        """Whether the configuration in force has another role for this server than the one that it is in."""
        return (self._member.my_id in self._configuration.observers) != self._is_observer

    async def _receive_tree(self, zxid: int) -> None:
        tree = TreeReader(self._packets)
        while (snapshot := tree.take()) is None:
            await self._read_some()
        _log.info("Got %d znodes as of transaction 0x%x from the leader", len(snapshot.nodes), zxid)
        await self._member.install(snapshot, zxid)
        self._state.tree_received(zxid)

    def _flushed(self, zxid: int) -> None:
        """The log is durable up to `zxid`; may be called after the role has ended."""
        if self._reason is not None:
            return
        self._state.flushed(zxid)
        self._promptly(self._perform_all)

    # The Upstream of this server's clients.

    def forward(self, request: LearnerRequest, identities: Sequence[Id]) -> None:
        packet = QuorumPacket(PacketType.REQUEST, data=encode_request(request), authinfo=tuple(identities) or None)
        self._outgoing.send(packet)

    sync = forward

    def revalidate(self, session: SessionTimeout) -> None:
        self._outgoing.send(QuorumPacket(PacketType.REVALIDATE, data=encode(session)))


def _unreadable(error: KeeperError) -> str:
    return f"what the leader sent cannot be read: {error}"


def _on_disk(store: Callable[[int], None], epoch: int) -> None:
    try:
        store(epoch)
    except OSError as error:
        raise ServerUnusable(f"the epoch {epoch} cannot be stored: {error}") from error
