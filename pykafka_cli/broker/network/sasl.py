"""The server side of SASL mechanisms: a client's tokens in, the broker's out, and at the end the user. No I/O.

    PLAIN                 NUL-separated: whom to act as (or nothing), user, password           RFC 4616
    SCRAM-SHA-256, -512   client-first, server-first; client-final, server-final               RFC 5802, RFC 7677
    OAUTHBEARER           n,[a=USER], SOH auth=Bearer TOKEN SOH [KEY=VALUE SOH]... SOH         RFC 7628, KIP-255
    GSSAPI                see kerberos_server.py                                               RFC 4752

        n,,n=USER,r=NONCE                   r=NONCE+MORE,s=SALT,i=ITERATIONS
        c=biws,r=NONCE+MORE,p=PROOF         v=SIGNATURE

With `,tokenauth=true` after NONCE, USER is the id of a delegation token (KIP-48), and the login is its owner's.

Who guesses learns as little as can be: an unknown user, and the id of an unknown token, are asked for the same, at the
same cost, and rejected in the same words as a wrong password.

SCRAM's server is not scramp's, whose client our clients use: that one rejects librdkafka, which repeats its own part of
the nonce, and clients that name whom they act as; Kafka accepts both.

source  PlainSaslServer, ScramSaslServer, OAuthBearerSaslServer
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from pykafka_cli.model import Timestamp
from pykafka_cli.rules.scram_credentials import DEFAULT_ITERATIONS, DIGESTS, SALT_BYTES, TokenLogin

CredentialOf = Callable[[str], str | None]
"""A user's SCRAM credential: salt=BASE64,stored_key=BASE64,server_key=BASE64,iterations=N."""


_CLIENT_FIRST = re.compile(
    r"(?P<header>[ny],(?:a=(?P<acts_as>[^,]+))?,)(?P<bare>n=(?P<user>[^,]+),r=(?P<nonce>[!-+\--~]+))"
)
_BEARER = re.compile(
    r"n,(?:a=(?P<acts_as>(?:[\x01-+\--<>-\x7f]|=2C|=3D)+))?,\x01"
    r"(?P<pairs>(?:[A-Za-z]+=[\x21-\x7e \t\r\n]+\x01)*)\x01"
)
_AUTH = re.compile(r"auth=[Bb][Ee][Aa][Rr][Ee][Rr] +(?P<token>[-_~+/.a-zA-Z0-9]+=*)")
_ANOTHER_NAME = "Client requested an authorization id that is different from username"
_NOBODYS_PASSWORD = secrets.token_hex(8)
_SECRET = secrets.token_bytes(32)
_CLIENT_FINAL = re.compile(
    r"(?P<bare>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>[!-+\--~]+)),p=(?P<proof>[A-Za-z0-9+/=]+)"
)


class Refusal(Exception):
    """The client is not who it claims to be, or violates the mechanism; `str()` is for the broker's log."""


class ExplainedRefusal(Refusal):
    """A refusal whose `str()` is also sent to the client."""


class AnsweredRefusal(Refusal):
    """A refusal that the client learns from `answer`, and acknowledges before its login fails."""

    def __init__(self, why: str, answer: bytes) -> None:
        super().__init__(why)
        self.answer = answer


class BadToken(Exception):
    """An OAuth token that is rejected; the text is for the broker's log.

    scope    the scope that the token lacks, if that is the reason
    """

    scope = ""


class ValidToken(NamedTuple):
    """The user of a token, and when the token expires, in ms since the epoch."""

    user: str
    expiry_ms: Timestamp


class Exchange(Protocol):
    """One client's authentication by one mechanism."""

    user: str | None
    """Set once the client has proved who it is."""
    token_expiry_ms: Timestamp | None
    """When the token expires that it has logged in with, in ms since the epoch; None without one."""
    has_delegation_token: bool
    """Whether that is a token of this cluster (KIP-48)."""

    def respond(self, token: bytes) -> bytes:
        """Our next token; raises Refusal, of which an AnsweredRefusal is not the end yet."""


