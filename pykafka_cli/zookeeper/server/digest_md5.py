"""The server side of SASL's DIGEST-MD5, by which ZooKeeper's clients log in. Pure.

    client    nothing
    server    realm="zk-sasl-md5",nonce="NONCE",qop="auth",charset=utf-8,algorithm=md5-sess
    client    username="alice",realm="zk-sasl-md5",nonce="NONCE",cnonce="MORE",nc=00000001,qop=auth,
              digest-uri="zookeeper/zk-sasl-md5",response=32 hex digits,charset=utf-8
    server    rspauth=32 hex digits, which prove that it knows the password as well

Of the mechanism's options only these are offered, as by ZooKeeper: authentication without protection of what follows.

source    RFC 2831; ZooKeeperSaslServer, SaslServerCallbackHandler
"""

import hashlib
import hmac
import re
from collections.abc import Mapping

SERVICE = "zookeeper"
REALM = "zk-sasl-md5"
"""Also the host in digest-uri: ZooKeeper's clients and servers take neither from the network."""
LONGEST_TOKEN = 4096
"""Bytes of a client's token (RFC 2831, 2.1.2)."""

_DIRECTIVE = re.compile(
    r"""[ \t,]* (?P<name>[A-Za-z-]+) [ \t]*=[ \t]*
    (?: "(?P<quoted>(?:[^"\\]|\\.)*)" | (?P<plain>[^\s",]+) ) [ \t]* (?:,|$)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NEEDED = ("username", "nonce", "cnonce", "nc", "digest-uri", "response")


class LoginRefused(Exception):
    """The client is not who it claims to be, or violates the mechanism."""


class DigestMd5Server:
    """One client's login.

    nonce    unpredictable, ASCII without quotes
    user     who logged in; None until then
    """

    def __init__(self, passwords: Mapping[str, str], nonce: str) -> None:
        self.user: str | None = None
        self._passwords = passwords
        self._nonce = nonce
        self._is_challenged = False
        self._is_over = False

    def respond(self, token: bytes) -> bytes:
        """The response to a client's token; raises LoginRefused, and from then on for every token."""
        try:
            if self._is_over:
                raise LoginRefused("the login is over")
            if not self._is_challenged:
                return self._challenge(token)
            self._is_over = True
            return self._check(token)
        except LoginRefused:
            self._is_over = True
            raise

    def _challenge(self, token: bytes) -> bytes:
        if token:
            raise LoginRefused("DIGEST-MD5 has no initial response")
        self._is_challenged = True
        return f'realm="{REALM}",nonce="{self._nonce}",qop="auth",charset=utf-8,algorithm=md5-sess'.encode()

    def _check(self, token: bytes) -> bytes:
        given = _directives(token)
        if missing := [name for name in _NEEDED if name not in given]:
            raise LoginRefused(f"{missing[0]} is missing in the client's response")
        expected = {
            "realm": REALM,
            "nonce": self._nonce,
            "nc": "00000001",
            "qop": "auth",
            "digest-uri": f"{SERVICE}/{REALM}",
            "charset": "utf-8",
        }
        for name, value in expected.items():
            if given.get(name, value).lower() != value.lower():
                raise LoginRefused(f"{name} in the client's response is not {value}")
        user = given["username"]
        # An unknown user costs as much time as a wrong password, and gives the client the same error.
        secret = _secret(given, self._passwords.get(user, ""))
        proof = _proof(secret, given, "AUTHENTICATE:")
        is_proven = hmac.compare_digest(proof.encode(), given["response"].lower().encode())
        if not is_proven or user not in self._passwords:
            raise LoginRefused("unknown user or wrong password")
        if given.get("authzid", user) != user:
            raise LoginRefused("the client requests to act as another user")
        self.user = user
        return f"rspauth={_proof(secret, given, ':')}".encode()


def _directives(token: bytes) -> dict[str, str]:
    """name=value, or name="value", separated by commas; raises LoginRefused."""
    if len(token) > LONGEST_TOKEN:
        raise LoginRefused(f"the client's response has {len(token)} bytes, more than {LONGEST_TOKEN}")
    # Without charset=utf-8 it is ISO 8859-1; every byte means something there.
    try:
        text = token.decode("utf-8" if b"charset=" in token else "latin-1")
    except UnicodeDecodeError:
        raise LoginRefused("the client's response is not UTF-8") from None
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        directive = _DIRECTIVE.match(text, position)
        if directive is None:
            raise LoginRefused("the client's response is malformed")
        name, quoted = directive["name"].lower(), directive["quoted"]
        if name in found:
            raise LoginRefused(f"the client's response has two of {name}")
        found[name] = directive["plain"] if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
        position = directive.end()
    return found


def _secret(given: Mapping[str, str], password: str) -> bytes:
    """The hash of the RFC's A1, in which the user and the password enter."""
    whose = b":".join((_octets(given["username"]), _octets(given.get("realm", "")), _octets(password)))
    parts = [_md5(whose).digest(), given["nonce"].encode(), given["cnonce"].encode()]
    if "authzid" in given:
        parts.append(given["authzid"].encode())
    return _md5(b":".join(parts)).hexdigest().encode()


def _proof(secret: bytes, given: Mapping[str, str], method: str) -> str:
    """`method` is AUTHENTICATE: for what the client proves, and : for what the server does."""
    action = _md5(f"{method}{given['digest-uri']}".encode()).hexdigest()
    rest = ":".join((given["nonce"], given["nc"], given["cnonce"], given.get("qop", "auth"), action))
    return _md5(secret + b":" + rest.encode()).hexdigest()


def _octets(text: str) -> bytes:
    """Text in ISO 8859-1 if it can be, otherwise in UTF-8 (RFC 2831, 2.1.2.1)."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _md5(data: bytes) -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)
