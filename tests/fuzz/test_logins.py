"""Arbitrary logins, tokens and rules: each gets its answer or the error that its reader names, and nobody gets in."""

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, KeySet
from joserfc.jwt import encode

from pykafka_cli.broker.errors import IllegalSaslState, SaslAuthenticationFailed, UnsupportedSaslMechanism
from pykafka_cli.broker.network.authentication import Authentication
from pykafka_cli.broker.network.oauth_tokens import SignedTokens, UnsignedTokens
from pykafka_cli.broker.network.sasl import BadToken, OAuthBearerServer, PlainServer, ScramServer
from pykafka_cli.properties.jaas import BadLogin, read_logins
from pykafka_cli.rules.principal_names import BadPrincipalRule, CertificateNames, KerberosNames, NoPrincipalRule
from pykafka_cli.rules.scram_credentials import salted_password, stored_credential

NOW_MS = 1_700_000_000_000
HUGE = 500_000
"""Close to sasl.server.max.receive.size, beyond which nothing is read."""
KEY = ECKey.generate_key("P-256", {"kid": "one"})
KEYS = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
SALT = b"a salt of the test"
CREDENTIAL = stored_credential("SCRAM-SHA-256", salted_password("SCRAM-SHA-256", "secret", SALT, 4096), SALT, 4096)


def signed_tokens() -> SignedTokens:
    return SignedTokens(lambda: KEYS, lambda: None, now_ms=lambda: NOW_MS, issuer="i", audiences=("kafka",))


def login() -> Authentication:
    """By any mechanism; alice's password is not among what is tried."""
    return Authentication({
        "PLAIN": lambda: PlainServer({"alice": "secret"}),
        "SCRAM-SHA-256": lambda: ScramServer("SCRAM-SHA-256", {"alice": CREDENTIAL}.get, "nonce"),
        "OAUTHBEARER": lambda: OAuthBearerServer(signed_tokens().check),
    })  # fmt: skip


def words(*known: str) -> st.SearchStrategy[str]:
    """Texts out of the words of a syntax, and others between them."""
    return st.lists(st.sampled_from(known) | st.text(max_size=3), max_size=12).map("".join)


SCRAM_WORDS = words("n,,", "y,,", "p=x,,", "n=alice", ",r=", "x", "nonce", "c=biws", ",p=", "AAAA", ",a=bob,", "m=1,",
                    ",tokenauth=true", "=2C", "=3D", "=")  # fmt: skip
BEARER_WORDS = words("n,", "a=alice,", ",", "\1", "auth=Bearer ", "e30.e30.", "key=value\1", "auth=", "\1\1")
PLAIN_WORDS = words("\0", "alice", "bob", "guess")
TOKENS = st.binary(max_size=80) | (SCRAM_WORDS | BEARER_WORDS | PLAIN_WORDS).map(str.encode)
MECHANISMS = st.sampled_from(["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "NONE", ""])
STEPS = st.lists(st.tuples(st.just("choose"), MECHANISMS) | st.tuples(st.just("respond"), TOKENS), max_size=6)


@given(STEPS, st.booleans())
def test_no_sequence_of_frames_lets_anybody_in(steps: list[tuple[str, Any]], bare: bool) -> None:
    it = login()
    for kind, given_ in steps:
        try:
            if kind == "choose":
                it.choose(given_, bare=bare)
            else:
                it.respond(given_)
        except (IllegalSaslState, SaslAuthenticationFailed, UnsupportedSaslMechanism):
            if it.is_refused:
                break

    assert (it.is_complete, it.principal) == (False, "User:ANONYMOUS")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
CLAIMS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("sub", "exp", "iat", "nbf", "iss", "aud", "scope", "jti"), JSON)
)


@given(CLAIMS)
def test_signed_claims_of_any_kind_are_judged(claims: dict[str, Any]) -> None:
    """Who signs for the issuer may still be mistaken, which is no reason to fail."""
    try:
        token = encode({"alg": "ES256", "kid": "one"}, claims, KEY)
    except (TypeError, ValueError):
        return
    try:
        valid = signed_tokens().check(token)
    except BadToken:
        return
    assert valid.user == claims["sub"].strip()
    assert valid.expiry_ms >= NOW_MS


