"""Domain exceptions of the broker and, in one table, the error code that a client gets for each.

Storage, coordinators and controller raise these; handlers answer per topic or partition with `error_code_of`, and
`dispatch` does so for a whole request. Source of codes and names: org.apache.kafka.common.protocol.Errors.
"""

from collections.abc import Sequence
from typing import ClassVar

from kio.schema.errors import ErrorCode


class BrokerError(Exception):
    """An error that a client can get. The message says what happened, to what, and what would help."""

    code: ClassVar[ErrorCode] = ErrorCode.unknown_server_error

    @property
    def message(self) -> str | None:
        """The text for `error_message` fields; None if the code says it all."""
        return str(self) or None


def error_code_of(error: BaseException | None) -> ErrorCode:
    """The code for `error`, NONE (0) without one; anything that is not a BrokerError is UNKNOWN_SERVER_ERROR (-1)."""
    if error is None:
        return ErrorCode.none
    return error.code if isinstance(error, BrokerError) else ErrorCode.unknown_server_error


class RecordsRefused(BrokerError):
    """A batch that is not written because of single records in it.

    record_errors   (index in the batch, what is wrong with the record), for answers to Produce 8 and up (KIP-467)
    """

    def __init__(self, message: str, record_errors: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.record_errors = record_errors


class OffsetOutOfRange(BrokerError):
    code = ErrorCode.offset_out_of_range


class CorruptMessage(BrokerError):
    code = ErrorCode.corrupt_message


class UnknownTopicOrPartition(BrokerError):
    code = ErrorCode.unknown_topic_or_partition


class UnknownTopicId(BrokerError):
    code = ErrorCode.unknown_topic_id


class NotLeaderOrFollower(BrokerError):
    code = ErrorCode.not_leader_or_follower


class ThrottlingQuotaExceeded(BrokerError):
    code = ErrorCode.throttling_quota_exceeded


class RequestTimedOut(BrokerError):
    code = ErrorCode.request_timed_out


class BrokerNotAvailable(BrokerError):
    code = ErrorCode.broker_not_available


class ReplicaNotAvailable(BrokerError):
    code = ErrorCode.replica_not_available


class MessageTooLarge(BrokerError):
    code = ErrorCode.message_too_large


class StaleControllerEpoch(BrokerError):
    code = ErrorCode.stale_controller_epoch


class OffsetMetadataTooLarge(BrokerError):
    code = ErrorCode.offset_metadata_too_large


class CoordinatorLoadInProgress(BrokerError):
    code = ErrorCode.coordinator_load_in_progress


class CoordinatorNotAvailable(BrokerError):
    code = ErrorCode.coordinator_not_available


class NotCoordinator(BrokerError):
    code = ErrorCode.not_coordinator


class InvalidTopic(BrokerError):
    code = ErrorCode.invalid_topic_exception


class RecordListTooLarge(BrokerError):
    code = ErrorCode.record_list_too_large


class NotEnoughReplicas(BrokerError):
    code = ErrorCode.not_enough_replicas


class NotEnoughReplicasAfterAppend(BrokerError):
    code = ErrorCode.not_enough_replicas_after_append


class InvalidRequiredAcks(BrokerError):
    code = ErrorCode.invalid_required_acks


class IllegalGeneration(BrokerError):
    code = ErrorCode.illegal_generation


class InconsistentGroupProtocol(BrokerError):
    code = ErrorCode.inconsistent_group_protocol


class InvalidGroupId(BrokerError):
    code = ErrorCode.invalid_group_id


class UnknownMemberId(BrokerError):
    code = ErrorCode.unknown_member_id


class InvalidSessionTimeout(BrokerError):
    code = ErrorCode.invalid_session_timeout


class RebalanceInProgress(BrokerError):
    code = ErrorCode.rebalance_in_progress


class InvalidCommitOffsetSize(BrokerError):
    code = ErrorCode.invalid_commit_offset_size


class InvalidTimestamp(RecordsRefused):
    code = ErrorCode.invalid_timestamp


class UnsupportedSaslMechanism(BrokerError):
    code = ErrorCode.unsupported_sasl_mechanism


class IllegalSaslState(BrokerError):
    code = ErrorCode.illegal_sasl_state


class UnsupportedVersion(BrokerError):
    code = ErrorCode.unsupported_version


class TopicAlreadyExists(BrokerError):
    code = ErrorCode.topic_already_exists


class InvalidPartitions(BrokerError):
    code = ErrorCode.invalid_partitions


class InvalidReplicationFactor(BrokerError):
    code = ErrorCode.invalid_replication_factor


class InvalidReplicaAssignment(BrokerError):
    code = ErrorCode.invalid_replica_assignment


class InvalidConfig(BrokerError):
    code = ErrorCode.invalid_config


class NotController(BrokerError):
    code = ErrorCode.not_controller


class InvalidRequest(BrokerError):
    code = ErrorCode.invalid_request


class PolicyViolation(BrokerError):
    code = ErrorCode.policy_violation


class OutOfOrderSequenceNumber(BrokerError):
    code = ErrorCode.out_of_order_sequence_number


class InvalidProducerEpoch(BrokerError):
    code = ErrorCode.invalid_producer_epoch


class InvalidTxnState(BrokerError):
    code = ErrorCode.invalid_txn_state


class InvalidProducerIdMapping(BrokerError):
    code = ErrorCode.invalid_producer_id_mapping


class InvalidTransactionTimeout(BrokerError):
    code = ErrorCode.invalid_transaction_timeout


class ConcurrentTransactions(BrokerError):
    code = ErrorCode.concurrent_transactions


class TransactionCoordinatorFenced(BrokerError):
    code = ErrorCode.transaction_coordinator_fenced


class TopicAuthorizationFailed(BrokerError):
    code = ErrorCode.topic_authorization_failed


class GroupAuthorizationFailed(BrokerError):
    code = ErrorCode.group_authorization_failed


class ClusterAuthorizationFailed(BrokerError):
    code = ErrorCode.cluster_authorization_failed


class TransactionalIdAuthorizationFailed(BrokerError):
    code = ErrorCode.transactional_id_authorization_failed


class SecurityDisabled(BrokerError):
    code = ErrorCode.security_disabled


class OperationNotAttempted(BrokerError):
    code = ErrorCode.operation_not_attempted


class KafkaStorageError(BrokerError):
    code = ErrorCode.kafka_storage_error


class LogDirNotFound(BrokerError):
    code = ErrorCode.log_dir_not_found


class SaslAuthenticationFailed(BrokerError):
    code = ErrorCode.sasl_authentication_failed


class ReassignmentInProgress(BrokerError):
    code = ErrorCode.reassignment_in_progress


class NonEmptyGroup(BrokerError):
    code = ErrorCode.non_empty_group


class GroupIdNotFound(BrokerError):
    code = ErrorCode.group_id_not_found


class FetchSessionIdNotFound(BrokerError):
    code = ErrorCode.fetch_session_id_not_found


class InvalidFetchSessionEpoch(BrokerError):
    code = ErrorCode.invalid_fetch_session_epoch


class FencedLeaderEpoch(BrokerError):
    code = ErrorCode.fenced_leader_epoch


class IneligibleReplica(BrokerError):
    code = ErrorCode.ineligible_replica


class InvalidUpdateVersion(BrokerError):
    code = ErrorCode.invalid_update_version


class UnknownLeaderEpoch(BrokerError):
    code = ErrorCode.unknown_leader_epoch


class UnsupportedCompressionType(BrokerError):
    code = ErrorCode.unsupported_compression_type


class BrokerIdNotRegistered(BrokerError):
    code = ErrorCode.broker_id_not_registered


class StaleBrokerEpoch(BrokerError):
    code = ErrorCode.stale_broker_epoch


class OffsetNotAvailable(BrokerError):
    code = ErrorCode.offset_not_available


class PreferredLeaderNotAvailable(BrokerError):
    code = ErrorCode.preferred_leader_not_available


class GroupMaxSizeReached(BrokerError):
    code = ErrorCode.group_max_size_reached


class FencedInstanceId(BrokerError):
    code = ErrorCode.fenced_instance_id


class EligibleLeadersNotAvailable(BrokerError):
    code = ErrorCode.eligible_leaders_not_available


class ElectionNotNeeded(BrokerError):
    code = ErrorCode.election_not_needed


class NoReassignmentInProgress(BrokerError):
    code = ErrorCode.no_reassignment_in_progress


class GroupSubscribedToTopic(BrokerError):
    code = ErrorCode.group_subscribed_to_topic


class InvalidRecord(RecordsRefused):
    code = ErrorCode.invalid_record


class UnstableOffsetCommit(BrokerError):
    code = ErrorCode.unstable_offset_commit


class ProducerFenced(BrokerError):
    code = ErrorCode.producer_fenced


class ResourceNotFound(BrokerError):
    code = ErrorCode.resource_not_found


class DuplicateResource(BrokerError):
    code = ErrorCode.duplicate_resource


class UnacceptableCredential(BrokerError):
    code = ErrorCode.unacceptable_credential


class InconsistentTopicId(BrokerError):
    code = ErrorCode.inconsistent_topic_id


class TransactionalIdNotFound(BrokerError):
    code = ErrorCode.transactional_id_not_found


class FetchSessionTopicIdError(BrokerError):
    code = ErrorCode.fetch_session_topic_id_error


class TransactionAbortable(BrokerError):
    code = ErrorCode.transaction_abortable


class DelegationTokenAuthDisabled(BrokerError):
    code = ErrorCode.delegation_token_auth_disabled


class DelegationTokenNotFound(BrokerError):
    code = ErrorCode.delegation_token_not_found


class DelegationTokenOwnerMismatch(BrokerError):
    code = ErrorCode.delegation_token_owner_mismatch


class DelegationTokenRequestNotAllowed(BrokerError):
    code = ErrorCode.delegation_token_request_not_allowed


class DelegationTokenAuthorizationFailed(BrokerError):
    code = ErrorCode.delegation_token_authorization_failed


class DelegationTokenExpired(BrokerError):
    code = ErrorCode.delegation_token_expired


class InvalidPrincipalType(BrokerError):
    code = ErrorCode.invalid_principal_type
