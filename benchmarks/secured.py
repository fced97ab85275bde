"""What TLS, logins and ACLs cost: clients on listeners that require them, and a broker with ACLs beside one without.

Both makes get the same properties. alice logs in by SCRAM-SHA-512, and is allowed what she does by one ACL of a
thousand; the broker talks to itself, and the bench to it, as a super user on a listener without anything.
"""

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.servers import PK, PkServers, Servers, free_port, java, launched
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import MESSAGES, Bench, delete_topic, new_topic, output, process_clock, seconds

TLS, LOGIN = "TLS", "LOGIN"
ACLS = 1_000
SINGLE_RECORDS = MESSAGES // 100
TURNS = 5  # of each side of a ratio: the best of them
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"
RATIO = 1.03

_LEVEL = 0.95  # with Kafka, as in the other rows


def _rows(how: str) -> list[Row]:
    return [
        Row(f"secured, {how}: kcat producing", "records/s", higher_is_better=True, times_kafka=1),
        Row(f"secured, {how}: kcat consuming", "records/s", higher_is_better=True, times_kafka=_LEVEL),
        Row(f"secured, {how}: Java producer-perf-test", "records/s", higher_is_better=True, times_kafka=1),
        Row(f"secured, {how}: Java consumer-perf-test", "records/s", higher_is_better=True, times_kafka=_LEVEL),
    ]


START = Row("secured: start to first metadata answer", "s", times_kafka=0.5)
OVER_TLS, OVER_SASL, WITH_ACLS = _rows("TLS"), _rows("SASL"), _rows(f"SASL and {ACLS:,} ACLs")
ACLS_ON_OFF = [
    Row(f"secured: CPU time of the broker, {what}, ACLs on : off", "", at_most=RATIO)
    for what in ("requests of one record", "kcat producing", "kcat consuming")
]


