"""Controllers over real ZooKeeper servers and TCP: elected, replaced, obeyed by brokers that only write down.

tests/unit/broker/controller looks at every decision over a ZooKeeper in memory; here it is about sessions, watches and
connections, which only the real ones have.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from kazoo.client import KazooClient

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.broker.controller.alter_partition import WantedIsr
from pykafka_cli.broker.controller.controller import Controller
from pykafka_cli.broker.metadata.zk_store import BrokerIdTaken, ZkStore
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.model import BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, Seconds, TopicPartition, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.transport.connection import Connection
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import NoNode
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration, Endpoint
from tests.fakes.controlled_cluster import answer_to, briefly_told
from tests.support.brokers import broker_ids
from tests.support.event_loop import until
from tests.support.polling import PATIENCE_S
from tests.support.zookeeper.behind import TransparentClient
from tests.support.zookeeper.servers import ZooKeeperProcess, debian_zookeeper, pk_zookeeper

NEWEST = {4: 7, 5: 4, 6: 8}


@pytest.fixture(scope="module", params=[debian_zookeeper, pk_zookeeper], ids=["debian", "ours"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperProcess]:
    with request.param(tmp_path_factory.mktemp("zookeeper")) as running:
        yield running


class ListeningBroker:
    """A controller, and an endpoint that records what controllers send this broker and agrees."""

    def __init__(self, broker_id: int, address: str, session_timeout_ms: int) -> None:
        self.id = broker_id
        self.told: list[str] = []
        self.clients: list[str | None] = []
        settings = {
            "zookeeper.connect": address,
            "zookeeper.session.timeout.ms": str(session_timeout_ms),
            "broker.id": str(broker_id),
        }
        self.settings = BrokerSettings(Property(key, value, 0) for key, value in settings.items())
        self.zookeeper = TransparentClient(
            address, session_timeout=in_seconds(session_timeout_ms), connection_timeout=Seconds(PATIENCE_S)
        )
        self.store = ZkStore(self.zookeeper, SystemClock())
        self.controller = Controller(
            settings=self.settings,
            store=self.store,
            clock=SystemClock(),
            connect=self._connect,
            unclean_election_allowed=self._unclean_election_allowed,
        )

    @property
    def epoch(self) -> BrokerEpoch:
        """Of its registration, which it has."""
        assert self.controller.broker_epoch is not None
        return self.controller.broker_epoch

    async def _connect(self, endpoint: BrokerEndpoint, client_id: str) -> Connection:
        return await Connection.open(endpoint.host, endpoint.port, client_id=client_id, timeout=Seconds(PATIENCE_S))

    async def _unclean_election_allowed(self, _topic: str) -> bool:
        return False

    async def start(self) -> None:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._listening.sockets[0].getsockname()[1]
        await self.zookeeper.start()
        await self.store.ensure_persistent_paths()
        await self.controller.start(
            BrokerRegistration(BrokerId(self.id), (Endpoint("PLAINTEXT", "PLAINTEXT", "127.0.0.1", port),))
        )

    async def stop(self) -> None:
        await self.controller.stop()
        await self.zookeeper.close()
        self._listening.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                frame = memoryview(await reader.readexactly(int.from_bytes(await reader.readexactly(4))))
                header = read_request_header(frame)
                codec = message_codec(header.api_key, header.api_version, NEWEST[header.api_key])
                request = codec.decode_request(frame, header.position)
                self.told.append(briefly_told(request))
                self.clients.append(header.client_id)
                answer = b"".join(codec.encode_response(header.correlation_id, answer_to(request), request))
                writer.write(len(answer).to_bytes(4) + answer)
        except asyncio.IncompleteReadError:
            writer.close()

    async def receives(self, start: str) -> str:
        """Wait for a request whose line begins so, and forget those before it."""

        async def heard() -> str | None:
            return next((line for line in self.told if line.startswith(start)), None)

        line = await until(heard, lambda: f"{start} is missing among {self.told}")
        del self.told[: self.told.index(line) + 1]
        return line


Starter = Callable[..., Awaitable[ListeningBroker]]


@pytest.fixture
def chroot(request: pytest.FixtureRequest) -> str:
    return f"/{request.node.name.partition('[')[0]}"


@pytest.fixture
async def start(server: ZooKeeperProcess, chroot: str) -> AsyncIterator[Starter]:
    """Starts brokers that are stopped at the end."""
    started: list[ListeningBroker] = []

    async def start(broker_id: int, session_timeout_ms: int = 6000) -> ListeningBroker:
        broker = ListeningBroker(broker_id, f"{server.address}{chroot}", session_timeout_ms)
        started.append(broker)
        await broker.start()
        return broker

    yield start
    for broker in reversed(started):
        await broker.stop()


@pytest.fixture
async def hand(server: ZooKeeperProcess, chroot: str) -> AsyncIterator[ZooKeeperClient]:
    """What an operator or an old tool would use."""
    client = ZooKeeperClient(
        f"{server.address}{chroot}", session_timeout=Seconds(10), connection_timeout=Seconds(PATIENCE_S)
    )
    await client.start()
    yield client
    await client.close()


async def controller_id(hand: ZooKeeperClient) -> int | None:
    try:
        return znodes.decode_controller((await hand.get(znodes.CONTROLLER))[0])
    except NoNode:
        return None


async def test_topics_written_by_hand_are_led_extended_and_deleted(start: Starter, hand: ZooKeeperClient) -> None:
    first, second = await start(0), await start(1)
    await first.receives("UpdateMetadata brokers 0,1")

    await hand.create("/brokers/topics/t", b'{"version":1,"partitions":{"0":[0,1]}}')
    assert await second.receives("LeaderAndIsr") == "LeaderAndIsr t-0 leader 0 epoch 0 isr 0,1 new"
    assert await second.receives("UpdateMetadata") == "UpdateMetadata brokers 0,1; t-0 leader 0"
    topic = topic_znodes.decode_topic("t", (await hand.get("/brokers/topics/t"))[0])
    assert topic.topic_id is not None

    await hand.set("/brokers/topics/t", b'{"version":1,"partitions":{"0":[0,1],"1":[1,0]}}')
    assert await first.receives("LeaderAndIsr t-1") == "LeaderAndIsr t-1 leader 1 epoch 0 isr 1,0 new"

    await hand.create("/admin/delete_topics/t")
    assert await second.receives("StopReplica t-0 epoch -2 delete")

    async def gone() -> bool:
        return await hand.children("/brokers/topics") == await hand.children("/admin/delete_topics") == []

    await until(gone)
    assert set(first.clients) == set(second.clients) == {"0"}  # the controller's id, as Kafka has it


async def test_an_election_by_hand_is_obeyed(start: Starter, hand: ZooKeeperClient) -> None:
    first = await start(0)
    await hand.create("/brokers/topics/t", b'{"version":1,"partitions":{"0":[1,0]}}')
    await first.receives("LeaderAndIsr t-0 leader 0 epoch 0 isr 0 new")
    second = await start(1)
    await second.receives("LeaderAndIsr t-0 leader 0 epoch 0 isr 0")
    caught_up = {TopicPartition("t", 0): WantedIsr(BrokerId(0), LeaderEpoch(0), broker_ids(0, 1), 0, PartitionEpoch(0))}
    await first.controller.alter_isrs(BrokerId(0), first.epoch, caught_up)

    await hand.create(znodes.PREFERRED_REPLICA_ELECTION, b'{"version":1,"partitions":[{"topic":"t","partition":0}]}')

    assert await second.receives("LeaderAndIsr") == "LeaderAndIsr t-0 leader 1 epoch 1 isr 0,1"

    async def gone() -> bool:
        return await hand.exists(znodes.PREFERRED_REPLICA_ELECTION) is None

    await until(gone)


async def test_another_broker_takes_over_from_a_controller_that_stops(start: Starter, hand: ZooKeeperClient) -> None:
    first, second = await start(0), await start(1)
    await first.receives("UpdateMetadata brokers 0,1")
    await hand.create("/brokers/topics/t", b'{"version":1,"partitions":{"0":[0,1]}}')
    await second.receives("LeaderAndIsr t-0 leader 0")

    await first.stop()

    # A new controller looks at replicas, then at partitions: two changes, as in Kafka.
    assert await second.receives("LeaderAndIsr t-0 leader -1") == "LeaderAndIsr t-0 leader -1 epoch 1 isr 1"
    assert await second.receives("LeaderAndIsr t-0 leader 1") == "LeaderAndIsr t-0 leader 1 epoch 2 isr 1"
    assert await controller_id(hand) == 1
    assert (await hand.get(znodes.CONTROLLER_EPOCH))[0] == b"2"


async def test_whoever_removes_the_controllers_znode_has_another_elected(start: Starter, hand: ZooKeeperClient) -> None:
    brokers = [await start(0), await start(1), await start(2)]
    await brokers[0].receives("UpdateMetadata brokers 0,1,2")

    await hand.delete(znodes.CONTROLLER)

    async def one_is_active() -> bool:
        active = [broker.id for broker in brokers if broker.controller.is_active]
        return len(active) == 1 and active == [await controller_id(hand)] and brokers[active[0]].controller.epoch == 2

    await until(one_is_active)
    for broker in brokers:
        await broker.receives("UpdateMetadata brokers 0,1,2")


async def test_a_controller_whose_session_expires_comes_back_as_an_ordinary_broker_with_a_new_epoch(
    start: Starter, hand: ZooKeeperClient
) -> None:
    first, second = await start(0), await start(1)
    await first.receives("UpdateMetadata brokers 0,1")
    before = first.epoch
    await hand.create("/brokers/topics/t", b'{"version":1,"partitions":{"0":[0,1]}}')
    await second.receives("LeaderAndIsr t-0 leader 0")

    expire(first.zookeeper)

    async def settled() -> bool:
        brokers = await second.store.brokers()
        return set(brokers) == {0, 1} and first.controller.broker_epoch == brokers[BrokerId(0)].epoch > before

    await until(settled)

    async def one_is_active() -> bool:
        active = {broker.id for broker in (first, second) if broker.controller.is_active}
        return active == {await controller_id(hand)}

    await until(one_is_active)
    for broker in first, second:
        await broker.receives("UpdateMetadata brokers 0,1")


def expire(client: TransparentClient) -> None:
    """End the session behind its back: another connection takes it over and closes it."""
    thief = KazooClient(hosts=client.hosts, client_id=client.kazoo.client_id)
    thief.start()
    thief.stop()
    thief.close()


async def test_a_restarted_broker_waits_until_its_old_session_is_over(
    start: Starter, server: ZooKeeperProcess, chroot: str, caplog: pytest.LogCaptureFixture
) -> None:
    old = ZooKeeperClient(
        f"{server.address}{chroot}", session_timeout=Seconds(6), connection_timeout=Seconds(PATIENCE_S)
    )
    await old.start()
    await old.create("/brokers/ids/0", b"{}", ephemeral=True)

    async def is_waiting() -> bool:
        return "/brokers/ids/0 is held by another session" in caplog.text

    starting = asyncio.ensure_future(start(0))
    await until(is_waiting)
    assert not starting.done()
    await old.close()

    assert (await asyncio.wait_for(starting, PATIENCE_S)).epoch > 0


async def test_a_second_broker_of_the_same_id_gives_up(start: Starter) -> None:
    await start(0)
    with pytest.raises(BrokerIdTaken, match=r"is another broker running with this broker\.id"):
        await start(0, session_timeout_ms=1000)
