"""Gets a client's OAUTHBEARER token.

sasl.oauthbearer.token.endpoint.url=https://...   the client credentials grant: clientId, clientSecret, scope, ssl.* for
                                                  that server and extension_NAME in sasl.jaas.config (KIP-768)
sasl.oauthbearer.token.endpoint.url=file:///...   a file with the token in it
unsecuredLoginStringClaim_sub="alice" and so on   an unsigned token, for tests (KIP-255)

source  OAuthBearerLoginCallbackHandler, HttpAccessTokenRetriever, OAuthBearerUnsecuredLoginCallbackHandler
"""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from pykafka_cli.model import in_seconds
from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.security.jaas import required_option
from pykafka_cli.security.settings import security_settings
from pykafka_cli.security.tls import tls_context
from pykafka_cli.transport.sasl import SaslFailure

_ANSWER_TIMEOUT_MS = 10_000
_UNSECURED = "unsecuredLogin"
_RESERVED_CLAIMS = ("iat", "exp")


def extensions(its: Login) -> dict[str, str]:
    """Extensions to send with the token (KIP-342)."""
    prefixes = ("extension_", f"{_UNSECURED}Extension_")
    return {
        name.removeprefix(prefix): value
        for name, value in its.options.items()
        for prefix in prefixes
        if name.startswith(prefix)
    }


def bearer_token(settings: SecuritySettings, its: Login) -> str:
    """Get a token for one login. Blocks while it is requested from a server.

    raises    BadClientSetting, SaslFailure if the server does not give one
    """
    if settings.sasl_oauthbearer_token_endpoint_url:
        return _from_endpoint(settings.sasl_oauthbearer_token_endpoint_url, settings, its)
    if any(name.startswith(_UNSECURED) for name in its.options):
        return unsecured_token(its.options, time.time())
    raise BadClientSetting(
        "OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url, or unsecuredLoginStringClaim_sub in sasl.jaas.config"
    )


def _from_endpoint(url: str, settings: SecuritySettings, its: Login) -> str:
    request, tls = urllib.request.Request(url), None
    if not url.startswith("file:"):
        request = _token_request(url, its, encode=settings.sasl_oauthbearer_header_urlencode)
        about_tls = {name: value for name, value in its.options.items() if name.startswith("ssl.")}
        tls = tls_context(security_settings({"security.protocol": "SSL", **about_tls}))
    # Python has one timeout for connecting and for reading.
    given = (settings.sasl_login_connect_timeout_ms, settings.sasl_login_read_timeout_ms)
    timeout_ms = max((each for each in given if each is not None), default=_ANSWER_TIMEOUT_MS)
    try:
        with urllib.request.urlopen(request, timeout=in_seconds(timeout_ms), context=tls) as answer:
            text: str = answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        raise SaslFailure(f"no token from {url}: {error.code} {_explanation(error) or error.reason}") from None
    except (OSError, ValueError) as error:
        raise SaslFailure(f"no token from {url}: {getattr(error, 'reason', None) or error}") from None
    if url.startswith("file:"):
        return text
    try:
        return str(json.loads(text)["access_token"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SaslFailure(f"no token from {url}: the response has no access_token") from None


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


def _explanation(error: urllib.error.HTTPError) -> str:
    """The server's explanation of its error (RFC 6749, 5.2)."""
    try:
        body = json.loads(error.read())
        return " - ".join(str(body[name]) for name in ("error", "error_description") if name in body)
    except (OSError, ValueError, TypeError, RecursionError):
        return ""


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
