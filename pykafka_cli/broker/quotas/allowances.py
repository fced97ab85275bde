"""Quotas of clients: bytes that they produce and fetch, time that the broker spends on them, changes to topics.

    quotas = ClientQuotas(settings, clock)
    quotas.configure("users/alice", {"producer_byte_rate": "1024"})
    allowance = quotas.allowance("alice", "app")      # None: no quota applies
    allowance.produced(5_000)                         # seconds that alice's client has to wait

A client that exceeds a quota gets its response immediately; the response has the time for which its connection is muted
(KIP-219). This broker is one thread: a request_percentage of 100 is all of its time; in Kafka it is one thread's time.

source  kafka.server.ClientQuotaManager, ClientRequestQuotaManager, ControllerMutationQuotaManager
        (KIP-13, KIP-55, KIP-124, KIP-599)
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import ThrottlingQuotaExceeded
from pykafka_cli.broker.quotas.limits import Limits, as_limit
from pykafka_cli.broker.quotas.rates import Rate, TokenBucket, Windows
from pykafka_cli.model import NO_TIME, Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.zookeeper.kafka_znodes import sanitized

_FIRST_SWEEP = 1000


class Quota(StrEnum):
    """The kinds of quotas, by their names in configs."""

    PRODUCE = "producer_byte_rate"
    FETCH = "consumer_byte_rate"
    REQUEST = "request_percentage"
    MUTATIONS = "controller_mutation_rate"


class _Meter(Protocol):
    def is_idle(self, now: float) -> bool: ...


M = TypeVar("M", bound=_Meter)


class Limited(NamedTuple, Generic[M]):
    """A limit, and what those who share it have used."""

    limit: float
    meter: M


class Fetched(NamedTuple):
    """How long a consumer has to wait, and whether it gets the records now or has to fetch them again."""

    wait: Seconds
    is_sent: bool


class Allowance:
    """What one client may use, together with the clients that share its quotas."""

    def __init__(
        self,
        clock: Clock,
        windows: Windows,
        *,
        produce: Limited[Rate] | None,
        fetch: Limited[Rate] | None,
        request: Limited[Rate] | None,
        mutations: Limited[TokenBucket] | None,
    ) -> None:
        self._clock, self._windows = clock, windows
        self._produce, self._fetch, self._request, self._mutations = produce, fetch, request, mutations

    @property
    def times_requests(self) -> bool:
        """Whether the time that requests take is limited, and has to be measured."""
        return self._request is not None

    def produced(self, size: int) -> Seconds:
        """Count the bytes of a Produce request; returns how long the client has to wait."""
        return self._record(self._produce, size)

    def most_to_fetch(self) -> int | None:
        """Bytes above which a response alone exceeds the quota; None without a limit."""
        if self._fetch is None:
            return None
        return int(self._fetch.limit * (self._windows.samples - 1) * self._windows.size_s)

    def fetched(self, size: int) -> Fetched:
        """Count the bytes of records for a consumer, unless it has to wait for the records.

        A client that has fetched nothing recently gets them, however many they are: otherwise a batch that alone
        exceeds the quota could never be read.
        """
        if self._fetch is None:
            return Fetched(NO_TIME, is_sent=True)
        is_first = self._fetch.meter.is_idle(self._clock.monotonic())
        wait = self._record(self._fetch, size)
        if wait and not is_first:
            self._record(self._fetch, -size)
            return Fetched(wait, is_sent=False)
        return Fetched(wait, is_sent=True)

    def spent(self, seconds: float) -> Seconds:
        """Count time that was spent on a request; returns how long the client has to wait, at most one window."""
        return min(self._record(self._request, seconds * 100), Seconds(self._windows.size_s))

    def mutate(self, partitions: int) -> None:
        """Count partitions that are about to be created or deleted.

        raises    ThrottlingQuotaExceeded if the quota is exhausted already; then they are not counted
        """
        if self._mutations is not None:
            limit, bucket = self._mutations
            now = self._clock.monotonic()
            if bucket.debt(limit, now):
                raise ThrottlingQuotaExceeded("The throttling quota has been exceeded.")
            bucket.take(partitions, limit, now)

    def mutate_anyway(self, partitions: int) -> None:
        """Count partitions that are created or deleted regardless of the quota, as old clients expect."""
        if self._mutations is not None:
            self._mutations.meter.take(partitions, self._mutations.limit, self._clock.monotonic())

    def mutations_debt(self) -> Seconds:
        """Seconds until partitions may be created or deleted again."""
        if self._mutations is None:
            return NO_TIME
        return self._mutations.meter.debt(self._mutations.limit, self._clock.monotonic())

    def _record(self, limited: Limited[Rate] | None, amount: float) -> Seconds:
        if limited is None:
            return NO_TIME
        now = self._clock.monotonic()
        limited.meter.record(amount, now)
        return limited.meter.excess(limited.limit, now)


class PartitionMutations:
    """Counts what one request creates or deletes against its client's quota.

    is_strict    whether the client knows THROTTLING_QUOTA_EXCEEDED; the request of an older one is executed in any case
    """

    def __init__(self, allowance: Allowance | None, *, is_strict: bool) -> None:
        self._allowance, self._is_strict = allowance, is_strict
        self._is_exceeded = False

    def charge(self, partitions: int) -> None:
        """Count partitions that are about to be created or deleted.

        raises    ThrottlingQuotaExceeded
        """
        if self._allowance is None:
            return
        try:
            if self._is_strict:
                self._allowance.mutate(partitions)
            else:
                self._allowance.mutate_anyway(partitions)
                self._is_exceeded = True
        except ThrottlingQuotaExceeded:
            self._is_exceeded = True
            raise

    def wait(self) -> Seconds:
        """How long the client has to wait now; 0 if it has not exceeded the quota."""
        return self._allowance.mutations_debt() if self._allowance and self._is_exceeded else NO_TIME


class ClientQuotas:
    """All quotas of clients on one broker.

    are_configured    whether any client has one; otherwise nothing is measured
    """

    def __init__(self, settings: BrokerSettings, clock: Clock) -> None:
        self.are_configured = False
        self._clock = clock
        self._windows = Windows(settings.quota_window_num, settings.quota_window_size_seconds)
        self._controller_windows = Windows(
            settings.controller_quota_window_num, settings.controller_quota_window_size_seconds
        )
        self._limits = {quota: Limits() for quota in Quota}
        self._allowances: dict[tuple[str, str], Allowance | None] = {}
        self._rates: dict[tuple[Quota, str, str], Rate] = {}
        self._buckets: dict[tuple[Quota, str, str], TokenBucket] = {}
        self._sweep_at = _FIRST_SWEEP

    def configure(self, entity: str, config: Mapping[str, str]) -> None:
        """Apply the quotas of an entity, such as users/alice/clients/<default>; an empty config has none."""
        if not entity.startswith(("users/", "clients/")):
            return
        changes = [limits.set(entity, as_limit(config, quota)) for quota, limits in self._limits.items()]
        if any(changes):
            self._allowances.clear()
            self.are_configured = any(self._limits.values())

    def allowance(self, user: str, client_id: str) -> Allowance | None:
        """What a user's client may use; None if no quota applies to it."""
        key = user, client_id
        if key not in self._allowances:
            if self.remembered >= self._sweep_at:
                self._forget_idle()
            self._allowances[key] = self._new_allowance(sanitized(user), sanitized(client_id))
        return self._allowances[key]

    @property
    def remembered(self) -> int:
        """The number of entries kept about clients."""
        return len(self._allowances) + len(self._rates) + len(self._buckets)

    def _new_allowance(self, user: str, client_id: str) -> Allowance | None:
        produce, fetch, request = (
            self._limited_rate(quota, user, client_id) for quota in (Quota.PRODUCE, Quota.FETCH, Quota.REQUEST)
        )
        mutations = self._limited_bucket(user, client_id)
        if not (produce or fetch or request or mutations):
            return None
        return Allowance(self._clock, self._windows, produce=produce, fetch=fetch, request=request, mutations=mutations)

    def _limited_rate(self, quota: Quota, user: str, client_id: str) -> Limited[Rate] | None:
        applied = self._limits[quota].of(user, client_id)
        if applied is None:
            return None
        key = quota, applied.user, applied.client_id
        return Limited(applied.limit, self._rates.setdefault(key, Rate(self._windows)))

    def _limited_bucket(self, user: str, client_id: str) -> Limited[TokenBucket] | None:
        applied = self._limits[Quota.MUTATIONS].of(user, client_id)
        if applied is None:
            return None
        key = Quota.MUTATIONS, applied.user, applied.client_id
        bucket = TokenBucket(self._controller_windows, self._clock.monotonic())
        return Limited(applied.limit, self._buckets.setdefault(key, bucket))

    def _forget_idle(self) -> None:
        """Drop what no client has used recently: clients choose their ids, so there may be any number."""
        now = self._clock.monotonic()
        self._allowances.clear()
        self._rates = {key: rate for key, rate in self._rates.items() if not rate.is_idle(now)}
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_idle(now)}
        self._sweep_at = max(_FIRST_SWEEP, 2 * (len(self._rates) + len(self._buckets)))
