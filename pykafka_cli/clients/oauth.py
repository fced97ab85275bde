"""Where a client's OAUTHBEARER token comes from.

sasl.oauthbearer.token.endpoint.url=https://...   the client credentials grant: clientId, clientSecret, scope in
                                                  sasl.jaas.config (KIP-768)
sasl.oauthbearer.token.endpoint.url=file:///...   a file with the token in it
unsecuredLoginStringClaim_sub="alice" and so on   a token that nobody signed, for trying things out (KIP-255)
"""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.transport.sasl import SaslFailure

TOKEN_ENDPOINT = "sasl.oauthbearer.token.endpoint.url"
_ANSWER_TIMEOUT_S = 10
_UNSECURED = "unsecuredLogin"
_UNSECURED_LIFETIME_S = 3600


def bearer_token(properties: Mapping[str, str], options: Mapping[str, str]) -> str:
    """A token for one login. Blocks while a server is asked for it.

    raises    BadClientSetting, SaslFailure if the server does not give one
    """
    if url := properties.get(TOKEN_ENDPOINT):
        return _from_endpoint(url, options)
    if any(name.startswith(_UNSECURED) for name in options):
        return _unsecured(options, int(time.time()))
    raise BadClientSetting(f"OAUTHBEARER needs {TOKEN_ENDPOINT}, or unsecuredLoginStringClaim_sub in sasl.jaas.config")


def _from_endpoint(url: str, options: Mapping[str, str]) -> str:
    request = urllib.request.Request(url)
    if not url.startswith("file:"):
        try:
            user, secret = options["clientId"], options["clientSecret"]
        except KeyError as missing:
            raise BadClientSetting(f"sasl.jaas.config has no {missing.args[0]}") from None
        form = {"grant_type": "client_credentials"} | ({"scope": options["scope"]} if "scope" in options else {})
        login = base64.b64encode(f"{user}:{secret}".encode()).decode()
        request = urllib.request.Request(
            url,
            urllib.parse.urlencode(form).encode(),
            {"Authorization": f"Basic {login}", "Accept": "application/json"},
        )
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT_S) as answer:
            text: str = answer.read().decode().strip()
    except (OSError, urllib.error.URLError, UnicodeDecodeError) as error:
        raise SaslFailure(f"no token from {url}: {error}") from None
    if url.startswith("file:"):
        return text
    try:
        return str(json.loads(text)["access_token"])
    except (ValueError, KeyError, TypeError):
        raise SaslFailure(f"no token from {url}: its answer has no access_token") from None


def _unsecured(options: Mapping[str, str], now: int) -> str:
    """A JSON web token with algorithm `none`; options unsecuredLogin{String,Number,List}Claim_NAME are its claims."""
    claims: dict[str, object] = {"iat": now, "exp": now + _UNSECURED_LIFETIME_S}
    for name, value in options.items():
        kind, _, claim = name.removeprefix(_UNSECURED).partition("Claim_")
        if not name.startswith(_UNSECURED) or not claim:
            continue
        if kind == "Number":
            claims[claim] = float(value) if "." in value else int(value)
        else:
            claims[claim] = value.lstrip(",").split(",") if kind == "List" else value
    return f"{_segment({'alg': 'none'})}.{_segment(claims)}."


def _segment(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()
