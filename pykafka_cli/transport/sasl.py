"""SASL mechanisms as pure exchanges: the peer's last token in, ours out; connection.py sends them.

An exchange is used once. `respond(None)` gives the first token; every later call takes what came back and gives the
next token, or None when the mechanism is done. Tokens travel in SaslAuthenticate (see connection.py).

    PLAIN                 NUL user NUL password                                        RFC 4616
    SCRAM-SHA-256, -512   client-first, client-final; the server proves itself as well    RFC 5802, RFC 7677
    OAUTHBEARER           n,, SOH auth=Bearer token SOH [key=value SOH]... SOH         RFC 7628, KIP-255
    GSSAPI                see kerberos.py                                              RFC 4752
"""

from collections.abc import Callable, Mapping
from typing import Protocol

SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")


class SaslFailure(Exception):
    """The other side broke the mechanism's rules or could not prove itself."""


class SaslExchange(Protocol):
    """The client's half of one authentication."""

    @property
    def mechanism(self) -> str: ...

    def respond(self, challenge: bytes | None) -> bytes | None:
        """The next token; None when there is nothing more to say. May block, waiting for tickets or tokens.

        raises    SaslFailure
        """


class Plain:
    """User name and password in the clear; the listener should be TLS."""

    mechanism = "PLAIN"

    def __init__(self, user: str, password: str) -> None:
        self._token = f"\0{user}\0{password}".encode()

    def respond(self, challenge: bytes | None) -> bytes | None:
        return self._token if challenge is None else None


class Scram:
    """Challenge and response over a salted password; the password itself never travels."""

    def __init__(
        self, mechanism: str, user: str, password: str, *, client_nonce: str | None = None, by_token: bool = False
    ) -> None:
        """by_token    the user is the id of a delegation token, and the password its HMAC (KIP-48)"""
        import scramp

        self.mechanism = mechanism
        self._extension = ",tokenauth=true" if by_token else ""
        self._client = scramp.ScramClient([mechanism], user, password, c_nonce=client_nonce)
        self._steps = [self._first, self._final, self._verify]

    def respond(self, challenge: bytes | None) -> bytes | None:
        import scramp

        if not self._steps:
            raise SaslFailure(f"{self.mechanism}: the server continues after the end")
        try:
            return self._steps.pop(0)((challenge or b"").decode())
        except (scramp.ScramException, UnicodeDecodeError) as error:
            raise SaslFailure(f"{self.mechanism}: {error}") from None

    def _first(self, _: str) -> bytes:
        first = str(self._client.get_client_first())
        self._client.client_first_bare += self._extension  # it is signed as it is sent
        return f"{first}{self._extension}".encode()

    def _final(self, server_first: str) -> bytes:
        self._client.set_server_first(server_first)
        return str(self._client.get_client_final()).encode()

    def _verify(self, server_final: str) -> None:
        self._client.set_server_final(server_final)


class OAuthBearer:
    """A token that somebody else vouches for. A refusal is JSON, to be acknowledged before the server fails us."""

    mechanism = "OAUTHBEARER"

    def __init__(self, token: Callable[[], str], extensions: Mapping[str, str] | None = None) -> None:
        self._token = token
        self._extensions = extensions or {}

    def respond(self, challenge: bytes | None) -> bytes | None:
        if challenge is None:
            pairs = {"auth": f"Bearer {self._token()}", **self._extensions}
            return ("n,,\x01" + "".join(f"{key}={value}\x01" for key, value in pairs.items()) + "\x01").encode()
        return b"\x01" if challenge else None
