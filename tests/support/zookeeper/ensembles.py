"""Ensembles of ZooKeeper servers for tests, each a process: ours, Apache's, or both in one."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kazoo.client import KazooClient
from kazoo.retry import KazooRetry

from tests.support.polling import PATIENCE_S, until
from tests.support.ports import free_port
from tests.support.zookeeper.servers import (
    KafkaZooKeeper,
    PkZooKeeper,
    ZooKeeperProcess,
    admin_keys,
    four_letter_word,
)


class Ensemble:
    """Servers by id; the first has id 1.

    kinds        of each server
    observers    ids of those that do not vote
    keys         lines of all files beside the usual ones
    has_admin    whether each has an admin server, on the port in `admin_ports`
    """

    def __init__(
        self,
        folder: Path,
        kinds: Sequence[type[ZooKeeperProcess]],
        *,
        observers: Iterable[int] = (),
        keys: str = "",
        has_admin: bool = False,
    ) -> None:
        self._folder, self._keys = folder, keys
        self.admin_ports = {n: free_port() for n in range(1, len(kinds) + 1)} if has_admin else {}
        self.lines = {
            n: f"server.{n}=127.0.0.1:{free_port()}:{free_port()}{':observer' if n in observers else ''}"
            for n in range(1, len(kinds) + 1)
        }
        self.servers: dict[int, ZooKeeperProcess] = {}
        for server_id, kind in enumerate(kinds, start=1):
            self.servers[server_id] = self._server(server_id, kind)

    def add(self, kind: type[ZooKeeperProcess]) -> int:
        """A server more, which is not in the others' files; its id."""
        server_id = len(self.servers) + 1
        self.lines[server_id] = f"server.{server_id}=127.0.0.1:{free_port()}:{free_port()}"
        self.servers[server_id] = self._server(server_id, kind)
        return server_id

    def _server(self, server_id: int, kind: type[ZooKeeperProcess]) -> ZooKeeperProcess:
        home = self._folder / str(server_id)
        (home / "data").mkdir(parents=True)
        (home / "data/myid").write_text(f"{server_id}\n")
        admin = admin_keys(self.admin_ports[server_id]) if self.admin_ports else ""
        return kind(home, keys="\n".join(["initLimit=20", "syncLimit=10", *self.lines.values(), self._keys, admin]))

    @property
    def addresses(self) -> str:
        """Of all servers, as clients want them."""
        return ",".join(each.address for each in self.servers.values())

    def start(self, *server_ids: int) -> None:
        """Start these servers, or all, and wait until they serve."""
        ids = server_ids or tuple(self.servers)
        for each in ids:
            self.servers[each].begin()
        self.wait_for(*ids)

    def wait_for(self, *server_ids: int) -> None:
        """Wait until these serve clients."""
        until(
            lambda: all(self.mode(each) for each in server_ids),
            lambda: "\n".join(f"{each}: {self.servers[each].said()[-1500:]}" for each in server_ids),
            patience_s=PATIENCE_S,
        )

    def mode(self, server_id: int) -> str | None:
        """leader, follower or observer; None while it serves nobody."""
        found = re.search(r"Mode: (\w+)", four_letter_word(self.servers[server_id].port, b"srvr").decode())
        return found[1] if found else None

    def leader(self) -> int:
        """The id of the server that leads, once one does."""
        return until(
            lambda: next((each for each in self.servers if self.mode(each) == "leader"), 0), patience_s=PATIENCE_S
        )

    def kill(self, server_id: int) -> None:
        self.servers[server_id].kill()

    def kill_all(self) -> None:
        for each in self.servers.values():
            each.kill()

    @contextlib.contextmanager
    def client(self, *server_ids: int, timeout_s: float = 8.0) -> Iterator[KazooClient]:
        """A client of these servers, or of all, that connects again when one dies."""
        addresses = ",".join(self.servers[each].address for each in server_ids) or self.addresses
        retry = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.5, deadline=PATIENCE_S)
        client = KazooClient(addresses, timeout=timeout_s, connection_retry=retry, command_retry=retry)
        client.start(timeout=PATIENCE_S)
        try:
            yield client
        finally:
            client.stop()
            client.close()


@contextlib.contextmanager
def running_ensemble(folder: Path, kinds: Sequence[type[ZooKeeperProcess]], **more: object) -> Iterator[Ensemble]:
    """An ensemble in which nothing runs yet; everything is killed at the end."""
    ensemble = Ensemble(folder, kinds, **more)  # type: ignore[arg-type]
    try:
        yield ensemble
    finally:
        ensemble.kill_all()


OURS, THEIRS = PkZooKeeper, KafkaZooKeeper
