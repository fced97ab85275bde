"""A token of OAuth that all connections of a client or broker log in with, and that is replaced before it expires.

    sasl.login.refresh.window.factor, .jitter    after what share of its life a token is replaced
    sasl.login.refresh.min.period.seconds        how long it is used at least
    sasl.login.refresh.buffer.seconds            how long before its end it is replaced at the latest

The last two do not hold for tokens whose life is shorter than both. One request is under way at a time, for all who
wait; if it fails, the earlier token is used for as long as it is valid, and another attempt follows 10 s later.

source  ExpiringCredentialRefreshingLogin, ExpiringCredentialRefreshConfig
"""

import json
import logging
import random
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from pykafka_cli.model import Milliseconds, Seconds, Timestamp, in_seconds
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.transport.own_thread import in_own_thread
from pykafka_cli.transport.sasl import SaslFailure

_log = logging.getLogger(__name__)

RETRY_MS = 10_000
_LEAST_MS = 1_000
"""Between two requests, however short a token lives."""


class RefreshTimes(NamedTuple):
    """When a token is replaced."""

    window_factor: float = 0.8
    window_jitter: float = 0.05
    min_period_ms: Milliseconds = Milliseconds(60_000)
    buffer_ms: Milliseconds = Milliseconds(300_000)

    @classmethod
    def of(cls, settings: SecuritySettings) -> "RefreshTimes":
        return cls(
            settings.sasl_login_refresh_window_factor,
            settings.sasl_login_refresh_window_jitter,
            Milliseconds(settings.sasl_login_refresh_min_period_seconds * 1000),
            Milliseconds(settings.sasl_login_refresh_buffer_seconds * 1000),
        )

    def due(self, life: "TokenLife", now: Timestamp, chance: float) -> Timestamp:
        """When a token that was obtained `now` is to be replaced.

        chance    from 0 to 1
        """
        expiry = life.expiry_ms
        if now > expiry:
            return Timestamp(now + RETRY_MS)
        share = self.window_factor + self.window_jitter * chance
        if now + self.min_period_ms + self.buffer_ms > expiry:
            return Timestamp(max(now + int((expiry - now) * share), now + _LEAST_MS))
        start = now if life.issued_ms is None else life.issued_ms
        proposed = start + int((expiry - start) * share)
        return Timestamp(max(min(proposed, expiry - self.buffer_ms), now + self.min_period_ms))


class TokenLife(NamedTuple):
    """From when until when a token is valid, as it says itself."""

    issued_ms: Timestamp | None
    expiry_ms: Timestamp


def life_of(token: str) -> TokenLife | None:
    """None for a token that is not a JSON web token, or does not say when it expires. Nothing else is checked."""
    from joserfc.errors import JoseError
    from joserfc.jws import extract_compact

    try:
        claims: Any = json.loads(extract_compact(token.encode()).payload)
        expiry, issued = (_time(claims.get(name)) for name in ("exp", "iat"))
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return None if expiry is None else TokenLife(issued, expiry)


def _time(value: object) -> Timestamp | None:
    is_time = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11
    return Timestamp(int(value * 1000)) if is_time and isinstance(value, int | float) else None


class SharedToken:
    """Call it for a token. It blocks only while there is none that is valid.

    retrieve    gets a new one; raises SaslFailure
    """

    def __init__(
        self,
        retrieve: Callable[[], str],
        times: RefreshTimes,
        now_ms: Callable[[], Timestamp],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._retrieve, self._times, self._now_ms, self._chance = retrieve, times, now_ms, chance
        self._lock = threading.Lock()
        self._under_way: Future[str] | None = None
        self._kept = ""
        self._expiry_ms: Timestamp | None = None
        self.due_ms: Timestamp | None = None
        """When it is to be replaced; None before the first attempt, and for a token that does not say how long it
        lives, which is used once."""

    def __call__(self) -> str:
        """raises    SaslFailure"""
        now = self._now_ms()
        with self._lock:
            is_valid = self._expiry_ms is not None and now < self._expiry_ms
            kept = self._kept
            is_due = is_valid and self.due_ms is not None and now >= self.due_ms and self._under_way is None
            if is_due:
                self.due_ms = Timestamp(now + RETRY_MS)
        if not is_valid:
            return self.refresh()
        if is_due:
            threading.Thread(target=self._replace, name="token of OAuth", daemon=True).start()
        return kept

    def refresh(self) -> str:
        """Get another token. Blocks.

        raises    SaslFailure
        """
        with self._lock:
            under_way, is_mine = self._under_way, self._under_way is None
            if under_way is None:
                under_way = self._under_way = Future()
        if not is_mine:
            return under_way.result()
        try:
            token = self._retrieve()
            life = life_of(token)
        except BaseException as error:
            with self._lock:
                self._under_way = None
                self.due_ms = Timestamp(self._now_ms() + RETRY_MS)
            under_way.set_exception(error)
            raise
        self._keep(token, life)
        under_way.set_result(token)
        return token

    def _keep(self, token: str, life: TokenLife | None) -> None:
        now = self._now_ms()
        if life is not None and life.expiry_ms <= now:
            _log.warning("a new token of OAuth has expired already: is a clock wrong, here or at its server?")
        with self._lock:
            self._under_way, self._kept = None, token
            self._expiry_ms = None if life is None else life.expiry_ms
            self.due_ms = None if life is None else self._times.due(life, now, self._chance())

    def _replace(self) -> None:
        try:
            self.refresh()
        except SaslFailure as failure:
            _log.warning("%s; the earlier token remains in use", failure)


async def keep_fresh(
    token: SharedToken, now_ms: Callable[[], Timestamp], sleep: Callable[[Seconds], Awaitable[None]]
) -> None:
    """Get a token now, and others before they expire; returns if they do not say when."""
    while True:
        try:
            await in_own_thread(token.refresh)
        except SaslFailure as failure:
            _log.error("%s; another attempt follows in %d s", failure, RETRY_MS // 1000)
        except Exception:
            _log.exception("no token of OAuth could be obtained")
        if token.due_ms is None:
            return
        await sleep(in_seconds(max(token.due_ms - now_ms(), 0)))