@given(st.binary(max_size=60), JSON, JSON)
def test_unsigned_tokens_of_any_kind_are_judged(garbage: bytes, header: Any, claims: Any) -> None:
    def segment(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    judge = UnsignedTokens({}, lambda: NOW_MS)
    for token in (
        garbage.decode("latin-1"),
        f"{segment(header)}.{segment(claims)}.",
        f"{segment({'alg': 'none'})}.{segment(claims)}.",
    ):
        with contextlib.suppress(BadToken):
            assert judge.check(token).user


@given(
    words(
        "a.PlainLoginModule",
        " required",
        " optional",
        " user_a",
        "=",
        '"',
        "'",
        "\\",
        ";",
        "{",
        "}",
        "/*",
        "*/",
        "//",
        "\n",
        " ",
    )
)
def test_a_jaas_text_of_any_kind_is_read_or_rejected(text: str) -> None:
    try:
        logins = read_logins(text)
    except BadLogin:
        return
    assert all(each.module for each in logins)


NAMES = words("CN=", "alice", ",", "OU=Ops", "/", "@", "REALM", "\\", "$")


@given(words("RULE:", "DEFAULT", ",", "^CN=", "(.*?)", "/", "$1", "$2", "${x}", "L", "U", "\\", "[", ")", "*"), NAMES)
def test_a_certificates_rules_are_rejected_or_give_a_name_or_none(rules: str, name: str) -> None:
    try:
        user = CertificateNames(rules).user(name)
    except (BadPrincipalRule, NoPrincipalRule):
        return
    assert isinstance(user, str)


@given(
    st.lists(
        words("RULE:", "DEFAULT", "[1:$1]", "[2:$1@$0]", "(.*)", "s/", "a", "/", "$1", "g", "L", "$9"), max_size=3
    ),
    NAMES,
)
def test_rules_of_kerberos_are_rejected_or_give_a_name_or_none(rules: list[str], name: str) -> None:
    try:
        user = KerberosNames(rules, "REALM").user(name)
    except (BadPrincipalRule, NoPrincipalRule):
        return
    assert isinstance(user, str)


@pytest.mark.parametrize(
    ("mechanism", "token"),
    [
        ("PLAIN", b"\0" * HUGE),
        ("PLAIN", b"\0alice\0" + b"x" * HUGE),
        ("SCRAM-SHA-256", b"n,,n=alice,r=" + b"x" * HUGE + b"\0"),
        ("SCRAM-SHA-256", b"n,a=" + b"=2C" * (HUGE // 3)),
        ("SCRAM-SHA-256", b"n,,n=a,r=x" + b",a=b" * (HUGE // 4) + b"\xff"),
        ("OAUTHBEARER", b"n,a=" + b"=2C" * (HUGE // 3)),
        ("OAUTHBEARER", b"n,,\1" + b"a=b\1" * (HUGE // 4)),
        ("OAUTHBEARER", b"n,,\1auth=Bearer " + b"a=" * (HUGE // 2) + b"\1\1"),
        ("OAUTHBEARER", b"n,,\1auth=Bearer " + b"A" * HUGE + b".e30.\1\1"),
        ("OAUTHBEARER", b"n,,\1auth=Bearer " + b"W" * (HUGE // 2) + b".W.W\1\1"),
    ],
    ids=lambda value: (
        value if isinstance(value, str) else value[:24].decode("latin-1").encode("unicode_escape").decode()
    ),
)
def test_a_token_as_large_as_can_be_is_rejected(mechanism: str, token: bytes) -> None:
    """A reader that tried all ways to read it would not come to an end."""
    it = login()
    it.choose(mechanism, bare=False)

    with contextlib.suppress(SaslAuthenticationFailed):
        assert len(it.respond(token)) < len(token) + 1000
    assert not it.is_complete
