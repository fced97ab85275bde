"""May this producer write here? The coordinator is asked before a transaction's first write to a partition.

Without the question a batch that was delayed until after its transaction's end would open a transaction that nobody
knows of and nobody ends: it hangs, and readers with it. While the response is awaited the transaction may end, and the
next one begin; so each question leaves a note, the marker that ends a transaction removes it, and a batch is let in
only if its note is still there.

The note also keeps the lowest sequence requested: as long as the first batch has not been let in, the log knows of
no sequence that a later one would have to follow.

source  KIP-890 part 1; kafka.server.AddPartitionsToTxnManager and VerificationStateEntry of Kafka 3.9
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kio.schema.add_partitions_to_txn.v5.request import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
)
from kio.schema.add_partitions_to_txn.v5.response import AddPartitionsToTxnResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId, TopicName, TransactionalId
from kio.static.primitive import i16, i32

from pykafka_cli import topic_names
from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import (
    BrokerError,
    CoordinatorNotAvailable,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    NotEnoughReplicas,
    OutOfOrderSequenceNumber,
    TransactionAbortable,
    UnknownTopicOrPartition,
)
from pykafka_cli.broker.replication.peers import BrokerEndpoints, Connect, KeptConnection
from pykafka_cli.model import BrokerId, ProducerEpoch, ProducerIdAndEpoch, Seconds, TopicPartition
from pykafka_cli.transport.errors import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.broker.coordinator.transaction.coordinator import TransactionCoordinator
    from pykafka_cli.broker.metadata.cache import MetadataCache

CLIENT_ID = "AddPartitionsManager-client-0"

_REFUSALS: Mapping[ErrorCode, type[BrokerError]] = {
    ErrorCode.producer_fenced: InvalidProducerEpoch,
    ErrorCode.invalid_producer_epoch: InvalidProducerEpoch,
    ErrorCode.invalid_producer_id_mapping: InvalidProducerIdMapping,
    ErrorCode.transaction_abortable: TransactionAbortable,
    ErrorCode.unknown_topic_or_partition: UnknownTopicOrPartition,
    ErrorCode.invalid_txn_state: InvalidTxnState,
    ErrorCode.invalid_request: InvalidTxnState,
}
"""Anything else comes from a coordinator that does not know at the moment. Older producers know NOT_ENOUGH_REPLICAS
best of all errors that they retry."""


@dataclass(slots=True, eq=False)
class _Note:
    """Notes that the coordinator was asked. It is distinguished from other notes by its identity."""

    producer_epoch: ProducerEpoch
    lowest_sequence: int
    made_at: float

    def asked_for(self, producer_epoch: ProducerEpoch, sequence: int) -> None:
        if producer_epoch > self.producer_epoch:
            self.producer_epoch, self.lowest_sequence = producer_epoch, sequence
        elif producer_epoch == self.producer_epoch:
            self.lowest_sequence = min(self.lowest_sequence, sequence)


class TransactionVerification:
    """Asks the coordinator before transactions write to the partitions that this broker leads.

    is_ongoing  whether the log of a partition has a transaction of a producer open; raises the reason against writing
    listener    through which other brokers are reached
    forget_s    seconds after which a note is useless, because the producer has been forgotten as well
    """

    def __init__(
        self,
        transactions: "TransactionCoordinator",
        metadata: "MetadataCache",
        clock: Clock,
        connect: Connect,
        is_ongoing: Callable[[TopicPartition, ProducerId], bool],
        *,
        broker_id: BrokerId,
        listener: str,
        forget_s: Seconds,
    ) -> None:
        self._transactions = transactions
        self._metadata = metadata
        self._clock = clock
        self._is_ongoing = is_ongoing
        self._broker_id = broker_id
        self._endpoints = BrokerEndpoints(metadata, listener)
        self._forget_s = forget_s
        self._notes: dict[tuple[TopicPartition, int], _Note] = {}  # oldest first
        self._connections: dict[BrokerId, KeptConnection] = defaultdict(lambda: KeptConnection(connect, CLIENT_ID))

    def __len__(self) -> int:
        """How many producers are being waited for."""
        return len(self._notes)

    async def refused(
        self, transactional_id: str, producer: ProducerIdAndEpoch, sequences: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, BrokerError]:
        """The partitions to which the transaction may not write, and why. Write to the others before anything else is
        awaited; later they may not be written to either.

        sequences  the first sequence of the batch for each partition
        """
        refused: dict[TopicPartition, BrokerError] = {}
        asked: dict[TopicPartition, _Note] = {}
        for partition, sequence in sequences.items():
            try:
                if not self._is_ongoing(partition, producer.producer_id):
                    asked[partition] = self._note(partition, producer, sequence)
            except BrokerError as error:
                refused[partition] = error
        if not asked:
            return refused
        for partition, code in (await self._ask(transactional_id, producer, list(asked))).items():
            if code is not ErrorCode.none:
                refused[partition] = _refusal(partition, code)
        for partition, sequence in sequences.items():
            if partition not in refused:
                try:
                    self._check(partition, producer, sequence, asked.get(partition))
                except BrokerError as error:
                    refused[partition] = error
        return refused

    def ended(self, partition: TopicPartition, producer_id: ProducerId) -> None:
        """A marker is about to end whatever the producer has open in `partition`."""
        self._notes.pop((partition, producer_id), None)

    def on_leadership(
        self, _became_leader: Iterable[tuple[TopicPartition, int]], became_follower_or_gone: Iterable[TopicPartition]
    ) -> None:
        """Another leader will write markers that this broker does not see."""
        lost = set(became_follower_or_gone)
        for key in [key for key in self._notes if key[0] in lost]:
            del self._notes[key]

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    # --- notes

    def _note(self, partition: TopicPartition, producer: ProducerIdAndEpoch, sequence: int) -> _Note:
        key, now = (partition, producer.producer_id), self._clock.monotonic()
        while self._notes and (oldest := next(iter(self._notes.items())))[1].made_at < now - self._forget_s:
            del self._notes[oldest[0]]
        note = self._notes.setdefault(key, _Note(producer.producer_epoch, sequence, now))
        note.asked_for(producer.producer_epoch, sequence)
        return note

    def _check(
        self, partition: TopicPartition, producer: ProducerIdAndEpoch, sequence: int, note: _Note | None
    ) -> None:
        if self._is_ongoing(partition, producer.producer_id):
            return
        if note is None or self._notes.get((partition, producer.producer_id)) is not note:
            raise InvalidTxnState(f"{partition}: the records are not part of an ongoing transaction")
        if producer.producer_epoch == note.producer_epoch and sequence > note.lowest_sequence:
            raise OutOfOrderSequenceNumber(
                f"{partition}: producer {producer.producer_id} sends sequence {sequence}, but {note.lowest_sequence}, "
                "which it sent before, is not written yet"
            )

    # --- asking

    async def _ask(
        self, transactional_id: str, producer: ProducerIdAndEpoch, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, ErrorCode]:
        """The coordinator's outcome for each partition; the coordinator may be this broker."""
        home = TopicPartition(topic_names.TRANSACTION_STATE, self._transactions.partition_for(transactional_id))
        state = self._metadata.partition_state(home)
        if state is not None and state.leader == self._broker_id:
            try:
                outcomes = self._transactions.verify_partitions(transactional_id, producer, partitions)
            except BrokerError as error:
                return dict.fromkeys(partitions, error.code)
            return {each: error.code if error else ErrorCode.none for each, error in outcomes.items()}
        endpoint = None if state is None else self._endpoints.of(state.leader)
        if endpoint is None:
            return dict.fromkeys(partitions, CoordinatorNotAvailable.code)
        request = _request(transactional_id, producer, partitions)
        try:
            connection = await self._connections[endpoint.broker_id].to(endpoint)
            return dict.fromkeys(partitions, ErrorCode.network_exception) | _codes(await connection.request(request))
        except ConnectionFailed:
            return dict.fromkeys(partitions, ErrorCode.network_exception)


