"""ACLs without an authorizer: rejected as Kafka does, in every version, so that tools that probe find what they
know."""

import io
import struct
from typing import Any

import pytest
from kio.index import load_request_schema, load_response_schema
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer

from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.protocol import first_versions
from tests.support.samples import sample

PEER = Peer("127.0.0.1", 1, "PLAINTEXT")
WORDS = "No Authorizer is configured on the broker"
APIS = {"DescribeAcls": 29, "CreateAcls": 30, "DeleteAcls": 31}


def schema(api_key: int, version: int, kind: first_versions.Kind) -> Any:
    if first_versions.is_missing_in_kio(api_key, version):
        return first_versions.load(api_key, version, kind)
    return (load_request_schema if kind == "request" else load_response_schema)(api_key, version)


async def answer(api_key: int, version: int) -> Any:
    """What a broker without an authorizer says to a request with something in every field."""
    asked = schema(api_key, version, "request")
    body = io.BytesIO()
    entity_writer(asked)(body, sample(asked))
    header = struct.pack(">hhih", api_key, version, 1, -1) + (b"\0" if asked.__flexible__ else b"")
    buffers = await Dispatcher(None, Metrics()).answer(bytearray(header + body.getvalue()), PEER)
    answered = schema(api_key, version, "response")
    read, _ = entity_reader(answered)(b"".join(buffers or ()), 5 if answered.__flexible__ else 4)
    return read


@pytest.mark.parametrize("version", range(4))
@pytest.mark.parametrize("api", APIS)
async def test_every_version_says_that_security_is_disabled(api: str, version: int) -> None:
    response = await answer(APIS[api], version)

    match api:
        case "CreateAcls":
            (refused,) = response.results
        case "DeleteAcls":
            (refused,) = response.filter_results
            assert refused.matching_acls == ()
        case _:
            refused = response
            assert response.resources == ()
    assert (refused.error_code, refused.error_message) == (ErrorCode.security_disabled, WORDS)
