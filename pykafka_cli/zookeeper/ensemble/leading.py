"""The role of the leader: the quorum port, a connection for each learner, and what LeaderState decides.

    reason = await Leading(member, configuration).serve()

Source: org.apache.zookeeper.server.quorum.{Leader, LearnerHandler, LeaderZooKeeperServer}.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import cast

from pykafka_cli.model import Seconds, in_seconds
from pykafka_cli.zookeeper.ensemble import leader_effects, leader_state
from pykafka_cli.zookeeper.ensemble.configuration import Address, EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.leader_effects import LeaderEffect
from pykafka_cli.zookeeper.ensemble.leader_state import LeaderState
from pykafka_cli.zookeeper.ensemble.learner import Learner, LearnerStage
from pykafka_cli.zookeeper.ensemble.learner_channel import LearnerChannel
from pykafka_cli.zookeeper.ensemble.member import LEADER, Member
from pykafka_cli.zookeeper.ensemble.packets import (
    LearnerRequest,
    PacketReader,
    PacketType,
    QuorumPacket,
    SessionTimeout,
    SessionValidity,
    decode_request,
    decode_session_timeout,
    decode_touches,
    encode_packet,
    encode_validity,
    first_zxid,
)
from pykafka_cli.zookeeper.ensemble.prompt_protocol import PromptProtocol
from pykafka_cli.zookeeper.ensemble.proposer import Proposer
from pykafka_cli.zookeeper.ensemble.reconfiguration import reconfigured
from pykafka_cli.zookeeper.ensemble.requests import Requests
from pykafka_cli.zookeeper.ensemble.strangers import gives_way
from pykafka_cli.zookeeper.ensemble.synchronization import LoggedTxn
from pykafka_cli.zookeeper.ensemble.tree_stream import encoded_tree, in_parts
from pykafka_cli.zookeeper.protocol.errors import MarshallingError, ReconfigDisabled
from pykafka_cli.zookeeper.protocol.records import Id
from pykafka_cli.zookeeper.protocol.requests import OpCode, ReconfigRequest
from pykafka_cli.zookeeper.server.server import ServerUnusable

_log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 255
"""Connections on the quorum port that have not identified themselves; each ends after initLimit, or for a newer one."""
_MOST_OF_STRANGERS = 64 * 1024
"""Bytes of a packet on a connection that has not identified itself."""


class Leading:
    """One period of leadership; the Upstream of the leader's own clients."""

    def __init__(
        self,
        member: Member,
        configuration: EnsembleConfiguration,
        *,
        address: Address | None = None,
        on_epoch: Callable[[int], None] = lambda _epoch: None,
        on_configuration: Callable[[EnsembleConfiguration], None] = lambda _configuration: None,
    ) -> None:
        """Prepare to lead.

        address             where learners connect; by default the quorum address of this server
        on_epoch            is called with the epoch when it begins
        on_configuration    is called with each new configuration when it is in force
        """
        self._member = member
        self._configuration = configuration
        self._address = address or configuration.servers[member.my_id].quorum_address
        self._on_epoch = on_epoch
        self._on_configuration = on_configuration
        self._channels: dict[int, LearnerChannel] = {}
        self._numbers = itertools.count(1)
        self._logged: EnsembleConfiguration | None = None
        """One that is later than the one in force: the epoch needs a quorum of both, and begins with it."""
        self._state: LeaderState
        self._proposer: Proposer
        self._requests: Requests
        self._ended: asyncio.Future[str]
        self._is_carrying_out = False

    @property
    def learners(self) -> Sequence[Learner]:
        """The servers that are connected."""
        return list(self._state.learners.values())

    @property
    def observers(self) -> Sequence[tuple[Learner, LearnerChannel]]:
        """The observers that are up to date, each with its connection."""
        return [
            (each, self._channels[each.number])
            for each in self.learners
            if each.is_observer and each.stage is LearnerStage.ACTIVE and each.number in self._channels
        ]

    async def serve(self) -> str:
        """Lead until that is no longer possible, and return why; raises ServerUnusable."""
        member = self._member
        self._ended = asyncio.get_running_loop().create_future()
        self._logged = self._later_in_log()
        sent = self._logged or self._configuration
        self._state = LeaderState(
            member.my_id,
            self._configuration,
            leader_state.Limits(
                member.settings.init_limit * member.settings.tick_time,
                member.settings.sync_limit * member.settings.tick_time,
            ),
            accepted_epoch=member.epochs.accepted,
            current_epoch=member.epochs.current,
            last_logged=member.last_logged_zxid,
            configuration=str(sent).encode(),
            configuration_version=sent.version,
            next_quorum=self._logged,
            now=member.now(),
        )
        try:
            loop, (host, port) = asyncio.get_running_loop(), self._address
            listening = await loop.create_server(lambda: PromptProtocol(self._accept), host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: what is no host name at all
            why = getattr(error, "strerror", None) or error
            return f"the quorum port {self._address} cannot be opened: {why}"
        reason = "this server stops"
        try:
            self._carry_out()
            self._schedule_tick()
            reason = await self._ended
            return reason
        finally:
            listening.close()
            for channel in self._channels.values():
                channel.close()
            await member.end(reason)

    # Learners' connections.

    def _accept(self, connection: PromptProtocol, writer: asyncio.StreamWriter) -> Coroutine[None, None, None] | None:
        """Process what a learner sends as it arrives; what is returned waits for the end of the connection."""
        if self._ended.done() or not self._has_room():
            writer.transport.abort()
            return None
        number = next(self._numbers)
        channel = LearnerChannel(
            writer, lambda: self._lose(number, "it does not read what it is sent"), self._member.most_packet
        )
        self._channels[number] = channel
        self._state.connected(number, self._member.now())
        packets = PacketReader(_MOST_OF_STRANGERS)

        def receive(data: bytes) -> None:
            try:
                self._read(number, packets, data)
            except MarshallingError as error:
                self._lose(number, f"what it sent cannot be read: {error}")

        connection.receive = receive
        return self._wait_for_end(number, connection.reader)

    async def _wait_for_end(self, number: int, reader: asyncio.StreamReader) -> None:
        reason = "it closed the connection"
        try:
            await reader.read()
        except OSError as error:
            reason = str(error)
        finally:
            self._lose(number, reason)

    def _has_room(self) -> bool:
        """Whether one more may connect; if necessary, a connection that has not identified itself is closed for it."""
        if len(self._channels) < _MOST_CONNECTIONS:
            return True
        members = self._configuration.servers
        hosts = {number: each.host for number, each in self._channels.items() if each.server_id not in members}
        if hosts:
            self._lose(gives_way(hosts), "too many others connect")
        return bool(hosts)

    def _read(self, number: int, packets: PacketReader, data: bytes) -> None:
        """raises    MarshallingError"""
        learner = self._state.learners.get(number)
        if learner is None:
            return  # it is being disconnected
        packets.feed(data)
        now = self._member.now()
        try:
            while learner is not None and (packet := packets.take()) is not None:
                self._channels[number].statistics.received += 1
                self._state.received(number, packet, now)
                learner = self._state.learners.get(number)
                if learner is not None and learner.stage is not LearnerStage.INFO:
                    self._channels[number].server_id = learner.server_id
                    packets.most = self._member.most_packet
        finally:
            self._carry_out()

    def _lose(self, number: int, reason: str) -> None:
        channel = self._channels.pop(number, None)
        if channel is not None:
            line = f"The connection of {channel} is closed: {reason}"
            self._member.lines.log(_log, logging.INFO, "learner", channel.host, line)
            channel.close()
        self._state.disconnected(number)

    # What the state decides.

    def _carry_out(self) -> None:
        """Carry out all effects in order, including those added meanwhile."""
        if self._is_carrying_out:
            return
        self._is_carrying_out = True
        effects = self._state.effects
        try:
            while effects and not self._ended.done():
                batch = list(effects)
                effects.clear()
                for effect in batch:
                    self._perform(effect)
        except Exception as error:  # effects are lost, so the role cannot continue
            self._fail(error)
        finally:
            self._is_carrying_out = False

    def _perform(self, effect: LeaderEffect) -> None:
        member = self._member
        match effect:
            case leader_effects.Send(numbers, packet):
                data = encode_packet(packet)
                for number in numbers:
                    if channel := self._channels.get(number):
                        channel.send_bytes(data)
                        if packet.zxid > 0:
                            channel.statistics.last_zxid = packet.zxid
            case leader_effects.Append(zxid, entry):
                member.append(zxid, entry, self._flushed)
            case leader_effects.Commit(zxid):
                self._proposer.applied(member.apply(zxid))
            case leader_effects.Received(number, packet):
                self._receive(number, packet)
            case leader_effects.Synced():
                self._requests.synced()
            case leader_effects.AcceptEpoch(epoch):
                member.epochs.accept(epoch)
                self._number_configuration(epoch)
            case leader_effects.EnterEpoch(epoch):
                member.epochs.enter(epoch)
            case leader_effects.Synchronize(number, last_zxid):
                self._synchronize(number, last_zxid)
            case leader_effects.Serve(epoch):
                self._begin(epoch)
            case leader_effects.Reconfigured(quorum):
                self._activate(cast("EnsembleConfiguration", quorum))
            case leader_effects.Close(number, reason):
                self._lose(number, reason)
            case leader_effects.GiveUp(reason):
                if not self._ended.done():
                    self._ended.set_result(reason)

    def _synchronize(self, number: int, last_zxid: int) -> None:
        channel = self._channels.get(number)
        if channel is None:
            return
        plan = self._member.plan_synchronization(last_zxid)
        learner = self._state.learners.get(number)
        _log.info(
            "Synchronizing server %s, whose last transaction is 0x%x, by %s 0x%x and %d transactions",
            learner.server_id if learner else "?",
            last_zxid,
            plan.beginning.type.name,
            plan.beginning.zxid,
            len(plan.txns),
        )
        channel.send(plan.beginning)
        tree = encoded_tree(self._member.tree_snapshot()) if plan.beginning.type is PacketType.SNAP else ()
        if tree or plan.txns:
            # Together they may be more than is kept for a learner that reads slowly.
            channel.stream(itertools.chain(tree, in_parts(_packets(plan.txns))))

    def _begin(self, epoch: int) -> None:
        member = self._member
        sessions = member.leader_sessions()
        limits = member.limits
        self._proposer = Proposer(self._state, member.database, sessions, limits, member.now_ms, self._reconfigure)
        self._requests = member.requests(self, sessions, self._expire_sessions, self._delete_expired)
        member.begin(self._requests, LEADER, epoch, self._configuration)
        _log.info("This server leads epoch %d", epoch)
        self._on_epoch(epoch)
        if self._configuration.version == first_zxid(epoch):
            self._on_configuration(self._configuration)

    def _number_configuration(self, epoch: int) -> None:
        """Number the initial configuration, which comes from files, after the first epoch that uses it."""
        is_first = self._configuration.version == 0 and self._logged is None
        if self._member.settings.reconfig_enabled and is_first:
            self._configuration = self._configuration.with_version(first_zxid(epoch))
            self._state.configured(str(self._configuration).encode(), self._configuration.version)

    def _later_in_log(self) -> EnsembleConfiguration | None:
        logged = self._member.logged_configuration()
        return logged if logged is not None and logged.version > self._configuration.version else None

    def _reconfigure(self, request: ReconfigRequest) -> EnsembleConfiguration:
        """The configuration that a client requests; raises the error to send it."""
        settings = self._member.settings
        if not settings.reconfig_enabled:
            raise ReconfigDisabled("reconfigEnabled is false")
        fewest = 2 if settings.standalone_enabled else 1
        return reconfigured(self._configuration, request, self._state.synced, fewest=fewest)

    def _activate(self, configuration: EnsembleConfiguration) -> None:
        self._configuration = configuration
        self._state.configured(str(configuration).encode(), configuration.version)
        self._on_configuration(configuration)

    def _receive(self, number: int, packet: QuorumPacket) -> None:
        """Process a request, a session that moves, or the sessions that a learner reports as active."""
        learner = self._state.learners.get(number)
        if learner is None:
            return
        data, now = packet.data or b"", self._member.now()
        try:
            if packet.type is PacketType.REQUEST:
                self._channels[number].statistics.requests += 1
                request = decode_request(data)
                if request.operation == OpCode.SYNC:
                    self._state.sync(request, number)
                else:
                    self._proposer.request(request, packet.authinfo or (), learner.server_id, now)
            elif packet.type is PacketType.REVALIDATE:
                session = decode_session_timeout(data)
                is_valid = self._proposer.revalidate(session, learner.server_id, now)
                answer = encode_validity(SessionValidity(session.session_id, is_valid))
                self._channels[number].send(QuorumPacket(PacketType.REVALIDATE, data=answer))
            else:
                for session in decode_touches(data):
                    self._proposer.touch(session, now)
        except MarshallingError as error:
            self._lose(number, f"{packet.type.name} cannot be read: {error}")

    def _flushed(self, zxid: int) -> None:
        self._state.flushed(zxid)
        self._carry_out()

    def _fail(self, error: Exception) -> None:
        if not self._ended.done():
            is_disk = isinstance(error, OSError)
            self._ended.set_exception(ServerUnusable(f"the epoch cannot be stored: {error}") if is_disk else error)

    # Time.

    def _schedule_tick(self) -> None:
        half = Seconds(in_seconds(self._member.settings.tick_time) / 2)
        self._member.call_later(half, self._tick)

    def _tick(self) -> None:
        if not self._ended.done():
            self._state.tick(self._member.now())
            self._carry_out()
            self._schedule_tick()

    def _expire_sessions(self, now: float) -> None:
        self._proposer.expire_sessions(int(now * 1000))
        self._carry_out()

    def _delete_expired(self, paths: Sequence[str]) -> None:
        self._proposer.delete_expired(paths, self._member.now())
        self._carry_out()

    # The Upstream of this server's own clients.

    def forward(self, request: LearnerRequest, identities: Sequence[Id]) -> None:
        self._proposer.request(request, identities, self._member.my_id, self._member.now())
        self._carry_out()

    def sync(self, request: LearnerRequest, _identities: Sequence[Id]) -> None:
        self._state.sync(request)
        self._carry_out()

    def revalidate(self, session: SessionTimeout) -> None:
        is_valid = self._proposer.revalidate(session, self._member.my_id, self._member.now())
        self._requests.revalidated(SessionValidity(session.session_id, is_valid))


def _packets(txns: Sequence[LoggedTxn]) -> Iterator[bytes]:
    for zxid, entry in txns:
        yield encode_packet(QuorumPacket(PacketType.PROPOSAL, zxid, entry))
        yield encode_packet(QuorumPacket(PacketType.COMMIT, zxid))
