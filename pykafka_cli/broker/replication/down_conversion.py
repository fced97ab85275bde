"""Responses to Fetch 0-3 in the message format of those versions: 0 up to version 1, 1 in versions 2 and 3.

Records are taken apart and rebuilt, unlike anywhere else on the path of a fetch, so the work is bounded: a response
stops at FETCH_BYTES of stored records and of converted ones, and other requests get their turn in between. The first
batch that gives a message is always converted, however large: without it the client could not continue.
Source: KafkaApis.maybeConvertFetchedData, LazyDownConversionRecords.
"""

import asyncio

from pykafka_cli.broker.errors import BrokerError, CorruptMessage
from pykafka_cli.broker.log.message_conversion import messages_of
from pykafka_cli.broker.replication.fetch_values import FetchResult
from pykafka_cli.model import Offset
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import CorruptRecords, walk

FIRST_VERSION_WITH_BATCHES = 4
FETCH_BYTES = 4 << 20
"""Stored bytes that one answer converts at most, but for the first batches."""

_TURN_BYTES = 128 << 10


def message_format(fetch_version: int) -> int:
    """The newest format that clients of this version can read."""
    return 2 if fetch_version >= FIRST_VERSION_WITH_BATCHES else 1 if fetch_version >= 2 else 0


class DownConversion:
    """The conversions of one response. `magic` is the format that they end in."""

    def __init__(self, magic: int) -> None:
        self._magic = magic
        self._left = FETCH_BYTES
        self._until_turn = _TURN_BYTES

    async def convert(self, result: FetchResult, first_offset: Offset) -> None:
        """Put the records of one partition, fetched from `first_offset` on, into the format."""
        parts: list[Buffer] = []
        try:
            for position, header in walk(result.records):
                if parts and self._left <= 0:
                    break
                converted = messages_of(result.records, position, header, self._magic, first_offset)
                if converted:
                    parts.append(converted)
                work = max(header.size, len(converted))
                self._left -= work
                self._until_turn -= work
                if self._until_turn <= 0:
                    self._until_turn = _TURN_BYTES
                    await asyncio.sleep(0)
        except BrokerError as error:
            # Kafka gives what came before; the client meets the error with its next fetch.
            if not parts:
                result.error_code = error.code
        except CorruptRecords:
            if not parts:
                result.error_code = CorruptMessage.code
        result.records = b"".join(parts)