class PlainServer:
    """Compares the password with the one that the broker knows."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.user: str | None = None
        self.token_expiry_ms: Timestamp | None = None
        self.has_delegation_token = False
        self._passwords = passwords

    def respond(self, token: bytes) -> bytes:
        try:
            acts_as, user, password = token.decode().split("\0")
        except ValueError:
            raise ExplainedRefusal("Invalid SASL/PLAIN response: expected 3 tokens") from None
        if not user:
            raise ExplainedRefusal("Authentication failed: username not specified")
        if not password:
            raise ExplainedRefusal("Authentication failed: password not specified")
        known = self._passwords.get(user)
        is_right = hmac.compare_digest((known or _NOBODYS_PASSWORD).encode(), password.encode())
        if known is None or not is_right:
            raise ExplainedRefusal("Authentication failed: Invalid username or password")
        if acts_as and acts_as != user:
            raise ExplainedRefusal(
                "Authentication failed: Client requested an authorization id that is different from username"
            )
        self.user = user
        return b""


class ScramServer:
    """Checks the proof against what RFC 5802 has a server store.

    Between a client's two messages it keeps digests of the first one, which anybody may send, and may be large.

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
        self.has_delegation_token = False
        self._digest = DIGESTS[mechanism]
        self._credential_of = credential_of
        self._token_of = token_of
        self._more = nonce
        self._claimed: str | None = None

    def respond(self, token: bytes) -> bytes:
        try:
            text = token.decode()
            return (self._first(text) if self._claimed is None else self._final(text)).encode()
        except (ValueError, KeyError, binascii.Error) as error:
            raise Refusal(f"Invalid SASL/SCRAM message: {error}") from None

    def _first(self, text: str) -> str:
        found = _CLIENT_FIRST.match(text)
        if not found or (found.end() < len(text) and text[found.end()] != ","):
            raise Refusal("Invalid SASL/SCRAM message: it is no client first message")
        user = found["user"].replace("=2C", ",").replace("=3D", "=")
        if found["acts_as"] not in (None, found["user"]):
            raise ExplainedRefusal(f"Authentication failed: {_ANOTHER_NAME}")
        if _names_token(text[found.end() :]):
            token = self._token_of(user)
            owner, credential, expiry_ms = token or (user, None, None)
            self.has_delegation_token = True
        else:
            owner, credential, expiry_ms = user, self._credential_of(user), None
        nobodys = _nobodys_credential(self._digest, user)  # always, so that work does not tell who exists
        is_known, credential = credential is not None, credential or nobodys
        parts = dict(part.split("=", 1) for part in credential.split(","))
        server_first = f"r={found['nonce']}{self._more},s={parts['salt']},i={parts['iterations']}"
        signed = f"{text[len(found['header']) :]},{server_first}".encode()
        self._stored_key, server_key = (base64.b64decode(parts[key]) for key in ("stored_key", "server_key"))
        self._client_signature = hmac.new(self._stored_key, signed, self._digest)
        self._server_signature = hmac.new(server_key, signed, self._digest)
        self._header = _digest(found["header"])
        self._claimed, self.token_expiry_ms = owner if is_known else "", expiry_ms
        return server_first

    def _final(self, text: str) -> str:
        found = _CLIENT_FINAL.fullmatch(text)
        # Kafka checks no more of the nonce either: librdkafka repeats its own part.
        if not found or not found["nonce"].endswith(self._more):
            raise Refusal("Invalid client nonce in the final client message.")
        if _digest(base64.b64decode(found["binding"]).decode()) != self._header:
            raise Refusal("Invalid SASL/SCRAM message: it is no client final message for what was said before")
        for each in (self._client_signature, self._server_signature):
            each.update(f",{found['bare']}".encode())
        proof = base64.b64decode(found["proof"])
        key = bytes(a ^ b for a, b in zip(proof, self._client_signature.digest(), strict=True))
        if not hmac.compare_digest(hashlib.new(self._digest, key).digest(), self._stored_key):
            raise Refusal("Authentication failed: Invalid client credentials")
        self.user = self._claimed
        return f"v={base64.b64encode(self._server_signature.digest()).decode()}"


class OAuthBearerServer:
    """Accepts tokens that `check` finds valid.

    A rejection goes to the client as JSON, and the login fails once the client has acknowledged it.
    """

    def __init__(self, check: Callable[[str], ValidToken]) -> None:
        """check    raises BadToken"""
        self.user: str | None = None
        self.token_expiry_ms: Timestamp | None = None
        self.has_delegation_token = False
        self._check = check
        self._refusal: str | None = None

    def respond(self, token: bytes) -> bytes:
        if self._refusal is not None and token == b"\x01":
            raise ExplainedRefusal(self._refusal)
        found = _BEARER.fullmatch(token.decode("utf-8", "replace"))
        if found is None:
            raise Refusal("Invalid OAUTHBEARER client first message")
        values = [pair for pair in found["pairs"].split("\x01") if pair.startswith("auth=")]
        bearer = _AUTH.fullmatch(values[-1]) if values else None
        if bearer is None:
            raise Refusal("Invalid OAUTHBEARER client first message: 'auth' is not of the form Bearer TOKEN")
        try:
            valid = self._check(bearer["token"])
        except BadToken as error:
            scope = f', "scope":"{error.scope}"' if error.scope else ""
            self._refusal = f'{{"status":"{"insufficient_scope" if scope else "invalid_token"}"{scope}}}'
            raise AnsweredRefusal(str(error), self._refusal.encode()) from None
        if found["acts_as"] not in (None, valid.user):
            raise ExplainedRefusal(
                f"Authentication failed: Client requested an authorization id ({found['acts_as']}) that is different "
                f"from the token's principal name ({valid.user})"
            )
        self.user, self.token_expiry_ms = valid
        return b""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _nobodys_credential(digest: str, user: str) -> str:
    """A credential that no password matches. A user that does not exist always gets the same salt, as if it existed."""
    salt = hmac.digest(_SECRET, user.encode(), digest)[:SALT_BYTES]
    keys = (secrets.token_bytes(hashlib.new(digest).digest_size) for _ in range(2))
    salt_text, stored, server = (base64.b64encode(part).decode() for part in (salt, *keys))
    return f"salt={salt_text},stored_key={stored},server_key={server},iterations={DEFAULT_ITERATIONS}"


def _names_token(extensions: str) -> bool:
    """Whether the extensions of a client's first message, `,NAME=VALUE` each, say that the user is a token."""
    named = dict(each.partition("=")[::2] for each in extensions.split(","))
    return named.get("tokenauth", "").lower() == "true"