class SecuredServers(Servers):
    """A ZooKeeper server and a broker of either make; `bootstrap` is the listener without anything."""

    def __init__(self, of: Servers, *, acls: bool) -> None:
        super().__init__(of.folder / ("with-acls" if acls else "without"))
        self.name = of.name
        self._is_ours, self._acls = isinstance(of, PkServers), acls
        self.ports = {TLS: free_port(), LOGIN: free_port()}
        self.certificate = self.folder / "broker.pem"
        _write_certificate(self.certificate)

    def at(self, listener: str) -> str:
        return f"localhost:{self.ports[listener]}"

    def client(self, listener: str) -> Mapping[str, str]:
        """Properties of a client of Java's, beside bootstrap.servers."""
        if listener == TLS:
            store = {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(self.certificate)}
            return {"security.protocol": "SSL", **store}
        login = f'{SCRAM} username="alice" password="alice-secret";'
        return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": login}

    def kcat(self, listener: str) -> list[str]:
        """kcat with what it needs to connect."""
        words = {"security.protocol": "SSL", "ssl.ca.location": str(self.certificate)}
        if listener == LOGIN:
            login = {"sasl.username": "alice", "sasl.password": "alice-secret"}
            words = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", **login}
        return ["kcat", "-b", self.at(listener), *(each for pair in words.items() for each in ("-X", "=".join(pair)))]

    def prepare(self) -> None:
        """The user, and ACLs if they are on: one is about alice, and the others about others."""
        server = ["--bootstrap-server", self.bootstrap]
        output([PK, "configs", *server, "--alter", "--entity-type", "users", "--entity-name", "alice",
                "--add-config", "SCRAM-SHA-512=[password=alice-secret]"])  # fmt: skip
        if self._acls:
            allow = [PK, "acls", *server, "--add", "--operation", "All", "--allow-principal"]
            output([*allow, "User:alice", "--topic", "bench-", "--resource-pattern-type", "prefixed"])
            output([*allow, "User:alice", "--group", "*"])
            others = [f"other-{number}" for number in range(ACLS - 2)]
            for first in range(0, len(others), 100):
                words = (word for name in others[first : first + 100] for word in ("--topic", name))
                output([*allow, "User:bob", *words])

    def _launch(self) -> None:
        zookeeper, broker = self.folder / "zookeeper.properties", self.folder / "server.properties"
        zookeeper.write_text(
            f"dataDir={self.folder}/zookeeper\nclientPort={self.zookeeper_port}\nclientPortAddress=127.0.0.1\n"
            "maxClientCnxns=0\nadmin.enableServer=false\n"
        )
        broker.write_text("".join(f"{key}={value}\n" for key, value in self._settings().items()))
        if self._is_ours:
            commands = [[PK, "zookeeper-server-start", str(zookeeper)], [PK, "server-start", str(broker)]]
        else:
            main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
            commands = [
                java(main, str(zookeeper), heap="-Xmx512M -Xms512M", folder=self.folder),
                java("kafka.Kafka", str(broker), heap="-Xmx1G -Xms1G", folder=self.folder),
            ]
        self.processes += [launched(words) for words in commands[len(self.processes) :]]

    def _settings(self) -> Mapping[str, str]:
        authorizer = {
            "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
        return {
            "broker.id": "0",
            "listeners": f"INSIDE://127.0.0.1:{self.port},TLS://localhost:{self.ports[TLS]},LOGIN://localhost:{self.ports[LOGIN]}",
            "listener.security.protocol.map": "INSIDE:PLAINTEXT,TLS:SSL,LOGIN:SASL_PLAINTEXT",
            "inter.broker.listener.name": "INSIDE",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.login.scram-sha-512.sasl.jaas.config": f"{SCRAM};",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificate),
            "log.dirs": str(self.logs),
            "zookeeper.connect": f"127.0.0.1:{self.zookeeper_port}",
            "offsets.topic.replication.factor": "1",
            "group.initial.rebalance.delay.ms": "0",
            "controlled.shutdown.enable": "false",
            **(authorizer if self._acls else {}),
        }

    def crash(self) -> None:
        raise NotImplementedError("nothing here is measured after a crash")


def starts(_bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
    """With 1,000 ACLs to load."""
    secured = SecuredServers(servers, acls=True)
    with secured.running():
        secured.prepare()
    with secured.running() as took:
        yield took


def over(listener: str, *, acls: bool = False) -> Callable[[Bench, Servers, Note], Iterator[float]]:
    """Clients on one listener: kcat, and Kafka's perf tools by their own clocks."""

    def run(bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
        secured = SecuredServers(servers, acls=acls)
        with secured.running():
            secured.prepare()
            topic, kcat = new_topic(secured), secured.kcat(listener)
            yield MESSAGES / seconds([*kcat, "-P", "-t", topic, "-l", str(bench.lines())])
            yield MESSAGES / seconds([*kcat, "-C", "-t", topic, "-e", "-q", "-o", "beginning"])
            delete_topic(secured, topic)
            yield from _java_perf(bench, secured, listener)

    return run


def _java_perf(bench: Bench, secured: SecuredServers, listener: str) -> Iterator[float]:
    topic, config, number = new_topic(secured), bench.folder / "client.properties", str(MESSAGES // 2)
    config.write_text("".join(f"{key}={value}\n" for key, value in secured.client(listener).items()))
    server = secured.at(listener)
    told = output(
        bench.tool(
            "kafka", "producer-perf-test", "--topic", topic, "--num-records", number, "--record-size", "100",
            "--throughput", "-1", "--producer.config", str(config), "--producer-props", f"bootstrap.servers={server}",
        )
    )  # fmt: skip
    yield float(told.strip().splitlines()[-1].split(" records/sec")[0].rpartition(" ")[2])
    words = ["--bootstrap-server", server, "--topic", topic, "--messages", number, "--consumer.config", str(config)]
    told = output(bench.tool("kafka", "consumer-perf-test", *words))
    header, values = (line.split(", ") for line in told.strip().splitlines()[-2:])
    yield float(dict(zip(header, values, strict=True))["fetch.nMsg.sec"])
    delete_topic(secured, topic)


def acls_on_and_off(bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
    """Two brokers take turns. What they compute is compared: how long clients take varies by more than ACLs cost."""
    sides = [SecuredServers(servers, acls=acls) for acls in (True, False)]
    single, many = bench.lines(count=SINGLE_RECORDS), bench.lines(count=MESSAGES // TURNS)
    with ExitStack() as stack:
        topics = []
        for side in sides:
            stack.enter_context(side.running())
            side.prepare()
            topics.append((new_topic(side), new_topic(side)))
        one_by_one = ["-X", "batch.num.messages=1", "-X", "linger.ms=0", "-l", str(single)]
        pairs = list(zip(sides, topics, strict=True))
        yield _ratio([(side, ["-P", "-t", topic, *one_by_one]) for side, (topic, _) in pairs])
        yield _ratio([(side, ["-P", "-t", topic, "-l", str(many)]) for side, (_, topic) in pairs])
        yield _ratio([(side, ["-C", "-t", topic, "-e", "-q", "-o", "beginning"]) for side, (_, topic) in pairs])


def _ratio(sides: Sequence[tuple[SecuredServers, Sequence[str]]]) -> float:
    """The least CPU time that the first broker needs for what kcat asks, by that of the second."""
    turns = [[_computing(side, words) for side, words in sides] for _ in range(TURNS)]
    return min(on for on, _ in turns) / min(off for _, off in turns)


def _computing(side: SecuredServers, words: Sequence[str]) -> float:
    """Seconds of CPU time, of all threads of the broker."""
    clock = process_clock(side.processes[-1].pid)
    before = time.clock_gettime(clock)
    seconds([*side.kcat(LOGIN), *words])
    return time.clock_gettime(clock) - before


def _write_certificate(file: Path) -> None:
    """A key and its certificate for localhost, which vouches for itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    text = key.private_bytes(encoding, form, serialization.NoEncryption()) + certificate.public_bytes(encoding)
    file.write_bytes(text)
    file.chmod(0o600)


_NEEDS = ("kcat", "java")

SECURED = (
    SingleMeasurement([START], starts),
    SingleMeasurement(OVER_TLS, over(TLS), needs=_NEEDS),
    SingleMeasurement(OVER_SASL, over(LOGIN), needs=_NEEDS),
    SingleMeasurement(WITH_ACLS, over(LOGIN, acls=True), needs=_NEEDS),
    SingleMeasurement(ACLS_ON_OFF, acls_on_and_off, needs=("kcat",), limit_s=600),
)
