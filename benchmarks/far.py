"""How long commands take on a cluster far away: beside starting, what counts is how often a command waits for answers.

All that a client sends and gets goes through a proxy that delivers it later. What brokers send each other does not.
"""

import asyncio
import contextlib
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.servers import PK, Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import Bench, seconds

DELAY_MS = 50
STARTS = 3  # of each command: the best of them
CHUNK = 64 * 1024
TO = "--bootstrap-server {bootstrap}"
OF_A_GROUP = f"consumer-groups {TO} --group far-1"


class Command(NamedTuple):
    """A command in the words that the script and pk share; {bootstrap} and {start}, 1, 2, ..., are filled in."""

    words: str
    lines: str = ""

    @property
    def row(self) -> Row:
        name = self.words.replace(f" {TO}", "").replace("{start}", "N")
        return Row(f"{DELAY_MS} ms away: {name}", "s", times_kafka=1)


COMMANDS = (
    Command(f"topics {TO} --create --topic far-{{start}}"),
    Command(f"topics {TO} --list"),
    Command(f"topics {TO} --describe --topic far-1"),
    Command(f"configs {TO} --describe --topic far-1"),
    Command(f"configs {TO} --alter --topic far-1 --add-config retention.ms=3600000"),
    Command(f"console-producer {TO} --topic far-1", "one\ntwo\n"),
    Command(f"console-consumer {TO} --topic far-1 --from-beginning --max-messages 2 --group far-{{start}}"),
    Command(f"console-consumer {TO} --topic far-1 --partition 0 --offset earliest --max-messages 2"),
    Command(f"get-offsets {TO} --topic far-1"),
    Command(f"consumer-groups {TO} --list"),
    Command(f"{OF_A_GROUP} --describe"),
    Command(f"{OF_A_GROUP} --reset-offsets --to-earliest --topic far-1 --execute"),
    Command(f"log-dirs {TO} --describe"),
    Command(f"broker-api-versions {TO}"),
    Command(f"transactions {TO} list"),
    Command(f"topics {TO} --delete --topic far-{{start}}"),
)


def commands_far_away(bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
    """Each command's best time, in the order of COMMANDS: the first makes the topics, the last deletes them."""
    with slow_proxy(servers.port, DELAY_MS / 1000) as port:
        servers.advertised_port = port
        with servers.running():
            # The first that asks for a coordinator waits until its topic is created.
            warm_up = ["consumer-groups", "--bootstrap-server", servers.bootstrap, "--describe", "--group", "far-0"]
            subprocess.run([PK, *warm_up], capture_output=True, check=False)
            for command in COMMANDS:
                lines = bench.folder / "far-lines.txt"
                lines.write_text(command.lines)
                yield min(_started(bench, servers, command, port, lines, start) for start in range(1, STARTS + 1))


def _started(bench: Bench, servers: Servers, command: Command, port: int, lines: Path, start: int) -> float:
    tool, *words = command.words.format(bootstrap=f"127.0.0.1:{port}", start=start).split()
    return seconds(bench.tool(servers.name, tool, *words), stdin=lines)


@contextlib.contextmanager
def slow_proxy(target: int, delay: float) -> Iterator[int]:
    """The port of a proxy that delivers every byte so many seconds late, each way."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(partial(_carry, target, delay), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _carry(target: int, delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        to_us, to_target = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(_deliver(reader, to_target, delay), _deliver(to_us, writer, delay))
        to_target.close()
    writer.close()


async def _deliver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """One way, to its end; timers for the same moment may run in any order, so each delivers what is first in line."""
    loop, line = asyncio.get_running_loop(), list[bytes]()
    delivered = loop.create_future()

    def arrive() -> None:
        if data := line.pop(0):
            writer.write(data)
        else:
            with contextlib.suppress(OSError):
                writer.write_eof()
            delivered.set_result(None)

    data = b"."
    while data:
        try:
            data = await reader.read(CHUNK)
        except OSError:
            data = b""
        line.append(data)
        loop.call_later(delay, arrive)
    await delivered


FAR = SingleMeasurement([each.row for each in COMMANDS], commands_far_away, needs=("java",), limit_s=600)
