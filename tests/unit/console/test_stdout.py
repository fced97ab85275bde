"""Bulk output: a reader that leaves, and a disk that is full."""

import asyncio
import os
from pathlib import Path

import pytest

from pykafka_cli.console.stdout import BulkOutput, OutputClosed, OutputFailed
from tests.support.polling import PATIENCE_S


async def test_a_reader_that_leaves_ends_what_waits_for_something_to_write() -> None:
    reading, writing = os.pipe()
    output = BulkOutput(writing)

    async def wait_in_vain() -> None:
        with output.watching_reader():
            assert await output.write(b"one\n")
            os.close(reading)
            await asyncio.Event().wait()

    with pytest.raises(OutputClosed):
        await asyncio.wait_for(wait_in_vain(), PATIENCE_S)
    os.close(writing)


async def test_what_was_accepted_before_the_reader_left_is_counted() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, True)
    output = BulkOutput(writing)

    writes = asyncio.create_task(output.write(b"x" * 10_000_000))
    first = await asyncio.to_thread(os.read, reading, 1000)
    os.close(reading)
    with pytest.raises(OutputClosed) as closed:
        await asyncio.wait_for(writes, PATIENCE_S)

    assert len(first) <= closed.value.taken < 10_000_000
    os.close(writing)


async def test_a_cancellation_is_no_reader_that_left() -> None:
    reading, writing = os.pipe()

    async def wait_in_vain() -> None:
        with BulkOutput(writing).watching_reader():
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait_in_vain())
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    os.close(reading)
    os.close(writing)


async def test_a_file_is_not_watched(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    output = BulkOutput(descriptor)

    with output.watching_reader():
        assert await output.write(b"one\n")

    os.close(descriptor)
    assert (tmp_path / "out").read_bytes() == b"one\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
async def test_a_full_disk_is_reported_in_words() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)

    with pytest.raises(OutputFailed, match=r"^cannot write to standard output: No space left on device$"):
        await BulkOutput(descriptor).write(b"one\n")

    os.close(descriptor)
