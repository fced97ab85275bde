"""Small values that handlers need in kio's types: no throttle, lists of brokers, times, authorized operations."""

from collections.abc import Iterable
from datetime import timedelta
from typing import cast

from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.broker.errors import BrokerError

NO_THROTTLE = i32Timedelta.parse(timedelta(0))

# Bits are 1 << org.apache.kafka.common.acl.AclOperation's code. Without an authorizer everybody may do everything that
# makes sense for the resource (AclEntry.supportedOperations).
_READ, _WRITE, _CREATE, _DELETE, _ALTER, _DESCRIBE = (1 << code for code in range(3, 9))
_CLUSTER_ACTION, _DESCRIBE_CONFIGS, _ALTER_CONFIGS, _IDEMPOTENT_WRITE = (1 << code for code in range(9, 13))

TOPIC_OPERATIONS = i32(_READ | _WRITE | _CREATE | _DESCRIBE | _DELETE | _ALTER | _DESCRIBE_CONFIGS | _ALTER_CONFIGS)
CLUSTER_OPERATIONS = i32(
    _CREATE | _CLUSTER_ACTION | _DESCRIBE_CONFIGS | _ALTER_CONFIGS | _IDEMPOTENT_WRITE | _ALTER | _DESCRIBE
)
GROUP_OPERATIONS = i32(_READ | _DESCRIBE | _DELETE)
NOT_ASKED = i32(-(2**31))
"""In place of authorized operations where the request did not ask for them."""


def broker_ids(ids: Iterable[int]) -> tuple[BrokerId, ...]:
    """Brokers as kio has them, unchecked: they come from ZooKeeper or from another broker."""
    return cast(tuple[BrokerId, ...], tuple(ids))


def milliseconds(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)


def code_and_message(error: BrokerError | None) -> tuple[ErrorCode, str | None]:
    """What the answer says of one item of a request; None stands for success."""
    return (ErrorCode.none, None) if error is None else (error.code, error.message)