def _request(
    transactional_id: str, producer: ProducerIdAndEpoch, partitions: list[TopicPartition]
) -> AddPartitionsToTxnRequest:
    topics: dict[str, list[i32]] = defaultdict(list)
    for topic, partition in partitions:
        topics[topic].append(i32(partition))
    return AddPartitionsToTxnRequest(
        transactions=(
            AddPartitionsToTxnTransaction(
                transactional_id=TransactionalId(transactional_id),
                producer_id=ProducerId(producer.producer_id),
                producer_epoch=i16(producer.producer_epoch),
                verify_only=True,
                topics=tuple(
                    AddPartitionsToTxnTopic(name=TopicName(topic), partitions=tuple(numbers))
                    for topic, numbers in topics.items()
                ),
            ),
        )
    )


def _codes(response: AddPartitionsToTxnResponse) -> dict[TopicPartition, ErrorCode]:
    return {
        TopicPartition(topic.name, each.partition_index): each.partition_error_code
        for transaction in response.results_by_transaction
        for topic in transaction.topic_results
        for each in topic.results_by_partition
    }


def _refusal(partition: TopicPartition, code: ErrorCode) -> BrokerError:
    refusal = _REFUSALS.get(code)
    if refusal is None:
        return NotEnoughReplicas(
            f"Unable to verify the partition has been added to the transaction. Underlying error: {code.name.upper()}"
        )
    return refusal(f"{partition} was not added to the transaction")
