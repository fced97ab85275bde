"""The controller's connections to the brokers, including its own: one request in flight to each, in order, until it is
answered or the broker is gone.

No ApiVersions is sent on them: the versions are those of inter.broker.protocol.version, here always the newest. A
request that got no response is sent again; the broker fences what is stale by controller and broker epoch.

source  kafka.controller.ControllerChannelManager
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.replication.peers import BrokerEndpoint, Connect, KeptConnection
from pykafka_cli.model import BrokerId, Seconds
from pykafka_cli.transport.errors import ConnectionFailed
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration

_log = logging.getLogger(__name__)

RETRY_AFTER = Seconds(0.1)  # seconds, Kafka's own

OnAnswer = Callable[[Any], None]


class BrokerChannel:
    """Requests to one broker."""

    def __init__(self, endpoint: BrokerEndpoint, client_id: str, connect: Connect, clock: Clock) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._queue: asyncio.Queue[tuple[Any, OnAnswer]] = asyncio.Queue()
        self._connection = KeptConnection(connect, client_id)
        self._sender = asyncio.get_running_loop().create_task(self._send_all(), name=f"controller to {endpoint}")

    def send(self, request: Any, on_answer: OnAnswer) -> None:
        """Queue a request; `on_answer` is called with its response, unless the broker leaves first."""
        self._queue.put_nowait((request, on_answer))

    async def all_answered(self) -> None:
        """Wait until every queued request has its response, or is dropped."""
        await self._queue.join()

    def close(self) -> None:
        """Send nothing more, and drop what is queued."""
        self._sender.cancel()
        self._connection.close()
        while not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()

    async def _send_all(self) -> None:
        while True:
            request, on_answer = await self._queue.get()
            try:
                on_answer(await self._answered(request))
            except Exception:
                _log.exception("the response of %s to %s was invalid", self.endpoint, type(request).__name__)
            finally:
                self._queue.task_done()

    async def _answered(self, request: Any) -> Any:
        complained = False
        while True:
            try:
                return await (await self._connection.to(self.endpoint)).request(request)
            except ConnectionFailed as error:
                # A broker that has just died is retried until its session with ZooKeeper expires.
                level = logging.DEBUG if complained else logging.WARNING
                _log.log(level, "controller cannot reach %s, trying again: %s", self.endpoint, error)
                complained = True
                self._connection.close()
                await self._clock.sleep(RETRY_AFTER)


class BrokerChannels:
    """A channel for each live broker."""

    def __init__(self, controller_id: BrokerId, listener: str, connect: Connect, clock: Clock) -> None:
        """listener    the one on which brokers connect to each other"""
        self._client_id = str(controller_id)
        self._listener = listener
        self._connect = connect
        self._clock = clock
        self._channels: dict[BrokerId, BrokerChannel] = {}

    def add(self, broker: BrokerRegistration) -> None:
        """Open a channel to a broker; that of an earlier registration is dropped with all that was queued for it."""
        self.remove(broker.id)
        endpoint = broker.endpoint(self._listener)
        if endpoint is None:
            _log.error(
                "broker %d has no listener %s, so the controller cannot connect to it", broker.id, self._listener
            )
            return
        self._channels[broker.id] = BrokerChannel(
            BrokerEndpoint(broker.id, endpoint.host, endpoint.port), self._client_id, self._connect, self._clock
        )

    def remove(self, broker_id: BrokerId) -> None:
        if channel := self._channels.pop(broker_id, None):
            channel.close()

    def send(self, broker_id: BrokerId, request: Any, on_answer: OnAnswer) -> None:
        """Queue a request; dropped with a warning when the broker is not known."""
        if channel := self._channels.get(broker_id):
            channel.send(request, on_answer)
        else:
            _log.warning("%s for broker %d is dropped: the broker is not connected", type(request).__name__, broker_id)

    async def all_answered(self, limit: Seconds) -> None:
        """Wait until every broker has answered what is queued for it, but no longer than `limit` seconds."""
        waiting = [asyncio.ensure_future(channel.all_answered()) for channel in self._channels.values()]
        if not waiting:
            return

        def give_up() -> None:
            for each in waiting:
                each.cancel()

        timer = self._clock.call_later(limit, give_up)
        try:
            await asyncio.wait(waiting)
        finally:
            timer.cancel()
            give_up()

    def close(self) -> None:
        for broker_id in list(self._channels):
            self.remove(broker_id)
