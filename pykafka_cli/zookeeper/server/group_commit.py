"""One fsync for all transactions that arrive during the previous one.

Transactions take effect in memory immediately, one after another; no response is sent for them, or for anything read
since, before they are durable:

    append(zxid, entry)    hold(response)        ... the batch is on disk ...    deliver(everything held, in order)

So clients see one order of events, the log's, and what they have seen still holds after kill -9. A batch is what
arrives in one turn of the event loop, or during the previous batch. ZooKeeper's SyncRequestProcessor does the same in a
thread.

With a DiskPace, batches are written in the event loop's own thread while the disk is quicker than waking another one.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Generic, TypeVar

from pykafka_cli.zookeeper.server.disk_pace import DiskPace

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Writes batches in `executor`, which must run one task at a time.

    write      makes the entries, of which the first has that zxid, durable; or raises
    roll       lets the next batch begin a new log
    deliver    gets held items when they may be sent
    failed     gets the error after which nothing more is written or delivered
    pace       of the disk, if the event loop may wait for a quick one; otherwise it waits for none
    """

    def __init__(
        self,
        executor: Executor,
        *,
        write: Callable[[int, bytes], None],
        roll: Callable[[], None],
        deliver: Callable[[list[T]], None],
        failed: Callable[[BaseException], None],
        pace: DiskPace | None = None,
    ) -> None:
        self._executor = executor
        self._write = write
        self._roll = roll
        self._deliver = deliver
        self._failed = failed
        self._pace = pace
        self._entries: list[bytes] = []
        self._first_zxid = 0
        self._held: list[T] = []
        self._roll_after_batch = False
        self._writing: asyncio.Future[None] | None = None
        self._starting: asyncio.Handle | None = None
        self._broken = False

    @property
    def is_idle(self) -> bool:
        """Whether everything appended is durable."""
        return self._writing is None and not self._entries and not self._broken

    def append(self, zxid: int, entry: bytes) -> None:
        """Add a transaction to the next batch."""
        if self._broken:
            return
        if not self._entries:
            self._first_zxid = zxid
            if self._writing is None:
                self._starting = asyncio.get_running_loop().call_soon(self._start)
        self._entries.append(entry)

    def hold(self, item: T) -> None:
        """Deliver `item` as soon as everything appended so far is durable, or immediately if it is."""
        if self.is_idle:
            self._deliver([item])
        else:
            self._held.append(item)

    def roll(self) -> None:
        """Begin a new log after the next batch."""
        self._roll_after_batch = True

    async def drain(self) -> None:
        """Wait until everything appended is durable and delivered, or writing has failed."""
        while not self.is_idle and not self._broken:
            if self._writing is None:
                await asyncio.sleep(0)
            else:
                await asyncio.wait([self._writing])

    def _start(self) -> None:
        if self._pace is not None and self._pace.is_quick:
            # In the next turn, as what was sent in this one is on its way to other servers by then.
            self._starting = asyncio.get_running_loop().call_soon(self._write_here)
        else:
            self._write_in_thread()

    def _write_here(self) -> None:
        write, held = self._next_batch()
        try:
            write()
        except Exception as error:
            self._break(error)
        else:
            self._durable(held)

    def _write_in_thread(self) -> None:
        write, held = self._next_batch()
        self._writing = asyncio.get_running_loop().run_in_executor(self._executor, write)
        self._writing.add_done_callback(lambda written: self._written(written, held))

    def _next_batch(self) -> tuple[Callable[[], None], list[T]]:
        """What writes all that has arrived, and what can be delivered then."""
        first_zxid, entries, held, roll = self._first_zxid, b"".join(self._entries), self._held, self._roll_after_batch
        self._entries, self._held, self._roll_after_batch = [], [], False

        def write() -> None:
            self._write(first_zxid, entries)
            if roll:
                self._roll()

        return write if self._pace is None else self._pace.timed(write), held

    def _written(self, written: asyncio.Future[None], held: list[T]) -> None:
        self._writing = None
        error = asyncio.CancelledError() if written.cancelled() else written.exception()
        if error is None:
            self._durable(held)
        else:
            self._break(error)

    def _durable(self, held: list[T]) -> None:
        """Continue after a batch."""
        if self._entries:
            self._start()
        else:
            held += self._held
            self._held = []
        self._deliver(held)

    def _break(self, error: BaseException) -> None:
        """Write and send nothing more: data that further responses acknowledge could be lost in a restart.

        The next fsync could well succeed, although it does not make durable what this one did not.
        """
        self._broken = True
        self._failed(error)
