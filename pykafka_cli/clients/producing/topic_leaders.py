"""The leaders of a topic to write to, which is created if that is allowed."""

import asyncio
import logging
from collections.abc import Callable

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.error_texts import ErrorText
from pykafka_cli.clients.errors import topic_refusal
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId
from pykafka_cli.protocol.absence import known_broker

_log = logging.getLogger(__name__)


class ProducerRefused(Exception):
    """A broker rejects what a producer needs before it can send; `text` is that of Kafka's client."""

    def __init__(self, text: ErrorText) -> None:
        super().__init__(text.message)
        self.text = text


class TopicLeaders:
    """The leaders as of the last lookup."""

    def __init__(self, session: Session, topic: str, client_id: str, warn: Callable[[str], None]) -> None:
        self.leaders: dict[int, BrokerId | None] = {}
        """By partition, in order; None where there is none. Empty until the topic is there."""
        self.asked_at = 0.0
        """The loop's time of the last lookup."""
        self._session = session
        self._topic = topic
        self._client_id = client_id
        self._warn = warn
        self._requests = 0

    async def look_up(self) -> bool:
        """Look up leaders once; False if that has to be repeated, since the topic does not exist yet or has no leader.

        raises    ProducerRefused for final errors, ConnectionFailed
        """
        self._requests += 1
        self.asked_at = asyncio.get_running_loop().time()
        entry = (await self._session.metadata([self._topic], create=True)).topics[0]
        code = entry.error_code
        if refusal := topic_refusal(code, self._topic):
            raise ProducerRefused(ErrorText(refusal.exception, str(refusal)))
        if code is not ErrorCode.none:
            self._warn(
                f"[Producer clientId={self._client_id}] The metadata response from the cluster reported a recoverable "
                f"issue with correlation id {self._requests} : {{{self._topic}={code.name.upper()}}}"
            )
            self.leaders = dict.fromkeys(self.leaders)
            return False
        leaders = {int(part.partition_index): part.leader_id for part in entry.partitions}
        known = {each: known_broker(leader) for each, leader in sorted(leaders.items())}
        for partition, leader in known.items():
            if self.leaders and self.leaders.get(partition) != leader:
                _log.debug(
                    "%s-%d: broker %s leads, and was %s", self._topic, partition, leader, self.leaders.get(partition)
                )
        self.leaders = known
        return any(leader is not None for leader in known.values())

    def forget(self, partition: int) -> None:
        """Note that the known leader is wrong."""
        self.leaders[partition] = None

    def available(self) -> list[int]:
        """Partitions that have a leader; all if none has."""
        return [partition for partition, leader in self.leaders.items() if leader is not None] or list(self.leaders)
