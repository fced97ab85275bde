"""Questions to the brokers of a ControlledCluster, as frames that go through codec, dispatch and handlers."""

import asyncio
import dataclasses
import io
from typing import Any

from kio.serial import entity_reader, entity_writer
from kio.static.primitive import i16, i32

from pykafka_cli.protocol import inter_broker
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.transport.messages import response_type_of
from tests.fakes.controlled_cluster import ControlledCluster


async def ask(cluster: ControlledCluster, request: Any, *, broker: int = 0, passing: float = 0) -> Any:
    """The response of one broker, as a client of the request's version reads it.

    passing   seconds that pass while the response is awaited
    """
    asking = asyncio.ensure_future(cluster.brokers[broker].serve(_frame(request)))
    await cluster.settle()
    cluster.clock.advance(passing)
    await cluster.settle()
    assert asking.done(), "the broker still waits for something"
    response = _response_type(type(request))
    answer = asking.result()
    _, position = entity_reader(response.__header_schema__)(answer, 0)
    return entity_reader(response)(answer, position)[0]


def _response_type(request: Any) -> Any:
    if ApiKey.LEADER_AND_ISR <= request.__api_key__ <= ApiKey.CONTROLLED_SHUTDOWN:
        return inter_broker.load(request.__api_key__, request.__version__, "response")
    return response_type_of(request)


def _frame(request: Any) -> bytes:
    schema = type(request)
    header_schema = schema.__header_schema__
    header: dict[str, Any] = {
        "request_api_key": i16(schema.__api_key__),
        "request_api_version": i16(schema.__version__),
    }
    header |= {"correlation_id": i32(1), "client_id": "test"}
    known = {each.name for each in dataclasses.fields(header_schema)}  # ControlledShutdown 0 has no client id
    frame = io.BytesIO()
    entity_writer(header_schema)(frame, header_schema(**{k: v for k, v in header.items() if k in known}))
    entity_writer(schema)(frame, request)
    return frame.getvalue()
