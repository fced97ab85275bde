"""How fast replicas that are behind are copied (KIP-73), and logs are moved to other directories (KIP-113).

A broker's rate is set at run time; the topics' configs list the replicas that it applies to. A follower that is in sync
is never throttled, so that a throttle does not shrink the ISR.

source  kafka.server.ReplicationQuotaManager, ReplicaManager.shouldLeaderThrottle, ReplicaFetcherThread
"""

from typing import TypeAlias

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.quotas.rates import SimpleRate, Windows
from pykafka_cli.model import NO_TIME, Seconds
from pykafka_cli.properties.broker import BrokerSettings

LEADER_RATE = "leader.replication.throttled.rate"
FOLLOWER_RATE = "follower.replication.throttled.rate"
MOVES_RATE = "replica.alter.log.dirs.io.max.bytes.per.second"

Throttled: TypeAlias = tuple[str, ...]
"""PARTITION:BROKER for each throttled replica of a topic, or * for all of them."""


class ReplicationQuota:
    """One rate of one broker.

    rate_key    the config that sets it, in bytes per second
    """

    def __init__(self, settings: BrokerSettings, clock: Clock, rate_key: str, windows: Windows) -> None:
        self._settings, self._clock, self._rate_key = settings, clock, rate_key
        self._rate = SimpleRate(windows)

    @property
    def is_set(self) -> bool:
        return self._settings.dynamic_limit(self._rate_key) is not None

    def covers(self, throttled: Throttled, partition: int) -> bool:
        """Whether it applies to this broker's replica of a partition."""
        return throttled == ("*",) or f"{partition}:{self._settings.broker_id}" in throttled

    def record(self, size: int) -> None:
        """Count bytes that were copied, even beyond the rate."""
        self._rate.record(size, self._clock.monotonic())

    def wait(self) -> Seconds:
        """Seconds to wait before copying more."""
        limit = self._settings.dynamic_limit(self._rate_key)
        return NO_TIME if limit is None else self._rate.excess(limit, self._clock.monotonic())


def replication_windows(settings: BrokerSettings) -> Windows:
    return Windows(settings.replication_quota_window_num, settings.replication_quota_window_size_seconds)


def move_windows(settings: BrokerSettings) -> Windows:
    return Windows(
        settings.alter_log_dirs_replication_quota_window_num,
        settings.alter_log_dirs_replication_quota_window_size_seconds,
    )
