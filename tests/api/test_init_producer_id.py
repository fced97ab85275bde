from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.init_producer_id.v5.request import InitProducerIdRequest

from pykafka_cli.broker.context import Broker, RequestContext
from pykafka_cli.broker.errors import BrokerNotAvailable
from pykafka_cli.broker.handlers import init_producer_id
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.transport.errors import BrokerUnreachable


class Supply:
    """Ids from 4000 on, or none."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self._last = 3999

    async def next(self) -> int:
        if self._failure:
            raise self._failure
        self._last += 1
        return self._last


async def given(
    supply: Supply, *, transactional_id: None = None, producer_id: int = -1, producer_epoch: int = -1
) -> Any:
    broker = cast(Broker, SimpleNamespace(producer_ids=supply))
    context = RequestContext(broker, ApiKey.INIT_PRODUCER_ID, 5, 1, "producer", "127.0.0.1", "PLAINTEXT")
    answer = await init_producer_id.handle(
        context,
        InitProducerIdRequest(
            transactional_id=transactional_id,
            transaction_timeout=timedelta(minutes=1),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
        ),
    )
    return answer.error_code, answer.producer_id, answer.producer_epoch


async def test_each_idempotent_producer_gets_an_id_of_its_own() -> None:
    supply = Supply()

    assert await given(supply) == (ErrorCode.none, 4000, 0)
    assert await given(supply) == (ErrorCode.none, 4001, 0)


async def test_what_an_idempotent_producer_had_before_does_not_count() -> None:
    assert await given(Supply(), producer_id=12, producer_epoch=3) == (ErrorCode.none, 4000, 0)


@pytest.mark.parametrize(("producer_id", "producer_epoch"), [(12, -1), (-1, 3)])
async def test_an_id_without_epoch_and_the_other_way_round_are_rejected(producer_id: int, producer_epoch: int) -> None:
    refused = await given(Supply(), producer_id=producer_id, producer_epoch=producer_epoch)

    assert refused == (ErrorCode.invalid_request, -1, -1)


@pytest.mark.parametrize("failure", [BrokerUnreachable("gone"), BrokerNotAvailable("there is no controller")])
async def test_while_the_controller_cannot_be_asked_the_producer_shall_try_again(failure: Exception) -> None:
    supply = Supply(failure)

    assert await given(supply) == (ErrorCode.coordinator_load_in_progress, -1, -1)
