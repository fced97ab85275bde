"""A listener's connections before their TLS handshake is complete: they are counted, and may be delayed or rejected.

source  kafka.network.ConnectionQuotas, which also counts them when they are accepted
"""

import logging

from pykafka_cli.broker.network.connection import Connection, Service
from pykafka_cli.broker.network.connection_rates import NOT_AT_ALL

_log = logging.getLogger(__name__)


class TlsDoor:
    """What tls/port.py needs from a listener."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def admit(self, address: str, port: int) -> Connection | None:
        made = Connection(self._service)
        return made if made.admit(address, port) else None

    async def may_begin(self, made: Connection) -> bool:
        hold, made.hold = made.hold, NOT_AT_ALL
        if hold.wait:
            await self._service.clock.sleep(hold.wait)
        if hold.is_closed:
            self._service.metrics.connections_ended["rate"] += 1
            _log.debug("%s makes more connections than its connection_creation_rate", made.peer.host)
        return not hold.is_closed

    def has_failed(self, made: Connection, reason: str) -> None:
        made.forget()
        if reason:
            self._service.metrics.connections_ended["handshake"] += 1
            line = f"TLS with {made.peer} has not begun: {reason}"
            self._service.lines.log(_log, logging.INFO, "handshake", made.peer.host, line)
