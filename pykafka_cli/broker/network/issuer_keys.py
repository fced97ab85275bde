"""The public keys of an issuer of OAuth tokens (JWKS, RFC 7517), from a file or an HTTP server.

    sasl.oauthbearer.jwks.endpoint.url           file:///... or https://...
    sasl.oauthbearer.jwks.endpoint.refresh.ms    how often they are read again
    ....retry.backoff.ms, .max.ms                how soon after a failure, doubled each time

Issuers change their keys: a token that is signed by an unknown key makes the broker read the keys again, at most once
a minute.

source  RefreshingHttpsJwks, JwksFileVerificationKeyResolver
"""

import asyncio
import contextlib
import json
import logging
import ssl
import urllib.parse
import urllib.request
from typing import NamedTuple

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from pykafka_cli.broker.clock import Clock
from pykafka_cli.model import Milliseconds, Seconds, in_seconds
from pykafka_cli.properties.grammar import without_login
from pykafka_cli.security.web import MOST_BYTES, read_url
from pykafka_cli.transport.own_thread import in_own_thread

_log = logging.getLogger(__name__)

_TIMEOUT = Seconds(10.0)
_LEAST_PAUSE = Seconds(60.0)
"""The least time between two reads that unknown keys cause."""


class KeySource(NamedTuple):
    """Where keys are, and when to read them again."""

    url: str
    refresh_ms: Milliseconds
    backoff_ms: Milliseconds
    backoff_max_ms: Milliseconds


class IssuerKeys:
    """The keys of one issuer.

    keys    None until they have been read
    """

    def __init__(self, source: KeySource, tls: ssl.SSLContext | None, clock: Clock, within: Seconds = _TIMEOUT) -> None:
        """
        tls       for an https URL; None trusts what the system trusts
        within    seconds for each read
        raises    ValueError for a file that cannot be read, or a URL of another kind
        """
        self.keys: KeySet | None = None
        self._source, self._tls, self._clock, self._within = source, tls, clock, within
        self._missed = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None
        if source.url.startswith("file:"):
            self.keys = self._read()
        elif not source.url.startswith(("http://", "https://")):
            shown = without_login(source.url)
            raise ValueError(f"sasl.oauthbearer.jwks.endpoint.url={shown} is not a file:, https: or http: URL")
        elif urllib.parse.urlsplit(source.url).username is not None:
            shown = without_login(source.url)
            raise ValueError(f"sasl.oauthbearer.jwks.endpoint.url={shown} has a login, which cannot be sent")

    def start(self) -> None:
        """Read the keys now, and again as configured; a second call has no effect."""
        if self._follower is None:
            self._follower = asyncio.get_running_loop().create_task(self._follow(), name="keys of the issuer of tokens")

    def stop(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def miss(self) -> None:
        """Report that a token names a key that is unknown."""
        self._missed.set()

    async def _follow(self) -> None:
        failures, is_first = 0, self.keys is None
        while True:
            if not is_first:
                await self._pause(failures)
            is_first = False
            try:
                self.keys = await in_own_thread(self._read)
                failures = 0
            except ValueError as error:
                failures += 1
                _log.error("%s; %s", error, "the earlier keys remain in use" if self.keys else "no token is accepted")

    async def _pause(self, failures: int) -> None:
        source = self._source
        if failures:
            doubled = source.backoff_ms * 2 ** min(failures - 1, 20)
            await self._clock.sleep(in_seconds(Milliseconds(min(doubled, source.backoff_max_ms))))
            return
        refresh = asyncio.ensure_future(self._clock.sleep(in_seconds(source.refresh_ms)))
        missed = asyncio.ensure_future(self._await_miss())
        try:
            await asyncio.wait((refresh, missed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            refresh.cancel()
            missed.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(refresh, missed, return_exceptions=True)

    async def _await_miss(self) -> None:
        await self._clock.sleep(min(_LEAST_PAUSE, in_seconds(self._source.refresh_ms)))
        await self._missed.wait()
        self._missed.clear()

    def _read(self) -> KeySet:
        """Read the keys; raises ValueError."""
        url = self._source.url
        try:
            if url.startswith("file:"):
                with urllib.request.urlopen(url) as file:
                    data = file.read(MOST_BYTES)
            else:
                data = read_url(urllib.request.Request(url), tls=self._tls, timeout=self._within, within=self._within)
            return KeySet.import_key_set(json.loads(data))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, JoseError, RecursionError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "description", None) or error
            raise ValueError(f"cannot read the keys of the token issuer from {url}: {reason}") from None
