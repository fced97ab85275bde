"""A controlled shutdown, on the broker that stops: it has the controller move its leadership to other brokers.

source  kafka.server.KafkaServer.controlledShutdown
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.model import BrokerEpoch, Seconds, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.protocol.absence import or_unknown
from pykafka_cli.protocol.inter_broker import ControlledShutdownRequest
from pykafka_cli.transport.errors import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.broker.metadata.cache import MetadataCache

_log = logging.getLogger(__name__)

CHECKS = 2
"""Seconds without ZooKeeper, in a row, after which the broker stops without moving more."""


class LeadershipTransfer:
    """ask_controller    sends a request to the controller; raises BrokerNotAvailable, ConnectionFailed"""

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        metadata: "MetadataCache",
        ask_controller: Callable[[Any], Awaitable[Any]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._metadata = metadata
        self._ask_controller = ask_controller

    async def try_to_move(
        self,
        broker_epoch: Callable[[], BrokerEpoch | None],
        has_zookeeper: Callable[[], bool],
        *,
        unless: asyncio.Event,
    ) -> None:
        """Move what can be moved; give up if ZooKeeper, which the controller needs, stays unreachable.

        unless    is set when all brokers stop; then none waits for another
        """
        moving = asyncio.create_task(self._move(broker_epoch))
        all_stop = asyncio.create_task(unless.wait())
        patience = CHECKS
        while not moving.done() and not all_stop.done() and patience:
            pause = asyncio.create_task(self._clock.sleep(Seconds(1.0)))
            await asyncio.wait((moving, all_stop, pause), return_when=asyncio.FIRST_COMPLETED)
            pause.cancel()
            patience = CHECKS if has_zookeeper() else patience - 1
        if not moving.done():
            if not all_stop.done():
                _log.warning("ZooKeeper cannot be reached, so leadership is not moved to other brokers")
            moving.cancel()
        all_stop.cancel()
        await asyncio.wait((moving,))
        if not moving.cancelled() and (error := moving.exception()):
            _log.error("leadership was not moved to other brokers: %r", error)

    async def _move(self, broker_epoch: Callable[[], BrokerEpoch | None]) -> None:
        """Request that the controller move this broker's leadership, if there is another broker to move it to.

        Kafka's last broker sends the request as well: three times in vain, five seconds apart; then it stops anyway.
        """
        settings = self._settings
        others = [each for each in self._metadata.brokers() if each.id != settings.broker_id]
        if not settings.controlled_shutdown_enable or not others:
            return
        for attempt in range(settings.controlled_shutdown_max_retries):
            if attempt:
                await self._clock.sleep(in_seconds(settings.controlled_shutdown_retry_backoff_ms))
            request = ControlledShutdownRequest(broker_id=settings.broker_id, broker_epoch=or_unknown(broker_epoch()))
            try:
                answer = await self._ask_controller(request)
            except (BrokerError, ConnectionFailed) as error:
                _log.warning("the controller could not be asked to move leadership: %s", error)
                continue
            if answer.error_code is ErrorCode.none and not answer.remaining_partitions:
                _log.info("everything that this broker led has been moved")
                return
            _log.warning(
                "%d partitions could not be moved to other brokers (%s)",
                len(answer.remaining_partitions),
                answer.error_code.name,
            )
