"""The broker's delegation tokens (KIP-48): issued, renewed, expired, and accepted as logins by SCRAM.

A token's HMAC, which is its password, is that of its id with delegation.token.secret.key, which all brokers have in
common. Every broker knows all tokens and changes any of them; the controller removes those that have expired.

source  kafka.server.DelegationTokenManager, DelegationTokenManagerZk of Apache Kafka 3.9
"""

import asyncio
import base64
import hmac
import logging
import secrets
import uuid
from collections.abc import Sequence

from pykafka_cli.acls import Principal
from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import (
    DelegationTokenExpired,
    DelegationTokenNotFound,
    DelegationTokenOwnerMismatch,
)
from pykafka_cli.broker.security.change_notifications import ChangeNotifications
from pykafka_cli.model import Timestamp, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.rules.scram_credentials import (
    DEFAULT_ITERATIONS,
    DIGESTS,
    SALT_BYTES,
    TokenLogin,
    salted_password,
    stored_credential,
)
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.delegation_tokens import CHANGES, DelegationTokenStore, TokenInformation, decode_change
from pykafka_cli.zookeeper.errors import ConnectionClosed, NoNode, SessionExpired
from pykafka_cli.zookeeper.znode_data import BadZnode

_log = logging.getLogger(__name__)

_DIGEST = "sha512"


