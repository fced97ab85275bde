"""Kafka's record formats: batches, the records in them, their codecs and control records."""

from pykafka_cli.protocol.records.batch import (
    BatchHeader,
    Compression,
    CorruptRecords,
    read_header,
    walk,
    whole_batches_end,
)
from pykafka_cli.protocol.records.control import ControlType, EndTransactionMarker, build_marker, read_marker
from pykafka_cli.protocol.records.record import Record, build_batch, read_records, records_in

__all__ = [
    "BatchHeader",
    "Compression",
    "ControlType",
    "CorruptRecords",
    "EndTransactionMarker",
    "Record",
    "build_batch",
    "build_marker",
    "read_header",
    "read_marker",
    "read_records",
    "records_in",
    "walk",
    "whole_batches_end",
]
