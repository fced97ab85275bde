"""The servers under measurement: ours, and Apache Kafka 3.9.1 where its jars are (`make peers-java`).

Both have Kafka's defaults for whatever is not named here, flush settings included, and Kafka's the heap and the flags
of its own scripts. A Servers object is a data folder; it can be started, stopped or killed, and started again.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

from kazoo.client import KazooClient

from benchmarks.processes import resident_mb

ROOT = Path(__file__).resolve().parent.parent
PK = str(Path(sys.executable).with_name("pk"))
ONE_FILE = ROOT / "dist/pk"  # `make binary`
KAFKA_LIBS = Path(os.environ.get("PK_KAFKA_LIBS", ROOT / ".cache/kafka/libs"))
START_TIMEOUT_S = STOP_TIMEOUT_S = 240.0  # ten thousand partitions take their time
REGISTRATION_TIMEOUT_S = 60.0  # above zookeeper.session.timeout.ms, after which a killed broker's znode goes

LOG4J = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.Target=System.err
log4j.appender.out.layout=org.apache.log4j.PatternLayout
"""
JAVA_FLAGS = (
    "-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35"
    " -XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 -Djava.awt.headless=true"
)  # what kafka-run-class.sh gives


class Servers(ABC):
    """ZooKeeper and one broker, on free ports of the loopback interface."""

    name: str

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port, self.zookeeper_port = free_port(), free_port()
        self.advertised_port: int | None = None
        """Where clients are sent, if that is not `port`."""
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        """The broker's log.dirs."""
        return self.folder / "kafka"

    @abstractmethod
    def _launch(self) -> None:
        """Start the processes that do not run, the broker last."""

    def start(self) -> float:
        """Seconds from the launch of the first process to the first response about metadata.

        raises    RuntimeError when a server ends, TimeoutError when there is no response in time
        """
        began = time.monotonic()
        self._launch()
        wait_until_metadata_answers(self.address, self.processes[-1])
        return time.monotonic() - began

    def stop(self) -> None:
        """As the scripts do it, by SIGTERM, the broker first; kill what has not ended in time."""
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    @abstractmethod
    def crash(self) -> None:
        """End the broker by SIGKILL, and wait until it may be started again."""

    @contextlib.contextmanager
    def running(self) -> Iterator[float]:
        """Start; stop in the end, whatever happens. Gives what `start` gives."""
        try:
            yield self.start()
        finally:
            self.stop()

    def ensure_running(self) -> None:
        """Raise RuntimeError when a process has ended, so that nobody waits for it."""
        for process in self.processes:
            if process.poll() is not None:
                raise RuntimeError(f"a server had ended before, with status {process.returncode}")

    def resident_mb(self) -> float:
        """Resident memory of all processes together, in MB."""
        return sum(resident_mb(process.pid) for process in self.processes)


class PkServers(Servers):
    """`pk up`, both servers in one process; `program` is pk as it is installed, or the one file."""

    name = "pk"
    program = PK

    def _launch(self) -> None:
        where = ["--data-dir", str(self.folder), "--port", str(self.port), "--zookeeper-port", str(self.zookeeper_port)]
        if self.advertised_port:
            where += ["--advertise", f"127.0.0.1:{self.advertised_port}"]
        self.processes = [launched([self.program, "up", *where])]

    def crash(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()


class OneFileServers(PkServers):
    """`dist/pk up`."""

    name = "one file"
    program = str(ONE_FILE)


class KafkaServers(Servers):
    """Apache Kafka's ZooKeeper and broker, with the settings of `pk up`."""

    name = "kafka"

    def _launch(self) -> None:
        zookeeper, broker = self.folder / "zookeeper.properties", self.folder / "server.properties"
        zookeeper.write_text(
            f"dataDir={self.folder}/zookeeper\nclientPort={self.zookeeper_port}\nclientPortAddress=127.0.0.1\n"
            "maxClientCnxns=0\nadmin.enableServer=false\n"
        )
        broker.write_text(
            f"broker.id=0\n{self._listeners()}\nlog.dirs={self.logs}\n"
            f"zookeeper.connect=127.0.0.1:{self.zookeeper_port}\noffsets.topic.replication.factor=1\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
            "group.initial.rebalance.delay.ms=0\ncontrolled.shutdown.enable=false\n"
        )
        if not self.processes:
            main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
            words = java(main, str(zookeeper), heap="-Xmx512M -Xms512M", folder=self.folder)
            self.processes.append(launched(words))
        words = java("kafka.Kafka", str(broker), heap="-Xmx1G -Xms1G", folder=self.folder)
        self.processes.append(launched(words))

    def _listeners(self) -> str:
        if not self.advertised_port:
            return f"listeners=PLAINTEXT://127.0.0.1:{self.port}"
        return (
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},INTERNAL://127.0.0.1:{(own := free_port())}\n"
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.advertised_port},INTERNAL://127.0.0.1:{own}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT\n"
            "inter.broker.listener.name=INTERNAL"
        )

    def crash(self) -> None:
        """ZooKeeper keeps running, and the next start has to wait until it drops the broker's registration."""
        broker = self.processes.pop()
        broker.kill()
        broker.wait()
        client = KazooClient(f"127.0.0.1:{self.zookeeper_port}")
        client.start(timeout=START_TIMEOUT_S)
        try:
            deadline = time.monotonic() + REGISTRATION_TIMEOUT_S
            while client.exists("/brokers/ids/0"):
                if time.monotonic() > deadline:
                    raise TimeoutError("ZooKeeper keeps the registration of a broker that was killed")
                time.sleep(0.1)
        finally:
            client.stop()
            client.close()


def launched(words: list[str]) -> subprocess.Popen[bytes]:
    """A process that nobody listens to."""
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_metadata_answers(address: tuple[str, int], broker: subprocess.Popen[bytes]) -> None:
    """Return when the broker answers a Metadata request of version 1 and names itself."""
    metadata = bytes.fromhex("0003000100000001ffff") + bytes(4)  # key 3, version 1, id 1, no client id, no topics
    frame = len(metadata).to_bytes(4, "big") + metadata
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=1) as connection:
            connection.sendall(frame)
            answer = connection.recv(4096)
            if len(answer) >= 12 and int.from_bytes(answer[8:12], "big") >= 1:  # brokers in the response
                return
        if broker.poll() is not None:
            raise RuntimeError(f"the server at port {address[1]} ended with status {broker.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"port {address[1]} did not answer within {START_TIMEOUT_S:.0f} s")
        time.sleep(0.005)


def kafka_is_here() -> bool:
    return shutil.which("java") is not None and any(KAFKA_LIBS.glob("kafka_2.13-*.jar"))


def java(main: str, *words: str, heap: str, folder: Path) -> list[str]:
    """Command line of one of Kafka's classes, its log on stderr from WARN up, as the scripts have it."""
    log4j = folder / "log4j.properties"
    if not log4j.exists():
        log4j.write_text(LOG4J)
    flags = [*heap.split(), *JAVA_FLAGS.split(), f"-Dlog4j.configuration=file:{log4j}"]
    return ["java", *flags, "-cp", f"{KAFKA_LIBS}/*", main, *words]


def servers_here() -> dict[str, Callable[[Path], Servers]]:
    """Who can be started on this machine, by name; pk is first."""
    kinds: list[type[Servers]] = [PkServers, *([KafkaServers] if kafka_is_here() else [])]
    return {kind.name: kind for kind in kinds}
