"""The controller's writes to ZooKeeper, each in one multi with a check of /controller_epoch's version.

A controller that was replaced without noticing cannot undo its successor's work. Writes that do not depend on each
other share multis, since requests cost more than what they contain.

source  kafka.zk.KafkaZkClient (retryRequestsUntilConnected with an expected epoch)
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from pykafka_cli.model import ControllerEpoch
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import ConnectionClosed, MultiFailed, SessionExpired, ZooKeeperError
from pykafka_cli.zookeeper.operations import Check, Operation
from pykafka_cli.zookeeper.protocol.records import Stat

T = TypeVar("T")

IN_A_MULTI = 50
"""Writes: some 15 KB with usual paths, far from jute.maxbuffer (1 MB)."""

Result = Stat | str | None
"""A set's stat, a create's path, None for a delete."""


class ControllerMoved(Exception):
    """Another broker is the controller now; nothing was written."""


class Fence(NamedTuple):
    """A controller's right to write: its epoch, and the version of /controller_epoch that goes with it."""

    epoch: ControllerEpoch
    zk_version: int


class FencedWrites:
    """Writes that happen only while a fence holds; otherwise they raise ControllerMoved."""

    def __init__(self, client: ZooKeeperClient) -> None:
        self._client = client

    async def one(self, fence: Fence, operation: Operation) -> Result:
        """raises  ControllerMoved, or what is wrong with the operation itself"""
        return (await self.together(fence, [operation]))[0]

    async def together(self, fence: Fence, operations: Sequence[Operation]) -> Sequence[Result]:
        """All of them, in order, or none. raises  ControllerMoved, or what is wrong with one of them"""
        try:
            return (await self._client.multi([Check(znodes.CONTROLLER_EPOCH, fence.zk_version), *operations]))[1:]
        except MultiFailed as refused:
            if refused.index == 0:
                what = operations[0].path if len(operations) == 1 else f"{len(operations)} znodes"
                raise ControllerMoved(f"controller epoch {fence.epoch} is over; {what} left as before") from None
            raise type(refused.error)(operations[refused.index - 1].path) from None

    async def each(self, fence: Fence, operations: Sequence[Operation]) -> list[Result | ZooKeeperError]:
        """Carry out those that are possible, in any order; return each result or error. raises  ControllerMoved"""
        results = await gathered(self._some(fence, some) for some in chunks(operations))
        return [result for of_some in results for result in of_some]

    async def _some(self, fence: Fence, operations: Sequence[Operation]) -> Sequence[Result | ZooKeeperError]:
        try:
            return await self.together(fence, operations)
        except (SessionExpired, ConnectionClosed) as lost:
            return [lost] * len(operations)
        except ZooKeeperError as error:
            if len(operations) == 1:
                return [error]
        # One of them was impossible, and so none was carried out.
        alone = await gathered(self._some(fence, [operation]) for operation in operations)
        return [result for (result,) in alone]


def chunks(operations: Sequence[Operation]) -> Iterator[Sequence[Operation]]:
    """What goes in one multi, in order."""
    return (operations[first : first + IN_A_MULTI] for first in range(0, len(operations), IN_A_MULTI))


async def gathered(asked: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, requested concurrently; the first error is raised when every request is done."""
    tasks = [asyncio.ensure_future(each) for each in asked]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]  # a response may be an error that was caught
