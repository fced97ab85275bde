"""The errors with which a broker rejects requests at random, and after which a client must retry."""

from collections.abc import Mapping

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.context import Api
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.codec import message_codec, read_request_header

OFFSET_COMMIT, HEARTBEAT = 8, 68

OF_LEADER = (
    ErrorCode.not_leader_or_follower, ErrorCode.leader_not_available, ErrorCode.kafka_storage_error,
    ErrorCode.replica_not_available,
)  # fmt: skip
OF_COORDINATOR = (
    ErrorCode.coordinator_load_in_progress, ErrorCode.coordinator_not_available, ErrorCode.not_coordinator,
)  # fmt: skip
RETRIABLE: Mapping[int, tuple[ErrorCode, ...]] = {
    0: (*OF_LEADER[:3], ErrorCode.not_enough_replicas, ErrorCode.request_timed_out, ErrorCode.corrupt_message,
        ErrorCode.unknown_topic_or_partition),
    1: (*OF_LEADER, ErrorCode.unknown_topic_or_partition, ErrorCode.fenced_leader_epoch, ErrorCode.unknown_leader_epoch,
        ErrorCode.offset_not_available),
    2: (*OF_LEADER, ErrorCode.fenced_leader_epoch, ErrorCode.unknown_leader_epoch, ErrorCode.offset_not_available,
        ErrorCode.unknown_topic_or_partition),
    3: (ErrorCode.leader_not_available, ErrorCode.unknown_topic_or_partition),
    8: OF_COORDINATOR,
    9: OF_COORDINATOR,
    10: (ErrorCode.coordinator_not_available,),
    11: (*OF_COORDINATOR, ErrorCode.unknown_member_id, ErrorCode.rebalance_in_progress),
    12: (*OF_COORDINATOR, ErrorCode.rebalance_in_progress, ErrorCode.unknown_member_id, ErrorCode.illegal_generation),
    13: OF_COORDINATOR,
    14: (*OF_COORDINATOR, ErrorCode.rebalance_in_progress, ErrorCode.unknown_member_id, ErrorCode.illegal_generation),
    22: (*OF_COORDINATOR, ErrorCode.concurrent_transactions),
    23: (*OF_LEADER, ErrorCode.unknown_leader_epoch, ErrorCode.fenced_leader_epoch),
    24: (*OF_COORDINATOR, ErrorCode.concurrent_transactions),
    26: (*OF_COORDINATOR, ErrorCode.concurrent_transactions),
    HEARTBEAT: (*OF_COORDINATOR, ErrorCode.unknown_member_id, ErrorCode.fenced_member_epoch),
}  # fmt: skip
"""The errors by API key with which a broker rejects requests in a simulation; a client must retry after each."""


def rejection(frame: bytearray, code: ErrorCode, apis: Mapping[int, Api]) -> list[Buffer]:
    """The response that rejects the request in `frame` with `code`."""
    data = memoryview(frame)
    header = read_request_header(data)
    codec = message_codec(header.api_key, header.api_version, apis[header.api_key].max_version)
    request = codec.decode_request(data, header.position)
    return codec.encode_response(header.correlation_id, codec.error_response(request, code, None), request)
