"""Gets a client's OAUTHBEARER token.

sasl.oauthbearer.token.endpoint.url=https://...   the client credentials grant: clientId, clientSecret, scope, ssl.* for
                                                  that server and extension_NAME in sasl.jaas.config (KIP-768)
sasl.oauthbearer.token.endpoint.url=file:///...   a file with the token in it
unsecuredLoginStringClaim_sub="alice" and so on   an unsigned token, for tests (KIP-255)

source  OAuthBearerLoginCallbackHandler, HttpAccessTokenRetriever, OAuthBearerUnsecuredLoginCallbackHandler
"""

import base64
import json
import re
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from pykafka_cli.model import Seconds, Timestamp, in_seconds
from pykafka_cli.properties.grammar import without_login
from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.security.jaas import required_option
from pykafka_cli.security.settings import security_settings
from pykafka_cli.security.shared_token import RefreshTimes, SharedToken
from pykafka_cli.security.tls import tls_context
from pykafka_cli.security.web import MOST_BYTES, BadStatus, read_url
from pykafka_cli.transport.sasl import SaslFailure

_ANSWER_TIMEOUT_MS = 10_000
_UNSECURED = "unsecuredLogin"
_RESERVED_CLAIMS = ("iat", "exp")
_TOKEN = re.compile(r"[-_~+/.a-zA-Z0-9]+=*")
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which another attempt may succeed."""
_MOST_EXPLAINED = 500


def extensions(its: Login) -> dict[str, str]:
    """Extensions to send with the token (KIP-342)."""
    prefixes = ("extension_", f"{_UNSECURED}Extension_")
    return {
        name.removeprefix(prefix): value
        for name, value in its.options.items()
        for prefix in prefixes
        if name.startswith(prefix)
    }


def token_source(settings: SecuritySettings, its: Login, now_ms: Callable[[], Timestamp]) -> Callable[[], str]:
    """What gets a token for a login; it may block, and raises SaslFailure where there is none to be had.

    A server's token serves all logins until it has to be replaced (SharedToken); what costs nothing is new each time.

    raises    BadClientSetting
    """
    url = settings.sasl_oauthbearer_token_endpoint_url
    if url is None or not url:
        if any(name.startswith(_UNSECURED) for name in its.options):
            unsecured_token(its.options, now_ms() / 1000)
            return lambda: unsecured_token(its.options, now_ms() / 1000)
        raise BadClientSetting(
            "OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url, or unsecuredLoginStringClaim_sub in "
            "sasl.jaas.config"
        )
    if url.startswith("file:"):
        return partial(_from_file, url)
    if not url.startswith(("http://", "https://")):
        shown = without_login(url)
        raise BadClientSetting(f"sasl.oauthbearer.token.endpoint.url={shown} is not a URL of file:, https: or http:")
    if urllib.parse.urlsplit(url).username is not None:
        raise BadClientSetting(
            f"sasl.oauthbearer.token.endpoint.url={without_login(url)} has a login, which is not sent; "
            "clientId and clientSecret in sasl.jaas.config are"
        )
    endpoint = _endpoint(url, settings, its)
    return SharedToken(endpoint.token, RefreshTimes.of(settings), now_ms)


def _from_file(url: str) -> str:
    try:
        with urllib.request.urlopen(url) as file:
            return _checked(file.read(MOST_BYTES).decode().strip(), url)
    except (OSError, ValueError) as error:
        raise SaslFailure(f"no token from {url}: {getattr(error, 'reason', None) or error}") from None


class Endpoint(NamedTuple):
    """A server that gives tokens, as a client's properties describe it.

    timeout     seconds for each wait
    within      seconds for each request
    pauses      ms before the second attempt, doubled each time, and for all attempts together
    pause       waits for some seconds
    """

    request: urllib.request.Request
    tls: ssl.SSLContext | None
    timeout: Seconds
    within: Seconds
    pauses: tuple[int, int]
    pause: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def token(self) -> str:
        """A new token; blocks, for `within` seconds and the pauses.

        raises    SaslFailure
        """
        first_ms, longest_ms = self.pauses
        ends, wait = self.monotonic() + longest_ms / 1000, first_ms / 1000
        while True:
            try:
                return self._ask()
            except _Passing as failure:
                left = min(wait, ends - self.monotonic())
                if left <= 0:
                    raise SaslFailure(str(failure)) from None
                self.pause(left)
                wait *= 2

    def _ask(self) -> str:
        url = self.request.full_url
        try:
            body = read_url(self.request, tls=self.tls, timeout=self.timeout, within=self.within)
        except BadStatus as error:
            kind = _Passing if error.status in _PASSING else SaslFailure
            raise kind(f"no token from {url}: {_explanation(error.body) or error}") from None
        except (OSError, ValueError) as error:
            cause = getattr(error, "reason", None) or error
            kind = _Passing if isinstance(cause, ConnectionResetError | BrokenPipeError) else SaslFailure
            raise kind(f"no token from {url}: {cause}") from None
        try:
            return _checked(str(json.loads(body)["access_token"]).strip(), url)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SaslFailure(f"no token from {url}: the response has no access_token") from None


class _Passing(Exception):
    """A failure that another attempt may not meet."""


def _endpoint(url: str, settings: SecuritySettings, its: Login) -> Endpoint:
    about_tls = {name: value for name, value in its.options.items() if name.startswith("ssl.")}
    connect_ms, read_ms = (
        given or _ANSWER_TIMEOUT_MS
        for given in (settings.sasl_login_connect_timeout_ms, settings.sasl_login_read_timeout_ms)
    )
    return Endpoint(
        _token_request(url, its, encode=settings.sasl_oauthbearer_header_urlencode),
        tls_context(security_settings({"security.protocol": "SSL", **about_tls})),
        in_seconds(max(connect_ms, read_ms)),  # Python has one timeout for connecting and for reading
        in_seconds(connect_ms + read_ms),
        (settings.sasl_login_retry_backoff_ms, settings.sasl_login_retry_backoff_max_ms),
    )


def _token_request(url: str, its: Login, *, encode: bool) -> urllib.request.Request:
    """RFC 6749, 4.4.2; `encode` as 2.3.1 requires, which few servers expect."""
    user, secret = (required_option(its, name).strip() for name in ("clientId", "clientSecret"))
    if encode:
        user, secret = urllib.parse.quote_plus(user), urllib.parse.quote_plus(secret)
    form = {"grant_type": "client_credentials"}
    if scope := its.options.get("scope", "").strip():
        form["scope"] = scope
    login = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return urllib.request.Request(
        url,
        urllib.parse.urlencode(form).encode(),
        {"Authorization": f"Basic {login}", "Accept": "application/json", "Cache-Control": "no-cache"},
    )


def _checked(token: str, url: str) -> str:
    """A token that may stand in a message of the mechanism (RFC 6750, 2.1)."""
    if not _TOKEN.fullmatch(token):
        raise SaslFailure(f"no token from {url}: what it sent cannot be one")
    return token


def _explanation(body: bytes) -> str:
    """The server's explanation of its error (RFC 6749, 5.2), as far as it may be printed."""
    try:
        given = json.loads(body)
        text = " - ".join(str(given[name]) for name in ("error", "error_description") if name in given)
    except (ValueError, TypeError, RecursionError):
        return ""
    return "".join(character if character.isprintable() else " " for character in text[:_MOST_EXPLAINED])


