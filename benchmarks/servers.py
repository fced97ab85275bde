"""The servers under measurement: ours, and Apache Kafka 3.9.1 where its jars are (`make peers-java`)."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PK = str(Path(sys.executable).with_name("pk"))
KAFKA_LIBS = Path(os.environ.get("PK_KAFKA_LIBS", ROOT / ".cache/kafka/libs"))
START_TIMEOUT_S = 60.0

LOG4J = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.Target=System.err
log4j.appender.out.layout=org.apache.log4j.PatternLayout
"""


@dataclass
class Servers:
    """ZooKeeper and one broker, running."""

    name: str
    bootstrap: str
    processes: list[subprocess.Popen[bytes]]
    seconds_to_ready: float

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.bootstrap.rpartition(":")
        return host, int(port)

    def resident_mb(self) -> float:
        """Resident memory of all processes together, in MB."""
        total = 0
        for process in self.processes:
            status = Path(f"/proc/{process.pid}/status").read_text()
            found = re.search(r"VmRSS:\s+(\d+) kB", status)
            total += int(found[1]) if found else 0
        return total / 1000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_metadata_answers(bootstrap: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the broker answers a Metadata request of version 1 and names itself."""
    host, _, port = bootstrap.rpartition(":")
    metadata = bytes.fromhex("0003000100000001ffff") + bytes(4)  # key 3, version 1, id 1, no client id, no topics
    frame = len(metadata).to_bytes(4, "big") + metadata
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=1) as connection:
                connection.sendall(frame)
                answer = connection.recv(4096)
                if len(answer) >= 12 and int.from_bytes(answer[8:12], "big") >= 1:  # brokers in the answer
                    return
        except OSError:
            pass
        if process.poll() is not None:
            raise RuntimeError(f"the server at {bootstrap} ended with status {process.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{bootstrap} did not answer within {START_TIMEOUT_S:.0f} s")
        time.sleep(0.005)


@contextmanager
def stopping(processes: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def pk_servers(folder: Path) -> Iterator[Servers]:
    """`pk up` on free ports."""
    folder.mkdir(parents=True, exist_ok=True)
    port, zookeeper_port = free_port(), free_port()
    words = [PK, "up", "--data-dir", str(folder / "pk"), "--port", str(port), "--zookeeper-port", str(zookeeper_port)]
    began = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with stopping([process]):
        bootstrap = f"127.0.0.1:{port}"
        wait_until_metadata_answers(bootstrap, process)
        yield Servers("pk", bootstrap, [process], time.monotonic() - began)


def kafka_is_here() -> bool:
    return shutil.which("java") is not None and any(KAFKA_LIBS.glob("kafka_2.13-*.jar"))


def java(main: str, *words: str, heap: str, folder: Path) -> list[str]:
    """Command line of one of Kafka's classes, its log on stderr from WARN up, as the scripts have it."""
    log4j = folder / "log4j.properties"
    if not log4j.exists():
        log4j.write_text(LOG4J)
    return ["java", *heap.split(), f"-Dlog4j.configuration=file:{log4j}", "-cp", f"{KAFKA_LIBS}/*", main, *words]


@contextmanager
def kafka_servers(folder: Path) -> Iterator[Servers]:
    """Apache Kafka's ZooKeeper and broker with its own scripts' heap sizes, otherwise the settings of `pk up`."""
    folder.mkdir(parents=True, exist_ok=True)
    port, zookeeper_port = free_port(), free_port()
    zookeeper, broker = folder / "zookeeper.properties", folder / "server.properties"
    zookeeper.write_text(
        f"dataDir={folder}/zookeeper\nclientPort={zookeeper_port}\nmaxClientCnxns=0\nadmin.enableServer=false\n"
    )
    broker.write_text(
        f"broker.id=0\nlisteners=PLAINTEXT://127.0.0.1:{port}\nlog.dirs={folder}/kafka\n"
        f"zookeeper.connect=127.0.0.1:{zookeeper_port}\noffsets.topic.replication.factor=1\n"
        "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
        "group.initial.rebalance.delay.ms=0\n"
    )
    began = time.monotonic()
    nowhere = subprocess.DEVNULL
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    first = subprocess.Popen(
        java(main, str(zookeeper), heap="-Xmx512M -Xms512M", folder=folder), stdout=nowhere, stderr=nowhere
    )
    second = subprocess.Popen(
        java("kafka.Kafka", str(broker), heap="-Xmx1G -Xms1G", folder=folder), stdout=nowhere, stderr=nowhere
    )
    with stopping([second, first]):
        bootstrap = f"127.0.0.1:{port}"
        wait_until_metadata_answers(bootstrap, second)
        yield Servers("kafka", bootstrap, [first, second], time.monotonic() - began)


def peers() -> dict[str, Callable[[Path], AbstractContextManager[Servers]]]:
    """Who can be started here, by name; pk is first."""
    return {"pk": pk_servers} | ({"kafka": kafka_servers} if kafka_is_here() else {})
