"""A transactional producer that writes without telling its coordinator where, as no client does."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import ModuleType

from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v4.request import FindCoordinatorRequest
from kio.schema.init_producer_id.v4.request import InitProducerIdRequest
from kio.schema.produce.v11 import request as v11
from kio.schema.types import ProducerId, TopicName, TransactionalId
from kio.static.primitive import i8, i16, i32, i32Timedelta

from pykafka_cli.model import Offset, ProducerEpoch, Timestamp
from pykafka_cli.protocol.records.record import Record, build_batch
from pykafka_cli.transport.connection import Connection
from tests.support.event_loop import until

TRANSACTIONAL_ID = TransactionalId("ghost")
HOUR_MS = 3_600_000


async def eventually(ask: Callable[[], Awaitable[ErrorCode]], wanted: ErrorCode) -> None:
    async def as_wanted() -> bool:
        return await ask() is wanted

    await until(as_wanted, f"it never answers {wanted}")


class Ghost:
    """A transactional producer that writes without telling its coordinator where."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self.connection = connection
        self.topic = topic
        self.producer_id = -1

    async def find_coordinator(self) -> ErrorCode:
        request = FindCoordinatorRequest(key_type=i8(1), coordinator_keys=(TRANSACTIONAL_ID,))
        return (await self.connection.request(request)).coordinators[0].error_code

    async def init(self) -> ErrorCode:
        answer = await self.connection.request(
            InitProducerIdRequest(
                transactional_id=TRANSACTIONAL_ID,
                transaction_timeout=i32Timedelta.parse(timedelta(minutes=1)),
                producer_id=ProducerId(-1),
                producer_epoch=i16(-1),
            )
        )
        self.producer_id = answer.producer_id
        return answer.error_code

    async def write(self, api: ModuleType = v11) -> ErrorCode:
        """Write a batch that is two hours old."""
        batch = build_batch(
            [Record(Offset(0), Timestamp(int(time.time() * 1000) - 2 * HOUR_MS), b"k", b"v")],
            producer_id=ProducerId(self.producer_id),
            producer_epoch=ProducerEpoch(0),
            base_sequence=0,
            transactional=True,
        )
        partition = api.PartitionProduceData(index=i32(0), records=bytes(batch))
        answer = await self.connection.request(
            api.ProduceRequest(
                transactional_id=TRANSACTIONAL_ID,
                acks=i16(-1),
                timeout=i32Timedelta.parse(timedelta(seconds=10)),
                topic_data=(api.TopicProduceData(name=TopicName(self.topic), partition_data=(partition,)),),
            )
        )
        return answer.responses[0].partition_responses[0].error_code
