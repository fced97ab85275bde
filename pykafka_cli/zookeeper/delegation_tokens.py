"""Delegation tokens in ZooKeeper (KIP-48): their paths, their bytes, and how they change.

    /delegation_token/tokens/ID                     {"version":3,"owner":"User%3Aalice",...,"tokenId":"ID"}
    /delegation_token/token_changes/token_change_   (s) which token changed, ID

(s) a number is added. Principals are sanitized, times in ms since the epoch. A token's HMAC is not stored: each broker
computes it with delegation.token.secret.key.

source  kafka.zk.ZkData, KafkaZkClient and DelegationTokenManagerZk of Apache Kafka 3.9
"""

import contextlib
import json
from typing import Any, NamedTuple

from pykafka_cli.acls import NotAPrincipal, Principal, parse_principal
from pykafka_cli.model import Timestamp
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import NoNode
from pykafka_cli.zookeeper.kafka_znodes import desanitized, sanitized
from pykafka_cli.zookeeper.znode_data import BadZnode, encoded

TOKENS = "/delegation_token/tokens"
CHANGES = "/delegation_token/token_changes"
_CHANGE_PREFIX = f"{CHANGES}/token_change_"
_VERSION = 3


class TokenInformation(NamedTuple):
    """A token without its HMAC; times in ms since the epoch."""

    id: str
    owner: Principal
    requester: Principal
    renewers: tuple[Principal, ...]
    issued_ms: Timestamp
    max_ms: Timestamp
    """When it expires, however often it is renewed."""
    expiry_ms: Timestamp

    def concerns(self, principal: Principal) -> bool:
        """Whether the principal owns, requested, or may renew the token."""
        return principal in (self.owner, self.requester, *self.renewers)

    def has_expired(self, now_ms: Timestamp) -> bool:
        return min(self.max_ms, self.expiry_ms) < now_ms


def encode_token(token: TokenInformation) -> bytes:
    value = {
        "version": _VERSION,
        "owner": sanitized(str(token.owner)),
        "tokenRequester": sanitized(str(token.requester)),
        "renewers": [sanitized(str(renewer)) for renewer in token.renewers],
        "issueTimestamp": token.issued_ms,
        "maxTimestamp": token.max_ms,
        "expiryTimestamp": token.expiry_ms,
        "tokenId": token.id,
    }
    return encoded(value)


def decode_token(path: str, data: bytes | None) -> TokenInformation:
    """Decode a token; in versions 1 and 2, the owner is the requester.

    raises    BadZnode
    """
    try:
        value: Any = json.loads(data or b"")
        version = value["version"]
        if not 0 < version <= _VERSION:
            raise BadZnode(f"{path} has version {version!r} of delegation tokens; 1 to {_VERSION} are known")
        owner = _principal(value["owner"])
        return TokenInformation(
            str(value["tokenId"]),
            owner,
            _principal(value["tokenRequester"]) if version >= 3 else owner,
            tuple(map(_principal, value["renewers"])),
            Timestamp(int(value["issueTimestamp"])),
            Timestamp(int(value["maxTimestamp"])),
            Timestamp(int(value["expiryTimestamp"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotAPrincipal) as error:
        raise BadZnode(f"{path} contains no delegation token but {data!r} ({error!r})") from None


def decode_change(path: str, data: bytes | None) -> str:
    """The id of the token that changed; raises BadZnode."""
    try:
        token_id = (data or b"").decode()
    except ValueError:
        token_id = ""
    if not token_id or "/" in token_id:
        raise BadZnode(f"{path} names no delegation token: {data!r}")
    return token_id


class DelegationTokenStore:
    """The tokens of a cluster. Each change is announced to all brokers.

    raises    ZooKeeperError, BadZnode (all methods)
    """

    def __init__(self, client: ZooKeeperClient) -> None:
        self._client = client

    async def ensure_paths(self) -> None:
        for path in (CHANGES, TOKENS):
            await self._client.ensure_path(path)

    async def ids(self) -> list[str]:
        return await self._client.children(TOKENS)

    async def read(self, token_id: str) -> TokenInformation | None:
        """None if there is no such token."""
        path = f"{TOKENS}/{token_id}"
        try:
            data, _ = await self._client.get(path)
        except NoNode:
            return None
        return decode_token(path, data)

    async def create(self, token: TokenInformation) -> None:
        await self._client.create(f"{TOKENS}/{token.id}", encode_token(token))
        await self._announce(token.id)

    async def replace(self, token: TokenInformation) -> None:
        """raises    NoNode if the token has been removed"""
        await self._client.set(f"{TOKENS}/{token.id}", encode_token(token))
        await self._announce(token.id)

    async def remove(self, token_id: str) -> None:
        with contextlib.suppress(NoNode):  # another broker may have deleted it
            await self._client.delete(f"{TOKENS}/{token_id}")
        await self._announce(token_id)

    async def _announce(self, token_id: str) -> None:
        await self._client.create(_CHANGE_PREFIX, token_id.encode(), sequential=True)


def _principal(text: str) -> Principal:
    return parse_principal(desanitized(text))
