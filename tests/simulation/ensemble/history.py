"""The one history of an ensemble, and what servers do that contradicts it. Seen from inside of the servers."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.member import LEADER
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import SetDataTxn, decode_entry
from pykafka_cli.zookeeper.server.database import Database

_COUNTER = 0xFFFFFFFF
"""The part of a zxid that counts within its epoch."""


class Txn(NamedTuple):
    """A transaction, as it is logged."""

    zxid: int
    entry: bytes


class ServerLog:
    """What a server should have in its log: `txns`, of which those up to `durable` survive everything.

    applied    how many of them its tree has, while it serves
    """

    def __init__(self) -> None:
        self.txns: list[Txn] = []
        self.durable = 0
        self.applied = 0
        self._installing: tuple[list[Txn], int] = [], 0

    def has_durably(self, txn: Txn) -> bool:
        at = bisect_left(self.txns, txn.zxid, key=lambda each: each.zxid)
        return txn.zxid <= self.durable and self.txns[at : at + 1] == [txn]

    def prepare(self, other: "ServerLog", zxid: int) -> None:
        """It is about to replace its files by what another server has up to `zxid`, and may die meanwhile."""
        self._installing = [each for each in other.txns if each.zxid <= zxid], zxid
        self.durable = min(self.durable, zxid)

    def install(self, last_zxid: int) -> None:
        """It has in its files what ends with `last_zxid`."""
        txns, zxid = self._installing
        if txns and zxid <= last_zxid:
            self.txns, self.durable = txns, zxid
        self._installing = [], 0

    def cut(self, zxid: int) -> None:
        """Forget everything after `zxid`."""
        while self.txns and self.txns[-1].zxid > zxid:
            self.txns.pop()
        self.durable = min(self.durable, zxid)


class History:
    """`committed` has all transactions that a leader has committed, in order, and `database` what came of them.

    configuration    the last one that was committed, or the initial one
    broken           a line for each thing that was wrong:

    * An epoch has one leader, and that has everything that was committed before.
    * What is committed is durable on a quorum of the configuration in force; a configuration also on one of its own.
    * No server takes a configuration over that is not committed.
    * Each server applies the same transactions in the same order, and has the same znodes after each.
    * Nothing that was durable is missing after a restart.
    """

    def __init__(self, initial: EnsembleConfiguration, logs: Mapping[int, ServerLog]) -> None:
        self.committed: list[Txn] = []
        self.database = Database()
        self.configuration = initial
        self._initial, self._logs = initial, logs
        self._configurations: set[str] = set()
        self.leaders: dict[int, int] = {}
        self.broken: list[str] = []
        self._digests: dict[int, int] = {}
        self._known: set[int] = set()

    def is_committed(self, zxid: int) -> bool:
        return zxid in self._known

    def begin(self, server: int, mode: str, epoch: int, log: ServerLog, digest: int, *, last_zxid: int) -> None:
        """A server begins to serve, with that tree."""
        applied = [each for each in log.txns if each.zxid <= last_zxid]
        log.applied = len(applied)
        if mode == LEADER:
            first = self.leaders.setdefault(epoch, server)
            if first != server:
                self._report(server, f"leads in epoch {epoch}, as server {first} did")
            if applied[: len(self.committed)] != self.committed:
                lost = next(n for n, txn in enumerate(self.committed) if applied[n : n + 1] != [txn])
                self._report(server, f"leads in epoch {epoch} without 0x{self.committed[lost].zxid:x}, a committed one")
                return
            for txn in applied[len(self.committed) :]:
                self._commit(txn)
        elif applied != self.committed[: len(applied)]:
            self._report(server, f"serves in epoch {epoch} with transactions that were not committed")
            return
        if applied:
            self._compare(server, applied[-1].zxid, digest)

    def apply(self, server: int, mode: str, log: ServerLog, digest: int, *, zxid: int) -> None:
        """A server that serves has applied a transaction, after which the digest of its tree is that."""
        txn = log.txns[log.applied]
        log.applied += 1
        if txn.zxid != zxid:
            self._report(server, f"applies 0x{zxid:x}, though 0x{txn.zxid:x} is next in its log")
        elif log.applied <= len(self.committed):
            known = self.committed[log.applied - 1]
            if known != txn:
                self._report(server, f"applies 0x{zxid:x} where others have applied 0x{known.zxid:x}, or another one")
        elif mode == LEADER:
            self._commit(txn)
        else:
            self._report(server, f"applies 0x{zxid:x}, which no leader has committed")
        self._compare(server, zxid, digest)

    def restart(self, server: int, log: ServerLog, *, last_zxid: int) -> None:
        """A server finds that in its files."""
        if last_zxid < log.durable:
            self._report(server, f"has lost what follows 0x{last_zxid:x}, and had made 0x{log.durable:x} durable")
        log.install(last_zxid)
        log.cut(last_zxid)
        log.durable = last_zxid

    def take_over(self, server: int, configuration: EnsembleConfiguration) -> None:
        """A server takes a configuration to be in force."""
        is_initial = not configuration.version & _COUNTER and configuration.file_text() == self._initial.file_text()
        if not is_initial and str(configuration) not in self._configurations:
            self._report(server, f"takes over configuration {configuration.version:x}, which is not committed")

    def _commit(self, txn: Txn) -> None:
        self.committed.append(txn)
        self._known.add(txn.zxid)
        decoded = decode_entry(txn.entry)
        self._check_quorum(txn, self.configuration)
        if decoded.header.type == OpCode.RECONFIG:
            assert isinstance(decoded.record, SetDataTxn)
            self.configuration = EnsembleConfiguration.parse((decoded.record.data or b"").decode())
            self._configurations.add(str(self.configuration))
            self._check_quorum(txn, self.configuration)
        self.database.apply(decoded.header, decoded.record, [])
        self._digests[txn.zxid] = self.database.tree.digest

    def _check_quorum(self, txn: Txn, configuration: EnsembleConfiguration) -> None:
        holding = [server for server, log in self._logs.items() if log.has_durably(txn)]
        if not configuration.is_quorum(holding):
            self.broken.append(
                f"0x{txn.zxid:x} was committed, and is durable on servers {holding}, which are no quorum of "
                f"{sorted(configuration.voters)}"
            )

    def _compare(self, server: int, zxid: int, digest: int) -> None:
        if self._digests.get(zxid) != digest:
            self._report(server, f"has other znodes after 0x{zxid:x} than that should leave")

    def _report(self, server: int, what: str) -> None:
        self.broken.append(f"server {server} {what}")
