"""Small values that handlers need in kio's types: no throttle, lists of brokers, times, errors."""

from collections.abc import Iterable
from datetime import timedelta
from typing import cast

from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId
from kio.static.primitive import i32Timedelta

from pykafka_cli.broker.errors import BrokerError, InvalidProducerEpoch, ProducerFenced
from pykafka_cli.model import Milliseconds

NO_THROTTLE = i32Timedelta.parse(timedelta(0))


def broker_ids(ids: Iterable[int]) -> tuple[BrokerId, ...]:
    """Brokers as kio has them, unchecked: they come from ZooKeeper or from another broker."""
    return cast(tuple[BrokerId, ...], tuple(ids))


def milliseconds(time: timedelta) -> Milliseconds:
    return Milliseconds(time // timedelta(milliseconds=1))


def code_and_message(error: BrokerError | None) -> tuple[ErrorCode, str | None]:
    """The error code and message for one item of a request; None means success."""
    return (ErrorCode.none, None) if error is None else (error.code, error.message)


def code_for_producer(error: BrokerError, *, knows_fenced: bool) -> ErrorCode:
    """The producer's error; an older one gets INVALID_PRODUCER_EPOCH, as it does not know PRODUCER_FENCED."""
    if isinstance(error, ProducerFenced) and not knows_fenced:
        return InvalidProducerEpoch.code
    return error.code
