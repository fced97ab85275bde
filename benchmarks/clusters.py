"""Brokers on ZooKeeper servers, three of each unless said otherwise, each a process, with the same properties for both
makes.

Timeouts are those that both makes know, equal and shorter than the defaults, so that a run does not take an hour.
"""

import contextlib
import re
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.servers import (
    PK,
    START_TIMEOUT_S,
    PkServers,
    Servers,
    free_port,
    java,
    launched,
    wait_until_metadata_answers,
)

SESSION_TIMEOUT_S = 6.0
TICK_S = 1.0
LIMIT_S = 60.0  # of anything that is waited for once the servers run
NUMBERS = (1, 2, 3)
"""Of the brokers, and of the ZooKeeper servers."""

_PROPERTIES = {
    "zookeeper.session.timeout.ms": f"{SESSION_TIMEOUT_S * 1000:.0f}",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "group.initial.rebalance.delay.ms": "0",
    "auto.leader.rebalance.enable": "false",
    "auto.create.topics.enable": "false",
}

_T = TypeVar("_T")


class Ensemble:
    """ZooKeeper servers of the make of `of`, at `addresses`; one alone is no ensemble, but standalone."""

    def __init__(self, of: Servers, numbers: Sequence[int] = NUMBERS) -> None:
        self._folder, self._is_ours = of.folder / "ensemble", isinstance(of, PkServers)
        self.ports = {number: free_port() for number in numbers}
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        servers = [f"server.{number}=127.0.0.1:{free_port()}:{free_port()}" for number in numbers]
        servers = servers if len(servers) > 1 else []
        for number in numbers:
            home = self._folder / str(number)
            (home / "data").mkdir(parents=True)
            (home / "data/myid").write_text(f"{number}\n")
            keys = [f"dataDir={home}/data", f"clientPort={self.ports[number]}", "clientPortAddress=127.0.0.1"]
            keys += [f"tickTime={TICK_S * 1000:.0f}", "initLimit=10", "syncLimit=5", "maxClientCnxns=0"]
            keys += ["admin.enableServer=false", "4lw.commands.whitelist=srvr", *servers]
            (home / "zookeeper.properties").write_text("".join(f"{key}\n" for key in keys))

    def addresses(self, *, besides: int = 0) -> str:
        return ",".join(f"127.0.0.1:{port}" for number, port in self.ports.items() if number != besides)

    def launch(self, number: int) -> None:
        file = self._folder / str(number) / "zookeeper.properties"
        if self._is_ours:
            words = [PK, "zookeeper-server-start", str(file)]
        else:
            main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
            words = java(main, str(file), heap="-Xmx512M -Xms512M", folder=self._folder)
        self.processes[number] = launched(words)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start all; kill them in the end."""
        try:
            for number in self.ports:
                self.launch(number)
            self.wait_until_all_serve()
            yield
        finally:
            kill(*self.processes.values())

    def mode(self, number: int) -> str:
        """leader, follower or standalone; empty while it serves nobody."""
        answer = b""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[number]), 1) as asking:
            asking.sendall(b"srvr")
            while data := asking.recv(4096):
                answer += data
        found = re.search(rb"Mode: (\w+)", answer)
        return found[1].decode() if found else ""

    def leader(self) -> int:
        """The server that leads, once one does."""
        return wait_for(lambda: next((each for each in self.ports if self.mode(each) == "leader"), 0), "a leader")

    def wait_until_all_serve(self) -> None:
        wait_for(lambda: all(self.mode(each) for each in self.ports), "an ensemble that serves")


class Cluster:
    """Brokers of the make of `of`, on `ensemble`, which is of the same make."""

    def __init__(
        self,
        of: Servers,
        settings: Mapping[str, str] | None = None,
        *,
        brokers: Sequence[int] = NUMBERS,
        zookeepers: Sequence[int] = NUMBERS,
    ) -> None:
        self._folder, self._is_ours = of.folder / "brokers", isinstance(of, PkServers)
        self.ensemble = Ensemble(of, zookeepers)
        self.ports = {number: free_port() for number in brokers}
        self.bootstrap = ",".join(f"127.0.0.1:{port}" for port in self.ports.values())
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self._folder.mkdir()
        for number, port in self.ports.items():
            keys = {
                "broker.id": str(number),
                "listeners": f"PLAINTEXT://127.0.0.1:{port}",
                "log.dirs": str(self.logs(number)),
                "zookeeper.connect": self.ensemble.addresses(),
                **_PROPERTIES,
                **(settings or {}),
            }
            self._file(number).write_text("".join(f"{key}={value}\n" for key, value in keys.items()))

    def _file(self, number: int) -> Path:
        return self._folder / f"server-{number}.properties"

    def launch(self, number: int) -> None:
        file = str(self._file(number))
        ours = [PK, "server-start", file]
        words = ours if self._is_ours else java("kafka.Kafka", file, heap="-Xmx1G -Xms1G", folder=self._folder)
        self.processes[number] = launched(words)

    def wait_until_it_answers(self, number: int) -> None:
        """Until this broker, just launched, responds about metadata."""
        wait_until_metadata_answers(("127.0.0.1", self.ports[number]), self.processes[number])

    def logs(self, number: int) -> Path:
        """A broker's log.dirs."""
        return self._folder / f"logs-{number}"

    @contextlib.contextmanager
    def running(self) -> Iterator[AdminClient]:
        """Start the ensemble and the brokers; kill them in the end."""
        with self.ensemble.running():
            try:
                for number in self.ports:
                    self.launch(number)
                for number in self.ports:
                    self.wait_until_it_answers(number)
                admin = AdminClient({"bootstrap.servers": self.bootstrap, **CLIENTS})
                wait_for(
                    lambda: len(admin.list_topics(timeout=START_TIMEOUT_S).brokers) == len(self.ports),
                    "a cluster of all its brokers",
                )
                yield admin
            finally:
                kill(*self.processes.values())


CLIENTS = {"log_level": 0, "reconnect.backoff.max.ms": 500}
"""What all clients of librdkafka have: no long wait, which chance decides, before they connect again."""


def kill(*processes: subprocess.Popen[bytes]) -> None:
    """kill -9, all at once."""
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()


def wait_for(found: Callable[[], _T], what: str, *, limit_s: float = START_TIMEOUT_S, pause_s: float = 0.05) -> _T:
    """What `found` gives once that is something; raises TimeoutError."""
    deadline = time.monotonic() + limit_s
    while not (result := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} was not there within {limit_s:.0f} s")
        time.sleep(pause_s)
    return result


def controller_of(admin: AdminClient) -> int:
    return wait_for(lambda: max(admin.list_topics(timeout=LIMIT_S).controller_id, 0), "a controller", limit_s=LIMIT_S)


def new_topic(admin: AdminClient, replicas: list[int]) -> str:
    """A topic of one partition with these replicas, all in sync."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    topic = NewTopic(name, 1, replica_assignment=[replicas])
    admin.create_topics([topic], operation_timeout=LIMIT_S)[name].result(2 * LIMIT_S)
    wait_until_in_sync(admin, name)
    return name


def wait_until_in_sync(admin: AdminClient, topic: str) -> None:
    def is_in_sync() -> bool:
        with contextlib.suppress(KafkaException, KeyError):
            return len(admin.list_topics(topic, timeout=10).topics[topic].partitions[0].isrs) == len(NUMBERS)
        return False

    wait_for(is_in_sync, f"a full ISR of {topic}", limit_s=2 * LIMIT_S)
