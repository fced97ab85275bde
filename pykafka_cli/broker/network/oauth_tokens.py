"""OAUTHBEARER on a listener: signed tokens of an issuer, and unsigned tokens.

    sasl.server.callback.handler.class
        OAuthBearerValidatorCallbackHandler             signed, by a key of sasl.oauthbearer.jwks.endpoint.url (KIP-768)
        OAuthBearerUnsecuredValidatorCallbackHandler    unsigned, for tests; the default (KIP-255)
    sasl.oauthbearer.expected.issuer, .audience         the required claims `iss` and `aud`, if given
    sasl.oauthbearer.sub.claim.name, .scope.claim.name  the claims with the user and with the token's scope
    unsecuredValidatorPrincipalClaimName, ...           options of the login module, for unsigned tokens

Only signatures by private keys are accepted: with a shared key, whoever can check a token could also create one.

source  ValidatorAccessTokenValidator, OAuthBearerUnsecuredValidatorCallbackHandler, OAuthBearerSaslServer
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from pykafka_cli.broker.network.sasl import BadToken, ValidToken
from pykafka_cli.model import Milliseconds, Timestamp

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class SignedTokens:
    """Checks tokens that an issuer has signed.

    keys          returns the issuer's keys; None while they are unknown
    missing       called when a token is signed by an unknown key
    skew_s        seconds by which the issuer's clock may differ from this machine's
    """

    def __init__(
        self,
        keys: Callable[[], KeySet | None],
        missing: Callable[[], None],
        *,
        now_ms: Callable[[], int],
        skew_s: int = 0,
        issuer: str | None = None,
        audiences: tuple[str, ...] = (),
        user_claim: str = "sub",
    ) -> None:
        self._keys, self._missing, self._now_ms, self._skew_s = keys, missing, now_ms, skew_s
        self._user_claim = user_claim
        self._expected: dict[str, Any] = {"exp": {"essential": True}, "iat": {"essential": True}}
        if issuer is not None:
            self._expected["iss"] = {"essential": True, "value": issuer}
        if audiences:
            self._expected["aud"] = {"essential": True, "values": list(audiences)}

    def check(self, token: str) -> ValidToken:
        """raises    BadToken"""
        keys = self._keys()
        if keys is None:
            raise BadToken("the issuer's keys are not known yet")
        try:
            claims = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
            if "aud" in claims and "aud" not in self._expected:
                raise BadToken("it is for an audience, and sasl.oauthbearer.expected.audience is not set")
            jwt.JWTClaimsRegistry(now=self._now_ms() // 1000, leeway=self._skew_s, **self._expected).validate(claims)
        except ClaimError as error:
            raise BadToken(f"claim {error.claim}: {error.description or error.error}") from None
        except JoseError as error:
            if error.error == "invalid_key_id":
                self._missing()
            raise BadToken(error.description or error.error) from None
        except (ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
            raise BadToken(f"it is not a JSON web token: {type(error).__name__}") from None
        return ValidToken(_user(claims, self._user_claim), Timestamp(int(_number(claims, "exp") * 1000)))


class UnsignedTokens:
    """Checks unsigned tokens: anybody who can reach the listener can claim to be any user.

    options    of the login module
    raises     ValueError, from `__init__`
    """

    def __init__(self, options: Mapping[str, str], now_ms: Callable[[], int]) -> None:
        prefix = "unsecuredValidator"
        self._user_claim = options.get(f"{prefix}PrincipalClaimName", "").strip() or "sub"
        self._scope_claim = options.get(f"{prefix}ScopeClaimName", "").strip() or "scope"
        self._scope = options.get(f"{prefix}RequiredScope", "").split()
        name = f"{prefix}AllowableClockSkewMs"
        skew = options.get(name, "").strip() or "0"
        if not skew.isascii() or not skew.isdigit():
            raise ValueError(f"{name}={skew} must be a number of milliseconds, and not negative")
        self._skew_ms, self._now_ms = Milliseconds(int(skew)), now_ms

    def check(self, token: str) -> ValidToken:
        """raises    BadToken"""
        claims = _unsigned_claims(token)
        user, expiry_s, now_ms = _user(claims, self._user_claim), _number(claims, "exp"), self._now_ms()
        if "iat" in claims:
            issued_s = _number(claims, "iat")
            if issued_s * 1000 > now_ms + self._skew_ms:
                raise BadToken("it was issued in the future")
            if expiry_s <= issued_s:
                raise BadToken("it expires before it is issued")
        if now_ms - self._skew_ms >= expiry_s * 1000:
            raise BadToken("it has expired")
        scope = claims.get(self._scope_claim, ())
        has = scope.split() if isinstance(scope, str) else scope if isinstance(scope, list) else ()
        if lacking := [each for each in self._scope if each not in has]:
            bad = BadToken(f"its scope lacks {', '.join(lacking)}")
            bad.scope = f"[{', '.join(self._scope)}]"
            raise bad
        return ValidToken(user, Timestamp(int(expiry_s * 1000)))


def _unsigned_claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3 or parts[2]:
        raise BadToken("it is not a JSON web token without a signature")
    try:
        header, claims = (json.loads(urlsafe_b64decode(part.encode())) for part in parts[:2])
    except (ValueError, RecursionError):
        raise BadToken("it is not a JSON web token") from None
    if not isinstance(header, dict) or not isinstance(claims, dict) or header.get("alg") != "none":
        raise BadToken("it is not a JSON web token with algorithm none")
    return claims


def _user(claims: Mapping[str, Any], name: str) -> str:
    user = claims.get(name)
    if not isinstance(user, str) or not user.strip():
        raise BadToken(f"claim {name} names nobody")
    return user.strip()


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise BadToken(f"claim {name} is not a time")
    return value