class DelegationTokenManager:
    """All tokens, as ZooKeeper has them; times in ms since the epoch."""

    def __init__(self, client: ZooKeeperClient, secret: str, settings: BrokerSettings, clock: Clock) -> None:
        self._secret = secret.encode()
        self._settings = settings
        self._clock = clock
        self._store = DelegationTokenStore(client)
        self._tokens: dict[str, TokenInformation] = {}
        self._ids: dict[bytes, str] = {}
        """By HMAC."""
        self._credentials: dict[str, dict[str, str]] = {}
        """By token's id and mechanism. Each takes thousands of hashes, and so is made as soon as a token is known: a
        login that took them would tell that there is such a token."""
        self._changing = asyncio.Lock()
        self._changes = ChangeNotifications(
            client, clock, "delegation tokens", (CHANGES,), load=self._load, read_change=self._read_change
        )
        self._cleaner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load all tokens, and follow changes from now on.

        raises    ZooKeeperError
        """
        await self._store.ensure_paths()
        await self._changes.start()

    async def stop(self) -> None:
        self.controllership_changed(False)
        await self._changes.stop()

    def controllership_changed(self, is_controller: bool) -> None:
        """The controller removes expired tokens: at once, and every delegation.token.expiry.check.interval.ms."""
        if self._cleaner is not None:
            self._cleaner.cancel()
            self._cleaner = None
        if is_controller:
            self._cleaner = asyncio.get_running_loop().create_task(self._clean(), name="expired delegation tokens")

    # ---- requests

    def hmac_of(self, token_id: str) -> bytes:
        return hmac.digest(self._secret, token_id.encode(), _DIGEST)

    def tokens(self) -> Sequence[TokenInformation]:
        return tuple(self._tokens.values())

    def login(self, mechanism: str, token_id: str) -> TokenLogin | None:
        """The credential for a login with a token; None if there is no such token, or if it has expired."""
        token = self._tokens.get(token_id)
        if token is None or token.has_expired(self._clock.now_ms()):
            return None
        return TokenLogin(token.owner.name, self._credentials[token_id][mechanism], token.expiry_ms)

    async def create(
        self, owner: Principal, requester: Principal, renewers: Sequence[Principal], lifetime_ms: int
    ) -> TokenInformation:
        """A new token.

        lifetime_ms    at most this long, however often it is renewed; 0 or less for delegation.token.max.lifetime.ms
        """
        longest = self._settings.delegation_token_max_lifetime_ms
        now = self._clock.now_ms()
        ends = Timestamp(now + (min(lifetime_ms, longest) if lifetime_ms > 0 else longest))
        expiry = min(ends, Timestamp(now + self._settings.delegation_token_expiry_time_ms))
        token = TokenInformation(_new_id(), owner, requester, tuple(renewers), now, ends, expiry)
        async with self._changing:
            await self._store.create(token)
            self._keep(token)
        _log.info("created delegation token %s for %s", token.id, owner)
        return token

    async def renew(self, principal: Principal, token_hmac: bytes, period_ms: int) -> Timestamp:
        """When the token now expires.

        period_ms    from now; negative for delegation.token.expiry.time.ms
        raises       DelegationTokenNotFound, DelegationTokenOwnerMismatch, DelegationTokenExpired
        """
        async with self._changing:
            token = self._changeable_token(principal, token_hmac)
            period = self._settings.delegation_token_expiry_time_ms if period_ms < 0 else period_ms
            return await self._expire_after(token, period)

    async def expire(self, principal: Principal, token_hmac: bytes, period_ms: int) -> Timestamp:
        """When the token now expires.

        period_ms    from now; negative: at once, even if it has expired
        raises       DelegationTokenNotFound, DelegationTokenOwnerMismatch, DelegationTokenExpired
        """
        async with self._changing:
            token = self._changeable_token(principal, token_hmac)
            if period_ms >= 0:
                return await self._expire_after(token, period_ms)
            await self._remove(token)
            return self._clock.now_ms()

    def _changeable_token(self, principal: Principal, token_hmac: bytes) -> TokenInformation:
        token = self._tokens.get(self._ids.get(token_hmac, ""))
        if token is None:
            raise DelegationTokenNotFound
        if principal != token.owner and principal not in token.renewers:
            raise DelegationTokenOwnerMismatch
        return token

    async def _expire_after(self, token: TokenInformation, period_ms: int) -> Timestamp:
        now = self._clock.now_ms()
        if token.has_expired(now):
            raise DelegationTokenExpired
        changed = token._replace(expiry_ms=min(token.max_ms, Timestamp(now + period_ms)))
        try:
            await self._store.replace(changed)
        except NoNode:  # removed by another broker, whose announcement is under way
            self._forget(token.id)
            raise DelegationTokenNotFound from None
        self._keep(changed)
        _log.info("delegation token %s of %s now expires at %d", token.id, token.owner, changed.expiry_ms)
        return changed.expiry_ms

    async def _remove(self, token: TokenInformation) -> None:
        await self._store.remove(token.id)
        self._forget(token.id)
        _log.info("removed delegation token %s of %s", token.id, token.owner)

    # ---- the tokens

    def _keep(self, token: TokenInformation) -> None:
        self._tokens[token.id] = token
        self._ids[self.hmac_of(token.id)] = token.id
        if token.id not in self._credentials:
            self._credentials[token.id] = {name: self._new_credential(name, token.id) for name in DIGESTS}

    def _forget(self, token_id: str) -> None:
        self._tokens.pop(token_id, None)
        self._ids.pop(self.hmac_of(token_id), None)
        self._credentials.pop(token_id, None)

    def _new_credential(self, mechanism: str, token_id: str) -> str:
        salt, iterations = secrets.token_bytes(SALT_BYTES), DEFAULT_ITERATIONS  # an HMAC cannot be guessed
        password = base64.b64encode(self.hmac_of(token_id)).decode()
        return stored_credential(mechanism, salted_password(mechanism, password, salt, iterations), salt, iterations)

    # ---- following changes

    async def _load(self) -> None:
        async with self._changing:
            ids = await self._store.ids()
            for token_id in set(self._tokens) - set(ids):
                self._forget(token_id)
            await asyncio.gather(*map(self._read, ids))

    async def _read_change(self, note: str, data: bytes | None) -> None:
        async with self._changing:
            await self._read(decode_change(note, data))

    async def _read(self, token_id: str) -> None:
        try:
            token = await self._store.read(token_id)
        except BadZnode as bad:
            _log.error("%s", bad)
            token = None
        if token is None:
            self._forget(token_id)
        else:
            self._keep(token)

    # ---- expiry

    async def _clean(self) -> None:
        while True:
            try:
                await self._remove_expired()
            except (ConnectionClosed, SessionExpired) as lost:
                _log.info("expired delegation tokens are not removed for now: %r", lost)
            except Exception:
                _log.exception("expired delegation tokens could not be removed")
            await self._clock.sleep(in_seconds(self._settings.delegation_token_expiry_check_interval_ms))

    async def _remove_expired(self) -> None:
        async with self._changing:
            now = self._clock.now_ms()
            for token in self.tokens():
                if token.has_expired(now):
                    await self._remove(token)


def _new_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
