"""Servers of ours as an operator starts and stops them: in which order, by which signal, and what their logs say."""

import itertools
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.request import MetadataRequest, MetadataRequestTopic
from kio.schema.metadata.v12.response import MetadataResponse
from kio.schema.types import TopicName

from pykafka_cli.model import Seconds
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import ConnectionFailed
from tests.support.broker_processes import PkBroker, running
from tests.support.event_loop import until as until_on_the_loop
from tests.support.far_cluster import Proxy, Road
from tests.support.polling import until
from tests.support.running import RunningCluster, pk
from tests.support.server_processes import ServerProcess
from tests.support.zookeeper.servers import PkZooKeeper, pk_zookeeper

HUNG_UP = 129
HOUR_MS = 3_600_000
PATIENT = {
    "controlled.shutdown.retry.backoff.ms": str(HOUR_MS),  # a stop that waits for this does not end in time
    "offsets.topic.replication.factor": "2",
}


@pytest.fixture(scope="module")
def zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PkZooKeeper]:
    with pk_zookeeper(tmp_path_factory.mktemp("zookeeper")) as running:
        yield running


def created(broker: PkBroker, topic: str, partitions: int) -> None:
    made = pk(
        "topics", "--bootstrap-server", broker.bootstrap, "--create", "--topic", topic, "--partitions", str(partitions)
    )
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("order", list(itertools.permutations(["zookeeper", "one", "two"])), ids="-".join)
def test_all_servers_of_a_cluster_stop_in_any_order_and_wait_for_none(order: tuple[str, ...], tmp_path: Path) -> None:
    with pk_zookeeper(tmp_path) as own:
        servers: dict[str, ServerProcess] = {
            "zookeeper": own,
            "one": PkBroker(1, tmp_path, own.address, settings=PATIENT),
            "two": PkBroker(2, tmp_path, own.address, settings=PATIENT),
        }
        servers["one"].start()
        servers["two"].start()

        for name in order:
            process = servers[name].process
            assert process is not None
            process.send_signal(signal.SIGTERM)
        statuses = {name: server.stop() for name, server in servers.items()}

        assert statuses == dict.fromkeys(servers, 143)


def test_a_closed_terminal_stops_broker_and_zookeeper_in_order(tmp_path: Path) -> None:
    with pk_zookeeper(tmp_path) as own:
        broker = PkBroker(0, tmp_path, own.address)
        broker.start()

        assert broker.stop(signal.SIGHUP) == HUNG_UP
        assert (broker.logs / ".kafka_cleanshutdown").exists()
        assert own.stop(signal.SIGHUP) == HUNG_UP
        assert "has stopped" in own.said()


def test_a_closed_terminal_stops_pk_up_in_order(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "data")

    assert cluster.stop(signal.SIGHUP) == HUNG_UP
    assert (tmp_path / "data" / "kafka" / ".kafka_cleanshutdown").exists()


def test_logs_that_are_elsewhere_are_missed_aloud(zookeeper: PkZooKeeper, tmp_path: Path) -> None:
    broker = PkBroker(10, tmp_path, zookeeper.address)
    broker.start()
    created(broker, "missed", 12)
    broker.stop()
    assert "no log here" not in broker.said()

    elsewhere = tmp_path / "elsewhere"
    broker.file.write_text(broker.file.read_text().replace(f"log.dirs={broker.logs}", f"log.dirs={elsewhere}"))
    broker.start()
    until(lambda: "no log here of 12 partitions" in broker.said(), broker.said)
    broker.stop()

    (warning,) = [line for line in broker.said().splitlines() if "no log here" in line]
    assert " WARN " in warning
    assert f"Looked in {elsewhere}. " in warning
    assert warning.count("missed-") == 10


def test_a_start_after_a_kill_says_that_it_recovers(zookeeper: PkZooKeeper, tmp_path: Path) -> None:
    broker = PkBroker(11, tmp_path, zookeeper.address)
    broker.start()
    created(broker, "killed", 2)
    broker.kill()
    broker.start()
    broker.stop()

    assert f"{broker.logs}: recovering 2 logs, since the last run did not end in order" in broker.said()


async def metadata_of(broker: PkBroker, topic: str) -> MetadataResponse:
    """What it tells a client that was there before anything else."""

    async def connected() -> Connection | None:
        try:
            return await Connection.open("127.0.0.1", broker.port, client_id="first", timeout=Seconds(60))
        except ConnectionFailed:
            return None

    connection = await until_on_the_loop(connected)
    answer = await connection.request(
        MetadataRequest(
            topics=(MetadataRequestTopic(topic_id=None, name=TopicName(topic)),),
            allow_auto_topic_creation=False,
            include_topic_authorized_operations=False,
        )
    )
    connection.close()
    assert isinstance(answer, MetadataResponse)
    return answer


async def test_the_first_client_of_a_broker_that_comes_back_is_shown_the_leaders_that_are_elected_then(
    tmp_path: Path,
) -> None:
    with pk_zookeeper(tmp_path) as own, ExitStack() as stack:
        proxy = Proxy(own.port, Road(delay=0.05))  # so long the controller takes for each step of an election
        stack.callback(proxy.close)
        controller = stack.enter_context(running(PkBroker(0, tmp_path, f"127.0.0.1:{proxy.port}")))
        broker = stack.enter_context(running(PkBroker(1, tmp_path, own.address)))
        made = pk(
            "topics", "--bootstrap-server", controller.bootstrap, "--create", "--topic", "led",
            "--replica-assignment", "1,1,1",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        broker.kill()
        broker.begin()
        answer = await metadata_of(broker, "led")

    (topic,) = answer.topics
    assert topic.error_code is ErrorCode.none
    assert [each.leader_id for each in topic.partitions] == [1, 1, 1]


def test_fifty_partitions_of_groups_make_one_line(zookeeper: PkZooKeeper, tmp_path: Path) -> None:
    broker = PkBroker(12, tmp_path, zookeeper.address, settings={"offsets.topic.num.partitions": "50"})
    broker.start()
    created(broker, "read", 1)
    read = pk(
        "console-consumer", "--bootstrap-server", broker.bootstrap, "--topic", "read", "--group", "g",
        "--timeout-ms", "10000",
    )  # fmt: skip
    assert "TimeoutException" in read.stderr + read.stdout or read.returncode == 0
    broker.stop()
    broker.start()
    until(lambda: "__consumer_offsets: 50 partitions loaded" in broker.said(), broker.said)
    broker.stop()

    assert broker.said().count("loaded") == 1
    assert "another broker coordinates it now" not in broker.said()
