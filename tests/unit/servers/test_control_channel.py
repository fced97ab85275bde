import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from pykafka_cli.servers.control import BadRequest, Command, serve_connection
from pykafka_cli.servers.control_channel import ChannelClosed, ControlChannel
from tests.support.event_loop import until


async def double(request: Mapping[str, Any]) -> int:
    if request["number"] < 0:
        raise BadRequest("it is negative")
    return 2 * int(request["number"])


async def fail(_request: Mapping[str, Any]) -> None:
    raise OSError("a bug")


async def never(_request: Mapping[str, Any]) -> None:
    await asyncio.Event().wait()


COMMANDS: dict[str, Command] = {"double": double, "fail": fail, "never": never}


async def connected() -> tuple[ControlChannel, "asyncio.Task[None]", asyncio.Event]:
    """A channel, and what serves its other end until the event is set."""
    ours, theirs = socket.socketpair()
    ended = asyncio.Event()
    reader, writer = await asyncio.open_unix_connection(sock=theirs)

    async def serve() -> None:
        serving = asyncio.create_task(serve_connection(reader, writer, COMMANDS, ended.set))
        await ended.wait()
        serving.cancel()
        await asyncio.wait((serving,))
        writer.close()

    channel = ControlChannel(ours)
    await channel.open()
    return channel, asyncio.create_task(serve()), ended


async def test_requests_are_answered_one_after_the_other_with_results_or_reasons() -> None:
    channel, serving, _ = await connected()

    answers = [channel.send("double", number=number) for number in (1, -1, 3)]

    assert (await answers[0], await answers[2]) == (2, 6)
    with pytest.raises(BadRequest, match="it is negative"):
        await answers[1]
    with pytest.raises(BadRequest, match="a bug"):
        await channel.request("fail")
    assert await channel.request("double", number=4) == 8
    channel.close()
    await serving


async def test_the_end_of_the_connection_is_noticed_even_while_a_request_is_served() -> None:
    channel, serving, ended = await connected()
    unanswered = channel.send("never")

    channel.close()

    await until(ended.is_set)
    await serving
    await channel.wait_closed()
    with pytest.raises(ChannelClosed):
        await unanswered
    with pytest.raises(ChannelClosed):
        await channel.request("double", number=1)
