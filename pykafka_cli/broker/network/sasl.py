"""The server side of SASL mechanisms: a client's tokens in, ours out, and in the end its name. No I/O.

    PLAIN                 NUL-separated: whom to act as (or nothing), user, password           RFC 4616
    SCRAM-SHA-256, -512   client-first, server-first; client-final, server-final               RFC 5802, RFC 7677

        n,,n=USER,r=NONCE                   r=NONCE+MORE,s=SALT,i=ITERATIONS
        c=biws,r=NONCE+MORE,p=PROOF         v=SIGNATURE

With `,tokenauth=true` after NONCE, USER is the id of a delegation token (KIP-48), and the login is its owner's.

SCRAM's server is not scramp's, whose client our clients use: that one rejects librdkafka, which repeats its own part of
the nonce, and clients that name whom they act as; Kafka takes both.

source  PlainSaslServer, ScramSaslServer
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from pykafka_cli.model import Timestamp
from pykafka_cli.rules.scram_credentials import DIGESTS, TokenLogin

CredentialOf = Callable[[str], str | None]
"""A user's SCRAM credential: salt=BASE64,stored_key=BASE64,server_key=BASE64,iterations=N."""


_CLIENT_FIRST = re.compile(
    r"(?P<header>[ny],(?:a=(?P<acts_as>[^,]+))?,)(?P<bare>n=(?P<user>[^,]+),r=(?P<nonce>[!-+\--~]+))"
)
_CLIENT_FINAL = re.compile(
    r"(?P<bare>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>[!-+\--~]+)),p=(?P<proof>[A-Za-z0-9+/=]+)"
)


class Refusal(Exception):
    """The client is not who it claims to be, or violates the mechanism; `str()` may be sent to it."""


class Exchange(Protocol):
    """One client's authentication by one mechanism."""

    user: str | None
    """Set once the client has proved who it is."""
    token_expiry_ms: Timestamp | None
    """When the delegation token expires that it has logged in with, in ms since the epoch; None without one."""

    def respond(self, token: bytes) -> bytes:
        """Our next token; raises Refusal."""


class PlainServer:
    """Compares with passwords that the broker knows."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.user: str | None = None
        self.token_expiry_ms: Timestamp | None = None
        self._passwords = passwords

    def respond(self, token: bytes) -> bytes:
        try:
            acts_as, user, password = token.decode().split("\0")
        except ValueError:
            raise Refusal("Invalid SASL/PLAIN response: expected 3 tokens") from None
        if not user:
            raise Refusal("Authentication failed: username not specified")
        if not password:
            raise Refusal("Authentication failed: password not specified")
        known = self._passwords.get(user)
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            raise Refusal("Authentication failed: Invalid username or password")
        if acts_as and acts_as != user:
            raise Refusal("Authentication failed: Client requested an authorization id that is different from username")
        self.user = user
        return b""


class ScramServer:
    """Compares with what RFC 5802 lets a server keep.

    nonce       what is added to the client's, letters and digits
    token_of    a delegation token by its id
    """

    def __init__(
        self,
        mechanism: str,
        credential_of: CredentialOf,
        nonce: str,
        token_of: Callable[[str], TokenLogin | None] = lambda _: None,
    ) -> None:
        self.user: str | None = None
        self.token_expiry_ms: Timestamp | None = None
        self._digest = DIGESTS[mechanism]
        self._credential_of = credential_of
        self._token_of = token_of
        self._more = nonce
        self._claimed: str | None = None

    def respond(self, token: bytes) -> bytes:
        try:
            text = token.decode()
            return (self._first(text) if self._claimed is None else self._final(text)).encode()
        except (ValueError, binascii.Error) as error:
            raise Refusal(f"Invalid SASL/SCRAM message: {error}") from None

    def _first(self, text: str) -> str:
        found = _CLIENT_FIRST.match(text)
        if not found or (found.end() < len(text) and text[found.end()] != ","):
            raise Refusal("Invalid SASL/SCRAM message: it is no client first message")
        user = found["user"].replace("=2C", ",").replace("=3D", "=")
        if found["acts_as"] not in (None, found["user"]):
            raise Refusal("Authentication failed: Client requested an authorization id that is different from username")
        if _names_token(text[found.end() :]):
            token = self._token_of(user)
            owner, credential, expiry_ms = token or (user, None, None)
        else:
            owner, credential, expiry_ms = user, self._credential_of(user), None
        if credential is None:
            raise Refusal("Authentication failed: Invalid user credentials")
        parts = dict(part.split("=", 1) for part in credential.split(","))
        self._stored_key, self._server_key = (base64.b64decode(parts[key]) for key in ("stored_key", "server_key"))
        self._header = found["header"]
        server_first = f"r={found['nonce']}{self._more},s={parts['salt']},i={parts['iterations']}"
        self._claimed, self.token_expiry_ms = owner, expiry_ms
        self._auth_message = f"{text[len(found['header']) :]},{server_first}"
        return server_first

    def _final(self, text: str) -> str:
        found = _CLIENT_FINAL.fullmatch(text)
        # Kafka checks no more of the nonce either: librdkafka repeats its own part.
        if not found or not found["nonce"].endswith(self._more):
            raise Refusal("Invalid client nonce in the final client message.")
        if base64.b64decode(found["binding"]).decode() != self._header:
            raise Refusal("Invalid SASL/SCRAM message: it is no client final message for what was said before")
        signed = f"{self._auth_message},{found['bare']}".encode()
        signature = hmac.digest(self._stored_key, signed, self._digest)
        proof = base64.b64decode(found["proof"])
        key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        if not hmac.compare_digest(hashlib.new(self._digest, key).digest(), self._stored_key):
            raise Refusal("Authentication failed: Invalid client credentials")
        self.user = self._claimed
        return f"v={base64.b64encode(hmac.digest(self._server_key, signed, self._digest)).decode()}"


def _names_token(extensions: str) -> bool:
    """Whether the extensions of a client's first message, `,NAME=VALUE` each, say that the user is a token."""
    named = dict(each.partition("=")[::2] for each in extensions.split(","))
    return named.get("tokenauth", "").lower() == "true"
