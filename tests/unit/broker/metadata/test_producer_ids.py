"""Producer ids, one for each who asks."""

import asyncio
from collections.abc import Iterator

import pytest

from pykafka_cli.broker.metadata.producer_ids import LAST_ID, ProducerIds, ProducerIdsExhausted, next_block
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper.kafka_znodes import ProducerIdBlock
from tests.fakes.zookeeper import FakeZooKeeper


async def test_brokers_that_ask_at_once_get_different_blocks() -> None:
    zookeeper = FakeZooKeeper()
    clients = [zookeeper.client() for _ in range(5)]

    blocks = await asyncio.gather(*(next_block(client, broker) for broker, client in enumerate(clients)))

    assert sorted(block.start for block in blocks) == [0, 1000, 2000, 3000, 4000]
    assert all(block.end == block.start + 999 and block.broker == broker for broker, block in enumerate(blocks))


async def test_a_broker_gives_out_its_block_and_then_fetches_the_next() -> None:
    blocks = iter([ProducerIdBlock(0, 5, 6), ProducerIdBlock(0, 100, 199)])

    async def fetch() -> ProducerIdBlock:
        return next(blocks)

    ids = ProducerIds(fetch)

    assert await asyncio.gather(*(ids.next() for _ in range(4))) == [5, 6, 100, 101]


async def test_a_failed_fetch_is_tried_again_by_the_next_who_asks() -> None:
    answers: Iterator[OSError | ProducerIdBlock] = iter([OSError("no controller"), ProducerIdBlock(0, 5, 6)])

    async def fetch() -> ProducerIdBlock:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    ids = ProducerIds(fetch)

    with pytest.raises(OSError, match="no controller"):
        await ids.next()
    assert await ids.next() == 5


async def test_the_last_block_is_the_last() -> None:
    client = FakeZooKeeper().client()
    last = ProducerIdBlock(0, LAST_ID - 999, LAST_ID)
    await client.create(znodes.PRODUCER_ID_BLOCK, znodes.encode_producer_id_block(last))

    with pytest.raises(ProducerIdsExhausted):
        await next_block(client, 0)
