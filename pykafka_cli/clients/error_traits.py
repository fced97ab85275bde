"""Traits of error codes. Codes without a line are final: a retry gets the same response.

The first two traits are those of the code's exception class in Kafka's Java client, as tests/compat checks; the others
are what its producer, consumer and coordinators check by code.

source  org.apache.kafka.common.errors; Sender, TransactionManager, AbstractCoordinator of Kafka 3.9
"""

from enum import Flag, auto

from kio.schema.errors import ErrorCode


class Trait(Flag):
    RETRIABLE = auto()
    """The same request may succeed later: RetriableException."""
    STALE_METADATA = auto()
    """Topics and leaders have to be looked up before a retry: InvalidMetadataException."""
    COORDINATOR_UNREADY = auto()
    """The coordinator is not available, or not yet."""
    LOST_COORDINATOR = auto()
    """The coordinator has to be looked up before a retry."""
    LOST_PRODUCER = auto()
    """The broker has lost the state of an idempotent producer, which needs a new id."""
    LOST_MEMBER = auto()
    """The group has removed this member, which has to join as a new one."""
    LOST_SHARE_SESSION = auto()
    """The broker has lost track of a session of share fetches, which is opened again."""
    TOO_LARGE = auto()
    """The batch may be accepted after splitting."""


_LATER = Trait.RETRIABLE
_STALE = Trait.RETRIABLE | Trait.STALE_METADATA
_LOADING = Trait.RETRIABLE | Trait.COORDINATOR_UNREADY
_ELSEWHERE = _LOADING | Trait.LOST_COORDINATOR

TRAITS: dict[ErrorCode, Trait] = {
    ErrorCode.corrupt_message: _LATER,
    ErrorCode.unknown_topic_or_partition: _STALE,
    ErrorCode.leader_not_available: _STALE,
    ErrorCode.not_leader_or_follower: _STALE,
    ErrorCode.request_timed_out: _LATER,
    ErrorCode.replica_not_available: _STALE,
    ErrorCode.message_too_large: Trait.TOO_LARGE,
    ErrorCode.network_exception: _STALE,
    ErrorCode.coordinator_load_in_progress: _LOADING,
    ErrorCode.coordinator_not_available: _ELSEWHERE,
    ErrorCode.not_coordinator: _ELSEWHERE,
    ErrorCode.record_list_too_large: Trait.TOO_LARGE,
    ErrorCode.not_enough_replicas: _LATER,
    ErrorCode.not_enough_replicas_after_append: _LATER,
    ErrorCode.illegal_generation: Trait.LOST_MEMBER,
    ErrorCode.unknown_member_id: Trait.LOST_MEMBER,
    ErrorCode.not_controller: _LATER,
    ErrorCode.out_of_order_sequence_number: Trait.LOST_PRODUCER,
    ErrorCode.invalid_producer_id_mapping: Trait.LOST_PRODUCER,
    ErrorCode.concurrent_transactions: _LATER,
    ErrorCode.kafka_storage_error: _STALE,
    ErrorCode.unknown_producer_id: Trait.LOST_PRODUCER,
    ErrorCode.fetch_session_id_not_found: _LATER,
    ErrorCode.invalid_fetch_session_epoch: _LATER,
    ErrorCode.listener_not_found: _STALE,
    ErrorCode.fenced_leader_epoch: _STALE,
    ErrorCode.unknown_leader_epoch: _LATER,
    ErrorCode.offset_not_available: _LATER,
    ErrorCode.preferred_leader_not_available: _STALE,
    ErrorCode.eligible_leaders_not_available: _STALE,
    ErrorCode.election_not_needed: _STALE,
    ErrorCode.unstable_offset_commit: _LATER,
    ErrorCode.throttling_quota_exceeded: _LATER,
    ErrorCode.unknown_topic_id: _STALE,
    ErrorCode.inconsistent_topic_id: _STALE,
    ErrorCode.fetch_session_topic_id_error: _LATER,
    ErrorCode.share_session_not_found: _LATER | Trait.LOST_SHARE_SESSION,
    ErrorCode.invalid_share_session_epoch: _LATER | Trait.LOST_SHARE_SESSION,
    ErrorCode.share_session_limit_reached: _LATER,
}


def codes_with(trait: Trait) -> frozenset[ErrorCode]:
    """All codes that have a trait."""
    return frozenset(code for code, its in TRAITS.items() if trait in its)


RETRIABLE = codes_with(Trait.RETRIABLE)
STALE_METADATA = codes_with(Trait.STALE_METADATA)
COORDINATOR_UNREADY = codes_with(Trait.COORDINATOR_UNREADY)
LOST_COORDINATOR = codes_with(Trait.LOST_COORDINATOR)
LOST_PRODUCER = codes_with(Trait.LOST_PRODUCER)
LOST_MEMBER = codes_with(Trait.LOST_MEMBER)
LOST_SHARE_SESSION = codes_with(Trait.LOST_SHARE_SESSION)
TOO_LARGE = codes_with(Trait.TOO_LARGE)
TOPIC_MISSING = frozenset({ErrorCode.unknown_topic_or_partition, ErrorCode.leader_not_available})
"""A topic that does not exist yet, or that is being created."""
