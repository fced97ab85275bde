"""The client's halves against what Apache Kafka's own client said and its broker answered."""

import gzip
import json
from pathlib import Path

import pytest
from kio.serial import entity_reader

from pykafka_cli.transport.sasl import OAuthBearer, Plain, SaslFailure, Scram

VECTORS = Path(__file__).parents[2] / "vectors" / "wire" / "sasl.jsonl.gz"


def recorded_tokens(step: str) -> list[bytes]:
    """Client's and broker's tokens in turn, of the first connection in `step`."""
    with gzip.open(VECTORS, "rt") as lines:
        entries = [json.loads(line) for line in lines]
    start = next(i for i, entry in enumerate(entries) if entry.get("step") == step)
    frames = [e for e in entries[start:] if e.get("api") == "SaslAuthenticate" and "hex" in e]
    return [token_of(frame) for frame in frames if frame["c"] == frames[0]["c"]]


def token_of(frame: dict[str, str]) -> bytes:
    from kio.schema.sasl_authenticate.v2.request import SaslAuthenticateRequest
    from kio.schema.sasl_authenticate.v2.response import SaslAuthenticateResponse

    data = bytes.fromhex(frame["hex"])
    if frame["d"] == "response":
        return entity_reader(SaslAuthenticateResponse)(data, 9)[0].auth_bytes
    return entity_reader(SaslAuthenticateRequest)(data, 15)[0].auth_bytes


def test_plain_says_what_the_java_client_says() -> None:
    login, answer = recorded_tokens("Java, PLAIN, alice with password alice-secret")

    exchange = Plain("alice", "alice-secret")

    assert exchange.respond(None) == login
    assert exchange.respond(answer) is None


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram_says_what_the_java_client_says(mechanism: str) -> None:
    first, challenge, final, verdict = recorded_tokens(f"Java, {mechanism}, alice with password alice-secret")
    nonce = first.decode().rpartition("r=")[2]

    exchange = Scram(mechanism, "alice", "alice-secret", client_nonce=nonce)

    assert exchange.respond(None) == first
    assert exchange.respond(challenge) == final
    assert exchange.respond(verdict) is None


def test_scram_rejects_a_server_that_cannot_prove_itself() -> None:
    first, challenge, _, verdict = recorded_tokens("Java, SCRAM-SHA-256, alice with password alice-secret")
    exchange = Scram("SCRAM-SHA-256", "alice", "another secret", client_nonce=first.decode().rpartition("r=")[2])
    exchange.respond(None)
    exchange.respond(challenge)

    with pytest.raises(SaslFailure, match="SCRAM-SHA-256"):
        exchange.respond(verdict)


def test_a_login_with_a_token_says_so() -> None:
    exchange = Scram("SCRAM-SHA-256", "id", "aG1hYw==", client_nonce="nonce", by_token=True)

    assert exchange.respond(None) == b"n,,n=id,r=nonce,tokenauth=true"


def test_scram_rejects_a_challenge_that_is_none() -> None:
    exchange = Scram("SCRAM-SHA-256", "alice", "alice-secret")
    exchange.respond(None)

    with pytest.raises(SaslFailure):
        exchange.respond(b"\xff\x00")


def test_oauthbearer_sends_token_and_extensions_and_acknowledges_a_refusal() -> None:
    exchange = OAuthBearer(lambda: "abc.def.", {"tenant": "7"})

    assert exchange.respond(None) == b"n,,\x01auth=Bearer abc.def.\x01tenant=7\x01\x01"
    assert exchange.respond(b'{"status":"invalid_token"}') == b"\x01"
    assert exchange.respond(b"") is None
