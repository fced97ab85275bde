"""Producer ids, unique in the cluster forever.

Each broker gets blocks of 1000 from the controller and gives them out one by one. What is left of a block when the
broker stops is lost, which costs nothing: there are 2^63.

/latest_producer_id_block holds the last block that was given out; the next one is written over its version.

source  kafka.coordinator.transaction.ZkProducerIdManager, RPCProducerIdManager
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from kio.schema.allocate_producer_ids.v0.request import AllocateProducerIdsRequest
from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId as WireBrokerId
from kio.static.primitive import i64

from pykafka_cli.broker.errors import BrokerNotAvailable
from pykafka_cli.model import BrokerEpoch, BrokerId, ProducerId
from pykafka_cli.protocol.absence import or_minus_one
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import BadVersion
from pykafka_cli.zookeeper.kafka_znodes import ProducerIdBlock

BLOCK_SIZE = 1000
LAST_ID = 2**63 - 1


class ProducerIdsExhausted(Exception):
    """All 2^63 producer ids have been allocated."""


async def next_block(client: ZooKeeperClient, broker_id: BrokerId) -> ProducerIdBlock:
    """Allocate the next block in ZooKeeper; a concurrent request gets another."""
    await client.ensure_path(znodes.PRODUCER_ID_BLOCK)
    while True:
        data, stat = await client.get(znodes.PRODUCER_ID_BLOCK)
        last = znodes.decode_producer_id_block(data)
        start = ProducerId(0 if last is None else last.end + 1)
        block = ProducerIdBlock(broker_id, start, ProducerId(start + BLOCK_SIZE - 1))
        if block.end > LAST_ID:
            raise ProducerIdsExhausted(f"the last block of producer ids ended at {start - 1}")
        try:
            await client.set(znodes.PRODUCER_ID_BLOCK, znodes.encode_producer_id_block(block), stat.version)
            return block
        except BadVersion:
            continue


async def request_block(
    ask_controller: Callable[[Any], Awaitable[Any]], broker_id: BrokerId, broker_epoch: BrokerEpoch | None
) -> ProducerIdBlock:
    """A block from the controller. raises BrokerNotAvailable, and what `ask_controller` raises."""
    request = AllocateProducerIdsRequest(
        broker_id=WireBrokerId(broker_id), broker_epoch=i64(or_minus_one(broker_epoch))
    )
    answer = await ask_controller(request)
    if answer.error_code is not ErrorCode.none:
        raise BrokerNotAvailable(f"the controller allocated no producer ids: {answer.error_code.name}")
    start = answer.producer_id_start
    return ProducerIdBlock(broker_id, start, ProducerId(start + answer.producer_id_len - 1))


class ProducerIds:
    """This broker's supply. `fetch_block` asks the controller: itself, or another broker by AllocateProducerIds."""

    def __init__(self, fetch_block: Callable[[], Awaitable[ProducerIdBlock]]) -> None:
        self._fetch_block = fetch_block
        self._next = 0
        self._end = -1
        self._fetching = asyncio.Lock()

    async def next(self) -> ProducerId:
        """A producer id that nobody has had. Raises what `fetch_block` raises when the block is used up."""
        async with self._fetching:  # one block is enough for all waiters
            if self._next > self._end:
                block = await self._fetch_block()
                self._next, self._end = block.start, block.end
            producer_id = ProducerId(self._next)
            self._next += 1
            return producer_id
