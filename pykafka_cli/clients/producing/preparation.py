"""Prepares a producer to send: looks up the partitions' leaders, and gets a producer id."""

import asyncio
import logging
from collections.abc import Callable

from pykafka_cli.clients.error_texts import ErrorText
from pykafka_cli.clients.producing.topic_leaders import ProducerRefused, TopicLeaders
from pykafka_cli.clients.producing.transactions import has_implicit_transactions, new_producer_id
from pykafka_cli.clients.session import Session
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch, in_seconds
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.transport.errors import ConnectionFailed, Rejected

_log = logging.getLogger(__name__)

_LAST_EPOCH = 0x7FFF
_SHORT_PAUSES = 5
_FIRST_TRIES = 3
"""Number of lost connections accepted before the first response; listeners that require TLS or a login also close
them."""


class Preparation:
    """warn    called with lines that the scripts log at WARN"""

    def __init__(self, session: Session, topic: str, settings: ProducerSettings, warn: Callable[[str], None]) -> None:
        self.topic = TopicLeaders(session, topic, settings.client_id, warn)
        self.producer: ProducerIdAndEpoch | None = None
        """None without idempotence, and until there is one."""
        self.needs_producer = settings.idempotent
        """Whether to send nothing before there is a new producer id."""
        self.has_implicit_transactions = False
        """Known once the transactional id has a producer id."""
        self._session = session
        self._name = topic
        self._settings = settings
        self._warn = warn
        self._attempts = 0  # since a leader was last reached
        self._was_answered = False
        self._one_at_a_time = asyncio.Lock()

    @property
    def _is_complete(self) -> bool:
        return bool(self.topic.leaders) and not self.needs_producer

    @property
    def has_epochs(self) -> bool:
        """Whether the producer may increase its epoch by itself: an idempotent one, but not a transactional one."""
        return self.producer is not None and self._settings.transactional_id is None

    def next_epoch(self) -> None:
        """Start the next epoch: sequences restart at 0, and earlier requests are fenced (KIP-360)."""
        if self.producer and self.producer.producer_epoch < _LAST_EPOCH:
            self.producer = self.producer._replace(producer_epoch=ProducerEpoch(self.producer.producer_epoch + 1))
        else:
            self.needs_producer = True

    async def complete(self) -> None:
        """Wait until everything is known.

        raises    ProducerRefused, also if that takes longer than max.block.ms; ConnectionFailed
        """
        if self._is_complete:
            return
        deadline = asyncio.get_running_loop().time() + in_seconds(self._settings.max_block_ms)
        try:
            async with asyncio.timeout_at(deadline), self._one_at_a_time:
                while not self._is_complete:
                    await self._ask_until_known()
        except TimeoutError:
            text = f"Topic {self._name} not present in metadata after {self._settings.max_block_ms} ms."
            raise ProducerRefused(ErrorText("org.apache.kafka.common.errors.TimeoutException", text)) from None

    async def refresh(self) -> None:
        """Look up the topic until it exists, and get a producer id if needed.

        raises    ProducerRefused; Rejected; other errors of a cluster that has never responded
        """
        async with self._one_at_a_time:  # concurrent requests would get two producer ids
            await self._ask_until_known()

    async def _ask_until_known(self) -> None:
        failures = 0
        while True:
            try:
                found = await self.topic.look_up()
                self._was_answered = True
                if found:
                    if self.needs_producer:
                        if self._settings.transactional_id is not None:
                            self.has_implicit_transactions = await has_implicit_transactions(self._session)
                        self.producer = await new_producer_id(self._session, self._settings)
                        self.needs_producer = False
                        _log.debug("The producer has id %d and epoch %d", *self.producer)
                    return
            except Rejected:
                raise
            except ConnectionFailed as failure:
                failures += 1
                if not self._was_answered and failures == _FIRST_TRIES:
                    raise
                self._warn(f"[Producer clientId={self._settings.client_id}] {failure}")
            await self.pause()

    async def pause(self) -> None:
        """Wait before metadata is requested again: shortly at first, as a new topic soon has leaders."""
        self._attempts += 1
        pause = self._settings.backoff(max(1, self._attempts - _SHORT_PAUSES))
        _log.debug("Looking for the leaders of %s in %g s", self._name, pause)
        await asyncio.sleep(pause)

    def reached_leader(self) -> None:
        """Note that metadata is right: pauses are short again."""
        self._attempts = 0
