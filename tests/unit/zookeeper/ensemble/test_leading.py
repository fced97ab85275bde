"""A leader of ours and strangers at its quorum port, over TCP."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration, EnsembleServer
from pykafka_cli.zookeeper.ensemble.following import Following
from pykafka_cli.zookeeper.ensemble.leading import Leading
from pykafka_cli.zookeeper.ensemble.packets import PacketType, QuorumPacket, encode_packet
from pykafka_cli.zookeeper.protocol.requests import OpCode, WatchableRequest
from tests.support.polling import PATIENCE_S
from tests.support.zookeeper.roles import Roles


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Roles]:
    roles = Roles(tmp_path, (1, 2, 3), tickTime=100, initLimit=30)
    yield roles
    await roles.stop()


async def closed_after(roles: Roles, leader: int, data: bytes) -> None:
    """Connect to the quorum port, send something, and wait for the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", roles.configuration.servers[leader].quorum_port)
    writer.write(data)
    with contextlib.suppress(ConnectionResetError):  # of a server that has not read all
        async with asyncio.timeout(PATIENCE_S):
            while await reader.read(1 << 16):
                pass
    writer.close()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x7f" * 100, id="garbage"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", id="HTTP"),
        pytest.param(encode_packet(QuorumPacket(PacketType.ACK, 1)), id="out of turn"),
        pytest.param(encode_packet(QuorumPacket(PacketType.FOLLOWER_INFO, 0, b"")), id="without an id"),
        pytest.param(b"", id="silence"),
    ],
)
async def test_a_stranger_is_closed_and_disturbs_nobody(three: Roles, data: bytes) -> None:
    await three.up(2, 1)

    await closed_after(three, 2, data)

    client = await three.client(1)
    assert (await client.ask(OpCode.EXISTS, WatchableRequest("/", False)))[0] == 0
    assert not three.tasks[2].done()


async def test_a_stranger_may_not_send_much(three: Roles, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await three.up(2, 1)
    packet = encode_packet(QuorumPacket(PacketType.FOLLOWER_INFO, 0, bytes(1 << 20)))

    await closed_after(three, 2, packet[: 1 << 18])

    assert "is closed: what it sent cannot be read: 1048576 is announced, more than 65536" in caplog.text


async def test_a_crowd_of_strangers_keeps_no_server_out(three: Roles) -> None:
    await three.up(2, 1)
    port = three.configuration.servers[2].quorum_port
    crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]

    await three.start(3)
    three.follow(3, 2)
    await three.serving(1, 2, 3)

    assert not any(task.done() for task in three.tasks.values())
    for _, writer in crowd:
        writer.close()


async def test_the_log_says_whose_connection_is_closed(three: Roles, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await three.up(2, 1)

    await three.leave(1)

    await three.until(lambda: "The connection of server 1 from 127.0.0.1:" in caplog.text)


async def test_a_host_that_is_none_is_a_reason_not_to_lead_or_follow(three: Roles) -> None:
    await three.start(2)
    nowhere = EnsembleConfiguration({each: EnsembleServer(each, "a" * 300, 2888, 3888) for each in (2, 3)})

    assert "cannot be opened" in await Leading(three.members[2], nowhere).serve()
    assert "server 3 cannot be reached at" in await Following(three.members[2], nowhere, 3).serve()


async def test_a_port_that_is_in_use_is_a_reason_not_to_lead(three: Roles) -> None:
    await three.start(2)
    port = three.configuration.servers[2].quorum_port
    other = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)

    reason = await Leading(three.members[2], three.configuration).serve()

    assert reason.startswith(f"the quorum port 127.0.0.1:{port} cannot be opened: ")
    other.close()
