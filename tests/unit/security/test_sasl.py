"""SASL out of properties."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from pathlib import Path

import pytest

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.security import sasl
from pykafka_cli.security.settings import security_settings
from pykafka_cli.transport.sasl import SaslExchange

PLAIN_LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="s;e\\"c";'


def sasl_exchange(properties: Mapping[str, str]) -> SaslExchange | None:
    return sasl.sasl_exchange(security_settings(properties), "localhost")


def test_plaintext_is_the_default_and_needs_no_login() -> None:
    assert sasl_exchange({}) is None


def test_plain_and_scram_take_user_and_password() -> None:
    properties = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": PLAIN_LOGIN,
    }

    exchange = sasl_exchange(properties)
    scram = sasl_exchange({**properties, "sasl.mechanism": "SCRAM-SHA-512"})

    assert exchange
    assert exchange.respond(None) == b'\0alice\0s;e"c'
    assert scram
    assert scram.mechanism == "SCRAM-SHA-512"


def test_a_login_without_a_password_is_rejected() -> None:
    properties = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": 'a.B required username="alice";',
    }

    with pytest.raises(BadClientSetting, match="has no password"):
        sasl_exchange(properties)


def test_a_mechanism_that_nobody_has_is_rejected_with_those_that_there_are() -> None:
    with pytest.raises(BadClientSetting, match="DIGEST-MD5 is not supported; use PLAIN, SCRAM-SHA-256"):
        sasl_exchange({"security.protocol": "SASL_SSL", "sasl.mechanism": "DIGEST-MD5"})


def test_oauthbearer_may_use_a_token_that_nobody_signed() -> None:
    login = 'a.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="alice" extension_tenant="7";'
    exchange = sasl_exchange(
        {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "sasl.jaas.config": login}
    )

    assert exchange
    token = (exchange.respond(None) or b"").decode()
    header, claims, signature = token.split("\x01")[1].removeprefix("auth=Bearer ").split(".")
    assert json.loads(urlsafe_b64decode(header + "==")) == {"alg": "none"}
    assert json.loads(urlsafe_b64decode(claims + "=="))["sub"] == "alice"
    assert signature == ""
    assert "\x01tenant=7\x01" in token


def test_oauthbearer_may_read_its_token_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a.b.c\n")
    exchange = sasl_exchange(
        {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.jaas.config": "a.OAuthBearerLoginModule required ;",
            "sasl.oauthbearer.token.endpoint.url": file.as_uri(),
        }
    )

    assert exchange
    assert exchange.respond(None) == b"n,,\x01auth=Bearer a.b.c\x01\x01"
