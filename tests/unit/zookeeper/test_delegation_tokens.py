"""The znodes of delegation tokens, as Kafka's brokers write them."""

import json

import pytest

from pykafka_cli.acls import Principal
from pykafka_cli.model import Timestamp
from pykafka_cli.zookeeper.delegation_tokens import TokenInformation, decode_change, decode_token, encode_token
from pykafka_cli.zookeeper.znode_data import BadZnode

ALICE, BOB = Principal("User", "alice"), Principal("User", "bob c")
TOKEN = TokenInformation(
    "eyJhb_-A",
    ALICE,
    BOB,
    (BOB,),
    Timestamp(1_700_000_000_000),
    Timestamp(1_700_604_800_000),
    Timestamp(1_700_086_400_000),
)
ZNODE = {
    "version": 3,
    "owner": "User%3Aalice",
    "tokenRequester": "User%3Abob%20c",
    "renewers": ["User%3Abob%20c"],
    "issueTimestamp": 1_700_000_000_000,
    "maxTimestamp": 1_700_604_800_000,
    "expiryTimestamp": 1_700_086_400_000,
    "tokenId": "eyJhb_-A",
}


def test_principals_are_sanitized() -> None:
    assert json.loads(encode_token(TOKEN)) == ZNODE
    assert decode_token("/t", json.dumps(ZNODE).encode()) == TOKEN


def test_before_version_3_the_owner_requested_the_token() -> None:
    old = {key: value for key, value in ZNODE.items() if key != "tokenRequester"}

    assert decode_token("/t", json.dumps({**old, "version": 1}).encode()) == TOKEN._replace(requester=ALICE)


@pytest.mark.parametrize(
    "data", [None, b"", b"[]", b"{}", json.dumps({**ZNODE, "version": 4}).encode(), b'{"version":3,"owner":"alice"}']
)
def test_what_is_no_token_is_told(data: bytes | None) -> None:
    with pytest.raises(BadZnode, match="/t "):
        decode_token("/t", data)


@pytest.mark.parametrize("data", [None, b"", b"../config", b"\xff"])
def test_an_announcement_names_a_token(data: bytes | None) -> None:
    assert decode_change("/c", b"eyJhb_-A") == "eyJhb_-A"
    with pytest.raises(BadZnode, match="/c "):
        decode_change("/c", data)