def unsecured_token(options: Mapping[str, str], now: float) -> str:
    """A JSON web token with algorithm `none`; options unsecuredLogin{String,Number,List}Claim_NAME are its claims.

    raises    BadClientSetting
    """
    try:
        lifetime_s = int(options.get(f"{_UNSECURED}LifetimeSeconds", "3600"))
        issued_at = int(now)  # a broker that counts in milliseconds rejects tokens from later in the same one
        claims: dict[str, object] = {"exp": issued_at + lifetime_s, "iat": issued_at}
        for option, value in options.items():
            kind, found, name = option.removeprefix(_UNSECURED).partition("Claim_")
            if not option.startswith(_UNSECURED) or not found or not name:
                continue
            if name in _RESERVED_CLAIMS:
                raise BadClientSetting(f"Cannot explicitly set the '{name}' claim")
            claims[name] = float(value) if kind == "Number" else _listed(value) if kind == "List" else value
    except ValueError as error:
        raise BadClientSetting(f"sasl.jaas.config: {error}") from None
    principal = options.get(f"{_UNSECURED}PrincipalClaimName", "").strip() or "sub"
    if not claims.get(principal):
        raise BadClientSetting(f"No value in JWT for claim {principal}; set {_UNSECURED}StringClaim_{principal}")
    return f"{_segment({'alg': 'none'})}.{_segment(claims)}."


def _listed(value: str) -> list[str]:
    """Split a list; its first character is the separator."""
    return value[1:].split(value[0]) if len(value) > 1 else []


def _segment(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()
