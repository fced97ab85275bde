"""Our broker and Apache Kafka's 3.9.1 in one cluster whose only listener wants TLS, a login or both.

Brokers have no more rights than ClusterAction, and either broker is the controller of the other in turn.
"""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from cryptography import x509

from tests.support import peers
from tests.support.broker_processes import BrokerProcess, KafkaBroker, PkBroker
from tests.support.certificates import pem_store
from tests.support.confluent import patiently, value_of
from tests.support.kafka_scripts import run_kafka
from tests.support.polling import PATIENCE_S, until
from tests.support.running import pk
from tests.support.secured_brokers import Door
from tests.support.server_processes import ServerProcess
from tests.support.zookeeper.servers import pk_zookeeper

OURS, KAFKAS = 0, 1
TOPIC = "shared"


class SecuredKafkaBroker(KafkaBroker):
    """One that cannot be asked without a login."""

    wait_until_started = ServerProcess.wait_until_started


class Pair:
    """The two brokers, and what an administrator sees of them."""

    def __init__(self, door: Door, folder: Path, zookeeper: str) -> None:
        self.door = door
        self.brokers: list[BrokerProcess] = []
        for number, kind in enumerate((PkBroker, SecuredKafkaBroker)):
            port, settings = door.settings(number)
            its = {"default.replication.factor": "2", "replica.lag.time.max.ms": "5000", **settings}
            self.brokers.append(kind(number, folder, zookeeper, port=port, settings=its))
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)
        self.client: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.bootstrap,
            "log_level": 0,
            **door.librdkafka("admin"),
        }
        self.admin = AdminClient(self.client)

    def wait_for_two(self, controller: int) -> None:
        def is_whole() -> bool:
            seen = patiently(lambda: self.admin.list_topics(timeout=10))
            return len(seen.brokers) == 2 and seen.controller_id == controller

        until(is_whole, f"a cluster of two under broker {controller}")

    def isrs(self) -> dict[int, tuple[int, list[int]]]:
        partitions = patiently(lambda: self.admin.list_topics(TOPIC, timeout=10)).topics[TOPIC].partitions
        return {index: (each.leader, sorted(each.isrs)) for index, each in partitions.items()}

    def produce(self, numbers: range) -> None:
        producer = Producer({**self.client, "acks": "all"})
        for number in numbers:
            producer.produce(TOPIC, b"%d" % number, partition=number % 2)
        assert producer.flush(PATIENCE_S) == 0

    def read(self) -> list[int]:
        consumer = Consumer({**self.client, "group.id": "readers"})
        values = []
        for index in range(2):
            start, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, index), timeout=PATIENCE_S)
            consumer.assign([TopicPartition(TOPIC, index, start)])
            for _ in range(start, end):
                message = consumer.poll(PATIENCE_S)
                assert message is not None
                assert message.error() is None, message.error()
                values.append(int(value_of(message)))
        consumer.close()
        return sorted(values)


DOORS = (("SASL_SSL", "PLAIN"), ("SASL_PLAINTEXT", "SCRAM-SHA-512"), ("SASL_PLAINTEXT", "OAUTHBEARER"), ("SSL", ""))


@pytest.fixture(scope="module", params=DOORS, ids=lambda door: " ".join(door).strip())
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    peers.kafka_classpath()
    folder = tmp_path_factory.mktemp("secured")
    protocol, mechanism = request.param
    door = Door(protocol, mechanism, folder)
    with pk_zookeeper(folder) as zookeeper:
        door.prepare(zookeeper.address)
        it = Pair(door, folder, zookeeper.address)
        try:
            for broker in it.brokers:
                broker.start()
            yield it
        finally:
            for broker in it.brokers:
                broker.kill()


@pytest.mark.timeout(300)
def test_each_is_follower_and_controller_of_the_other(pair: Pair) -> None:
    pair.wait_for_two(controller=OURS)
    topic = NewTopic(TOPIC, 2, replica_assignment=[[OURS, KAFKAS], [KAFKAS, OURS]])
    pair.admin.create_topics([topic])[TOPIC].result(PATIENCE_S)
    until(lambda: all(isr == [OURS, KAFKAS] for _, isr in pair.isrs().values()), "a full ISR")
    assert {leader for leader, _ in pair.isrs().values()} == {OURS, KAFKAS}
    pair.produce(range(500))

    pair.brokers[OURS].stop()
    until(lambda: all(each == (KAFKAS, [KAFKAS]) for each in pair.isrs().values()), "leadership of Kafka's")
    pair.produce(range(500, 1000))
    pair.brokers[OURS].start()
    pair.wait_for_two(controller=KAFKAS)
    until(lambda: all(isr == [OURS, KAFKAS] for _, isr in pair.isrs().values()), "a full ISR under Kafka's controller")

    pair.brokers[KAFKAS].stop()
    until(lambda: all(each == (OURS, [OURS]) for each in pair.isrs().values()), "leadership of ours")
    assert pair.read() == list(range(1000))
    pair.brokers[KAFKAS].start()
    pair.wait_for_two(controller=OURS)


@pytest.mark.timeout(120)
def test_who_has_no_rights_sees_nothing_by_way_of_either(pair: Pair) -> None:
    config = str(pair.door.client("alice"))
    for broker in pair.brokers:
        words = ("--bootstrap-server", broker.bootstrap, "--command-config", config, "--list")
        for run in (pk, run_kafka):
            listed = run("topics", *words)
            assert (listed.returncode, listed.stdout.strip()) == (0, ""), listed.stderr


def serial_of(pair: Pair, broker: BrokerProcess) -> int:
    """The number of the certificate that a broker shows to a new client."""
    context = ssl.create_default_context(cafile=pair.door.trust)
    if pair.door.protocol == "SSL":
        context.load_cert_chain(pair.door.folder / "admin.pem")
    with (
        socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
    ):
        certificate = encrypted.getpeercert(binary_form=True)
    assert certificate
    return x509.load_der_x509_certificate(certificate).serial_number


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [OURS, KAFKAS])
def test_a_key_store_is_replaced_while_the_broker_runs(pair: Pair, number: int) -> None:
    if not pair.door.protocol.endswith("SSL"):
        return
    broker, config = pair.brokers[number], str(pair.door.client("admin"))
    key = f"listener.name.{pair.door.protocol.lower()}.ssl.keystore.location"
    store = pem_store(pair.door.folder / f"next-{number}.pem", pair.door.authority.identity("CN=broker,OU=Brokers"))
    stranger = pem_store(pair.door.folder / "stranger.pem", pair.door.authority.identity("CN=stranger"))
    before = serial_of(pair, broker)

    def alter(location: Path) -> "subprocess.CompletedProcess[str]":
        server = ("--bootstrap-server", broker.bootstrap, "--command-config", config)
        return pk("configs", *server, "--alter", "--broker", str(number), "--add-config", f"{key}={location}")

    refused, altered = alter(stranger), alter(store)

    assert refused.returncode == 1
    assert "Keystore DistinguishedName does not match" in refused.stdout + refused.stderr
    assert altered.returncode == 0, altered.stdout + altered.stderr
    until(lambda: serial_of(pair, broker) != before, "the broker still shows its first certificate")
    pair.wait_for_two(controller=OURS)
