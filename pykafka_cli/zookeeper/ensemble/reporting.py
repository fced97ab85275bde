"""What a server of an ensemble reports beyond any other server, in four-letter words and to admin commands.

Source: org.apache.zookeeper.server.quorum.{LeaderZooKeeperServer, LearnerZooKeeperServer}.dumpMonitorValues
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration, EnsembleServer
from pykafka_cli.zookeeper.ensemble.leading import Leading
from pykafka_cli.zookeeper.ensemble.learner import Learner, LearnerStage
from pykafka_cli.zookeeper.ensemble.learner_channel import LearnerChannel
from pykafka_cli.zookeeper.ensemble.member import FOLLOWER, LEADER, OBSERVER, Member
from pykafka_cli.zookeeper.ensemble.requests import Requests
from pykafka_cli.zookeeper.server.admin_commands import EnsembleAddresses, EnsembleView
from pykafka_cli.zookeeper.server.outside import Outside
from pykafka_cli.zookeeper.server.server import Clock

if TYPE_CHECKING:
    from pykafka_cli.zookeeper.ensemble.membership import Membership
    from pykafka_cli.zookeeper.ensemble.peer import EnsemblePeer

_STATES = {LEADER: "leading", FOLLOWER: "following", OBSERVER: "observing"}
_PARTICIPANT, _OBSERVER = 0, 1  # of peerType, as Java has it


class ReportingMember(Member):
    """The member that also reports on its role in the ensemble.

    peer    takes part in elections and creates the roles; set once it exists
    """

    peer: "EnsemblePeer"
    needs_admin_server = False  # as in ZooKeeper's QuorumPeer

    def __init__(self, membership: "Membership", clock: Clock, outside: Outside | None = None) -> None:
        super().__init__(membership.settings, clock, membership.me.id, outside)
        self._started_as = membership.me
        self._sizes: tuple[int, int, int] | None = None

    def append(self, zxid: int, entry: bytes, flushed: Callable[[int], None]) -> None:
        if self.mode == LEADER:
            size = len(entry)
            _, least, most = self._sizes or (size, size, size)
            self._sizes = size, min(least, size), max(most, size)
        super().append(zxid, entry, flushed)

    def begin(self, requests: Requests, mode: str, epoch: int, configuration: EnsembleConfiguration) -> None:
        self._sizes = None
        super().begin(requests, mode, epoch, configuration)

    def configuration(self) -> Iterable[tuple[str, object]]:
        me = self._me
        for name, value in super().configuration():
            yield name, me.id if name == "serverId" else value
        yield "initLimit", self.settings.init_limit
        yield "syncLimit", self.settings.sync_limit
        yield "electionAlg", self.settings.election_alg
        yield "electionPort", me.election_port
        yield "quorumPort", me.quorum_port
        yield "peerType", _OBSERVER if me.is_observer else _PARTICIPANT

    def membership(self) -> str:
        return f"membership: \n{self.peer.configuration}"

    def proposal_sizes(self) -> tuple[int, int, int] | None:
        return (self._sizes or (-1, -1, -1)) if self.mode == LEADER else None

    def ensemble(self) -> EnsembleView | None:
        leader, role = self.peer.leader, self.peer.role
        if self.mode not in _STATES or leader is None:
            return None
        servers = self.peer.configuration.servers
        return EnsembleView(
            self.my_id,
            leader,
            servers[leader].host if leader in servers else "",
            {number: _addresses(servers[number]) for number in self.peer.configuration.voters},
            _addresses(self._me),
            [self._observer(*each) for each in role.observers] if isinstance(role, Leading) else [],
        )

    def reset_observers(self) -> None:
        if isinstance(role := self.peer.role, Leading):
            for _, channel in role.observers:
                channel.statistics.reset()

    def _observer(self, learner: Learner, channel: LearnerChannel) -> Mapping[str, object]:
        """As the admin command `observers` reports it."""
        statistics = channel.statistics
        packets, size = channel.waiting
        return {
            "remote_socket_address": f"/{channel.address}",
            "sid": learner.server_id,
            "established": self.now_ms() - (self.now() - learner.connected_at),
            "queued_packets": packets,
            "queued_packets_size": size,
            "packets_received": statistics.received,
            "packets_sent": statistics.sent,
            "requests": statistics.requests,
            "last_zxid": statistics.last_zxid,
        }

    def role_figures(self) -> Mapping[str, object]:
        if self.mode not in _STATES:
            return {}
        figures: dict[str, object] = {
            "peer_state": f"{_STATES[self.mode]} - broadcast",
            "quorum_size": len(self.peer.configuration.voters),
        }
        if isinstance(self.peer.role, Leading):
            figures.update(self._leader_figures(self.peer.role))
        return figures

    def _leader_figures(self, role: Leading) -> Mapping[str, object]:
        voters = self.peer.configuration.voters
        known = [each for each in role.learners if each.stage is not LearnerStage.INFO]
        synced = [each for each in known if each.stage is LearnerStage.ACTIVE]
        last, least, most = self._sizes or (-1, -1, -1)
        return {
            "learners": len(known),
            "synced_followers": sum(each.server_id in voters for each in synced),
            "synced_non_voting_followers": sum(
                not each.is_observer and each.server_id not in voters for each in synced
            ),
            "synced_observers": sum(each.is_observer for each in synced),
            "last_proposal_size": last,
            "min_proposal_size": least,
            "max_proposal_size": most,
        }

    @property
    def _me(self) -> EnsembleServer:
        return self.peer.configuration.servers.get(self.my_id) or self._started_as


def _addresses(server: EnsembleServer) -> EnsembleAddresses:
    client = "" if server.client is None else str(server.client)
    return EnsembleAddresses(str(server.quorum_address), str(server.election_address), client)
