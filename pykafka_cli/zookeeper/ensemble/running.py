"""One server of an ensemble as a whole: its member and its peer, from start to stop.

await run_ensemble_server(membership, clock, stop)
"""

import asyncio
import logging
from collections.abc import Callable

from pykafka_cli.zookeeper.ensemble.configuration import Address
from pykafka_cli.zookeeper.ensemble.following import Following
from pykafka_cli.zookeeper.ensemble.leading import Leading
from pykafka_cli.zookeeper.ensemble.member import Member
from pykafka_cli.zookeeper.ensemble.membership import Membership, role_differs
from pykafka_cli.zookeeper.ensemble.notifications import ServerState
from pykafka_cli.zookeeper.ensemble.peer import EnsemblePeer, MakeRole, Role
from pykafka_cli.zookeeper.ensemble.reporting import ReportingMember
from pykafka_cli.zookeeper.ensemble.vote import Vote
from pykafka_cli.zookeeper.server.listening import CannotListen
from pykafka_cli.zookeeper.server.server import Clock, ServerUnusable

_log = logging.getLogger(__name__)
_EVERYWHERE = ""


async def run_ensemble_server(
    membership: Membership,
    clock: Clock,
    stop: asyncio.Event,
    *,
    on_open: Callable[[], None] = lambda: None,
    on_serving: Callable[[], None] = lambda: None,
) -> None:
    """Run a server until `stop` is set.

    on_open       is called once its ports are open
    on_serving    is called each time that it begins to serve clients
    raises        ServerUnusable if it cannot start or continue
    """
    if role_differs(membership):
        _log.warning(
            "peerType is %s, but server.%d is not; its line takes precedence",
            membership.settings.peer_type,
            membership.me.id,
        )
    member = ReportingMember(membership, clock)
    member.peer = EnsemblePeer(membership, member, roles(membership, member, on_serving), clock)
    await run_member(member, stop, on_open)


async def run_member(member: ReportingMember, stop: asyncio.Event, on_open: Callable[[], None] = lambda: None) -> None:
    """The same for a member that has its peer."""
    peer = member.peer
    await member.start()
    tasks: list[asyncio.Future[None] | asyncio.Task[None]] = []
    try:
        try:
            await peer.open()
        except CannotListen as error:
            raise ServerUnusable(str(error)) from error
        on_open()
        living, stopping = asyncio.create_task(peer.run()), asyncio.create_task(_wait(stop))
        tasks = [living, stopping]
        await asyncio.wait((*tasks, member.failure), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            for ended in (living, member.failure):
                if ended.done():
                    ended.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await member.stop()


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


def roles(membership: Membership, member: Member, on_serving: Callable[[], None]) -> MakeRole:
    """What makes the roles of a member's peer."""

    def make(peer: EnsemblePeer, vote: Vote) -> Role:
        def begin(epoch: int) -> None:
            peer.follow_epoch(epoch)
            on_serving()

        if peer.state is not ServerState.LEADING:
            return Following(
                member,
                peer.configuration,
                vote.leader,
                is_observer=peer.state is ServerState.OBSERVING,
                on_epoch=begin,
                on_configuration=peer.take_over,
            )
        everywhere = membership.settings.quorum_listen_on_all_ips
        address = Address(_EVERYWHERE, peer.configuration.servers[membership.me.id].quorum_port) if everywhere else None
        return Leading(member, peer.configuration, address=address, on_epoch=begin, on_configuration=peer.take_over)

    return make
