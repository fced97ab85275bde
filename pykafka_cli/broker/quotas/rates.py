"""How fast something happens: a rate over the last seconds, and a bucket of tokens. Both are pure.

Moments are monotonic seconds.

source  org.apache.kafka.common.metrics.stats.Rate, SampledStat, TokenBucket
"""

from collections import deque
from dataclasses import dataclass

from pykafka_cli.model import Seconds

_SHORTEST_WINDOW_S = 0.001


@dataclass(frozen=True, slots=True)
class Windows:
    """The samples of a rate: how many, and the seconds of each (quota.window.num and its like)."""

    samples: int = 11
    size_s: float = 1.0

    @property
    def span_s(self) -> float:
        return self.samples * self.size_s


@dataclass(slots=True)
class _Sample:
    begun: float
    last: float
    amount: float = 0.0


class Rate:
    """An amount per second."""

    __slots__ = ("_samples", "_windows")

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._samples: deque[_Sample] = deque()

    def record(self, amount: float, now: float) -> None:
        """Add to the amount; a negative value takes back what was recorded before."""
        if not self._samples or now - self._samples[-1].begun >= self._windows.size_s:
            self._samples.append(_Sample(now, now))
        sample = self._samples[-1]
        sample.amount += amount
        sample.last = now

    def per_second(self, now: float) -> float:
        window = self._window(now)
        return sum(sample.amount for sample in self._samples) / window

    def excess(self, limit: float, now: float) -> Seconds:
        """How long nothing may be recorded so that the rate falls to the limit; 0 if it is not above.

        A rate O over a window W becomes the limit T when the window has grown by X: O * W / (W + X) = T.
        """
        window = self._window(now)
        rate = sum(sample.amount for sample in self._samples) / window
        return Seconds((rate - limit) / limit * window if rate > limit else 0.0)

    def is_idle(self, now: float) -> bool:
        """Whether nothing counts any more, so that the rate could be replaced by a new one."""
        self._forget_old(now)
        return not self._samples

    def _window(self, now: float) -> float:
        """Seconds over which the rate is measured: at least all samples but one, or the first would be too high."""
        self._forget_old(now)
        elapsed = now - self._samples[0].begun if self._samples else 0.0
        missing = self._windows.samples - 1 - int(elapsed / self._windows.size_s)
        return max(elapsed + max(missing, 0) * self._windows.size_s, _SHORTEST_WINDOW_S)

    def _forget_old(self, now: float) -> None:
        while self._samples and now - self._samples[0].last >= self._windows.span_s:
            self._samples.popleft()


class SimpleRate(Rate):
    """A rate over no more time than has passed, except for the first window.

    source    org.apache.kafka.common.metrics.stats.SimpleRate
    """

    __slots__ = ()

    def _window(self, now: float) -> float:
        self._forget_old(now)
        elapsed = now - self._samples[0].begun if self._samples else 0.0
        return max(elapsed, self._windows.size_s)


class TokenBucket:
    """A bucket that is refilled at a rate. Its size is what is refilled in all windows together; it starts full."""

    __slots__ = ("_rate", "_tokens", "_updated", "_windows")

    def __init__(self, windows: Windows, now: float) -> None:
        self._windows = windows
        self._tokens: float | None = None
        self._rate = 0.0
        self._updated = now

    def take(self, amount: float, rate: float, now: float) -> None:
        """Take tokens, even more than there are; then the missing ones have to be refilled first.

        rate    tokens per second
        """
        self._tokens = self.tokens(rate, now) - amount

    def tokens(self, rate: float, now: float) -> float:
        """The tokens in the bucket; negative if more were taken than there were."""
        burst = rate * self._windows.span_s
        came = burst if self._tokens is None else self._tokens + rate * (now - self._updated)
        self._tokens, self._rate, self._updated = min(burst, came), rate, now
        return self._tokens

    def debt(self, rate: float, now: float) -> Seconds:
        """Seconds until the missing tokens are refilled; 0 if none are missing."""
        return Seconds(max(0.0, -self.tokens(rate, now) / rate))

    def is_idle(self, now: float) -> bool:
        """Whether it is full, so that it could be replaced by a new one."""
        return self._tokens is None or self.tokens(self._rate, now) >= self._rate * self._windows.span_s
