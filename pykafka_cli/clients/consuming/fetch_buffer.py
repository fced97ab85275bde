"""The records that a fetcher has fetched ahead of its reader, undecoded, in the order of arrival."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from pykafka_cli.clients.consuming.fetched_records import AbortedTransaction
from pykafka_cli.clients.consuming.sources import Source
from pykafka_cli.model import LeaderEpoch, Offset

BUFFERED_BYTES = 4 << 20
"""Bytes that may be buffered before more is fetched from a leader. One response may still be as large as
fetch.max.bytes."""


class Chunk(NamedTuple):
    """A partition's part of one response, not decoded yet.

    epoch        the leader epoch of the record before it
    following    the offset after it
    """

    source: Source
    offset: Offset
    epoch: LeaderEpoch | None
    following: Offset
    data: bytes
    aborted: tuple[AbortedTransaction, ...]

    def reaches(self, offset: Offset) -> bool:
        """Whether it has any records at or after that offset."""
        return self.following > offset


class FetchBuffer:
    """
    ready    set if there are chunks; may also be set to report something else
    room     set while less than BUFFERED_BYTES is buffered
    """

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.room = asyncio.Event()
        self.room.set()
        self._chunks: deque[Chunk] = deque()
        self._size = 0

    def add(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self._resize(self._size + len(chunk.data))
        self.ready.set()

    def take(self) -> Chunk | None:
        """Remove and return the first chunk; if there is none, clear `ready` and return None."""
        if not self._chunks:
            self.ready.clear()
            return None
        chunk = self._chunks.popleft()
        self._resize(self._size - len(chunk.data))
        return chunk

    def drop(self, is_useless: Callable[[Chunk], bool]) -> list[Chunk]:
        """Remove chunks, and return them."""
        kept: deque[Chunk] = deque()
        dropped: list[Chunk] = []
        for chunk in self._chunks:
            (dropped if is_useless(chunk) else kept).append(chunk)
        self._chunks = kept
        self._resize(sum(len(chunk.data) for chunk in kept))
        return dropped

    def _resize(self, size: int) -> None:
        self._size = size
        if size < BUFFERED_BYTES:
            self.room.set()
        else:
            self.room.clear()
