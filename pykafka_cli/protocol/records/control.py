"""Control records: what a coordinator writes into a partition to end a transaction there.

A control batch (attribute bit 5) holds one record. Its key says what it is and its value what goes with that:

    key    version int16 = 0, type int16        0 abort, 1 commit (2-4 and up: KRaft's, never in a partition of ours)
    value  version int16 = 0, coordinator_epoch int32

Source: KIP-98, ControlRecordType, EndTransactionMarker.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from pykafka_cli.model import FIRST_OFFSET, CoordinatorEpoch, ProducerEpoch, ProducerId, Timestamp
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.protocol.records.record import Record, build_batch, read_records

_KEY = struct.Struct(">hh")
_VALUE = struct.Struct(">hi")


class ControlType(IntEnum):
    ABORT = 0
    COMMIT = 1


class EndTransactionMarker(NamedTuple):
    """How a transaction ended, and the epoch of the coordinator that says so."""

    type: ControlType
    coordinator_epoch: CoordinatorEpoch
    timestamp: Timestamp


def build_marker(
    control_type: ControlType,
    *,
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    coordinator_epoch: CoordinatorEpoch,
    timestamp: Timestamp,
) -> bytearray:
    """A batch with one marker, to be appended with origin COORDINATOR."""
    record = Record(FIRST_OFFSET, timestamp, _KEY.pack(0, control_type), _VALUE.pack(0, coordinator_epoch))
    return build_batch(
        [record], producer_id=producer_id, producer_epoch=producer_epoch, transactional=True, control=True
    )


def read_marker(data: Buffer, position: int = 0) -> EndTransactionMarker | None:
    """The marker in the control batch at `position`; None when it is empty (cleaned) or ends no transaction.

    raises  CorruptRecords when its key or value is too short
    """
    records = read_records(data, position)
    if not records:
        return None
    key, value = records[0].key, records[0].value
    if key is None or len(key) < _KEY.size:
        raise CorruptRecords("control record without a type")
    _, number = _KEY.unpack_from(key)
    if number not in (ControlType.ABORT, ControlType.COMMIT):
        return None
    if value is None or len(value) < _VALUE.size:
        raise CorruptRecords("end of transaction marker without a coordinator epoch")
    _, coordinator_epoch = _VALUE.unpack_from(value)
    return EndTransactionMarker(ControlType(number), coordinator_epoch, records[0].timestamp)
