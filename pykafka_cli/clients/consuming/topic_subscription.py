"""The topics that a consumer subscribes to, by name or by pattern, and their partition counts."""

import asyncio
import re
from collections.abc import Callable, Sequence

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.errors import topic_refusal
from pykafka_cli.clients.session import Session
from pykafka_cli.model import in_seconds
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.transport.errors import ConnectionFailed

INTERNAL_TOPICS = ("__consumer_offsets", "__transaction_state", "__share_group_state")
_RETRY_MISSING = 1.0
"""Seconds until metadata is requested again for a topic that does not exist."""


class TopicSubscription:
    """pattern   all topics whose whole name matches, instead of `topics`
    warn      called with lines that the scripts log at WARN
    """

    def __init__(
        self,
        session: Session,
        settings: ConsumerSettings,
        topics: Sequence[str],
        pattern: re.Pattern[str] | None,
        warn: Callable[[str], None],
    ) -> None:
        self.partition_counts: dict[str, int] = {}
        """Partition counts of the topics that exist, as of the last refresh."""
        self._session = session
        self._settings = settings
        self._topics = topics
        self._pattern = pattern
        self._warn = warn
        self._requests = 0

    @property
    def topics(self) -> list[str]:
        """The topics for the group; given names count even if they do not exist."""
        return sorted(self.partition_counts if self._pattern else self._topics)

    async def refresh(self) -> None:
        """Fetch the topics and their partition counts.

        raises    ApiError for a topic that the consumer may not read; ConnectionFailed
        """
        self._requests += 1
        create = self._settings.allow_auto_create_topics and self._pattern is None
        answer = await self._session.metadata(None if self._pattern else self._topics, create=create)
        problems = {}
        found = {}
        for topic in answer.topics:
            name = str(topic.name)
            if self._pattern and not self._is_wanted(self._pattern, name, is_internal=topic.is_internal):
                continue
            if refusal := topic_refusal(topic.error_code, name):
                raise refusal
            if topic.error_code is not ErrorCode.none:
                problems[name] = topic.error_code.name.upper()
            else:
                found[name] = len(topic.partitions)
        if problems:
            listed = ", ".join(f"{name}={code}" for name, code in problems.items())
            self._warn(
                "The metadata response from the cluster reported a recoverable issue with "
                f"correlation id {self._requests} : {{{listed}}}"
            )
        self.partition_counts = found

    async def watch(self, on_change: Callable[[], None]) -> None:
        """Refresh every metadata.max.age.ms, more often while topics are missing; runs until it is canceled.

        raises    ApiError
        """
        max_age = in_seconds(self._settings.metadata_max_age_ms)
        while True:
            is_complete = self._pattern is not None or len(self.partition_counts) == len(self._topics)
            await asyncio.sleep(max_age if is_complete else min(_RETRY_MISSING, max_age))
            before = self.partition_counts
            try:
                await self.refresh()
            except ConnectionFailed as failure:
                self._warn(str(failure))
            if before != self.partition_counts:
                on_change()

    def _is_wanted(self, pattern: re.Pattern[str], topic: str, *, is_internal: bool) -> bool:
        return bool(pattern.fullmatch(topic)) and not (is_internal and self._settings.exclude_internal_topics)


def regex_for_coordinator(pattern: re.Pattern[str], settings: ConsumerSettings) -> str | None:
    """The pattern for a coordinator that evaluates it itself (KIP-848); None if it would match other topics.

    It uses RE2, which lacks some of Java's expressions, and does not exclude internal topics.
    """
    if settings.exclude_internal_topics and any(pattern.fullmatch(topic) for topic in INTERNAL_TOPICS):
        return None
    from pykafka_cli.rules.re2_syntax import BadExpression, check_expression

    try:
        check_expression(pattern.pattern)
    except BadExpression:
        return None
    return pattern.pattern
