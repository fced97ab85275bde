"""A cluster far away, as the benchmark has it."""

import asyncio
import time

from benchmarks.far import COMMANDS, slow_proxy
from benchmarks.tools import JAVA_TOOLS
from pykafka_cli.commands import COMMANDS as OF_PK

DELAY_S = 0.05
MANY = bytes(range(256)) * 4096


async def test_every_byte_is_late_each_way_and_comes_in_order() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    with slow_proxy(server.sockets[0].getsockname()[1], DELAY_S) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        writer.write(MANY)
        writer.write_eof()
        first = await reader.read(1)
        took = time.monotonic() - began
        rest = await reader.read()
        writer.close()
    server.close()

    assert took >= 2 * DELAY_S
    assert first + rest == MANY


def test_both_sides_have_every_command() -> None:
    names = {command.words.split()[0] for command in COMMANDS}

    assert names <= JAVA_TOOLS.keys()
    assert names <= set(OF_PK)
