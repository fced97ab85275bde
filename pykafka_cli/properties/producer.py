"""The keys of Kafka's producer, with the defaults of 3.9.

source  org.apache.kafka.clients.producer.ProducerConfig
"""

from collections.abc import Mapping

from pykafka_cli.model import Seconds, in_seconds
from pykafka_cli.properties.checks import AvailableClass, GzipLevel, NonEmpty
from pykafka_cli.properties.client import ClientKeys
from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLASS,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MAX_INT,
    STRING,
    AtLeast,
    Between,
    ConfigError,
    InertKey,
    Key,
    OneOf,
)

_PRODUCER = "org.apache.kafka.clients.producer."
_ROUND_ROBIN, _STICKY = _PRODUCER + "RoundRobinPartitioner", _PRODUCER + "UniformStickyPartitioner"

MOST_IN_FLIGHT = 5
"""Requests in flight among which an idempotent producer keeps the order: brokers remember that many batches."""


class ProducerSettings(ClientKeys):
    """The settings of a producer.

    raises  ConfigError, also for values that conflict with each other
    """

    acks = Key(
        STRING, "all", "Replicas that must have a record before it is acknowledged.", OneOf("all", "-1", "0", "1")
    )
    batch_size = Key(INT, 16_384, "Maximum size of a batch of records.", AtLeast(0))
    buffer_memory = Key(
        LONG, 33_554_432, "Maximum size of all records that wait to be sent.", AtLeast(0), importance=HIGH
    )
    compression_type = Key(
        STRING, "none", "Codec of the batches.", OneOf("none", "gzip", "snappy", "lz4", "zstd"), importance=HIGH
    )
    compression_gzip_level = Key(INT, -1, "Compression level of gzip.", GzipLevel())
    compression_lz4_level = InertKey(
        INT, 9, "Compression level of lz4, whose fast mode is always used.", Between(1, 17)
    )
    compression_zstd_level = Key(INT, 3, "Compression level of zstd.", Between(-131_072, 22))
    delivery_timeout_ms = Key(INT, 120_000, "Time after which an unacknowledged record fails.", AtLeast(0))
    enable_idempotence = Key(BOOLEAN, True, "Whether brokers drop duplicates.", importance=LOW)
    linger_ms = Key(LONG, 0, "How long a batch that is not full waits for more records.", AtLeast(0))
    max_block_ms = Key(LONG, 60_000, "How long to wait for a topic's metadata or for memory.", AtLeast(0))
    max_in_flight_requests_per_connection = Key(
        INT, 5, "Maximum number of requests in flight to one broker.", AtLeast(1), importance=LOW
    )
    max_request_size = Key(INT, 1_048_576, "Maximum size of a request, and so of a record.", AtLeast(0))
    retries = Key(INT, MAX_INT, "Maximum number of retries of a batch.", Between(0, MAX_INT), importance=HIGH)
    transaction_timeout_ms = Key(INT, 60_000, "Time after which the coordinator aborts a transaction.", importance=LOW)
    transactional_id = Key[str | None](
        STRING, None, "Transactional id; enables transactions.", NonEmpty(), importance=LOW
    )
    partitioner_class = Key[str | None](
        CLASS, None, "Kafka's own RoundRobinPartitioner, UniformStickyPartitioner or DefaultPartitioner.",
        AvailableClass(_ROUND_ROBIN, _STICKY, _PRODUCER + "internals.DefaultPartitioner"),
    )  # fmt: skip
    partitioner_ignore_keys = Key(BOOLEAN, False, "Whether to ignore keys when choosing partitions.")

    interceptor_classes = InertKey(LIST, (), "Java classes are not supported.")
    receive_buffer_bytes = InertKey(INT, 32_768, "The system chooses the size of socket buffers.", AtLeast(-1))
    key_serializer = InertKey(CLASS, None, "Keys are bytes.")
    value_serializer = InertKey(CLASS, None, "Values are bytes.")
    metadata_max_idle_ms = InertKey(
        LONG, 300_000, "Not needed, as topics are known as long as the command runs.", AtLeast(5000)
    )
    partitioner_adaptive_partitioning_enable = InertKey(BOOLEAN, True, "Slow brokers do not get fewer records.")
    partitioner_availability_timeout_ms = InertKey(LONG, 0, "Slow brokers do not get fewer records.", AtLeast(0))

    def __init__(self, properties: Mapping[str, str], quiet: frozenset[str] = frozenset()) -> None:
        super().__init__(properties, quiet)
        self.idempotent = self.enable_idempotence and self._may_be_idempotent()
        if self.transactional_id is not None and not self.idempotent:
            raise ConfigError("Cannot set a transactional.id without also enabling idempotence.")
        least = self.linger_ms + self.request_timeout_ms
        if self.delivery_timeout_ms < least and "delivery.timeout.ms" in self.given:
            raise ConfigError("delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms")

    @property
    def required_acks(self) -> int:
        """acks as in the protocol: -1 for all."""
        return -1 if self.acks in ("all", "-1") else int(self.acks)

    @property
    def takes_turns(self) -> bool:
        """Whether records go to the partitions in turn, whatever their keys."""
        return self.partitioner_class == _ROUND_ROBIN

    @property
    def ignores_keys(self) -> bool:
        """Whether keys do not determine the partition."""
        return self.partitioner_ignore_keys or self.partitioner_class == _STICKY

    @property
    def delivery_timeout(self) -> Seconds:
        """The delivery timeout in seconds, at least that of one request."""
        return in_seconds(max(self.delivery_timeout_ms, self.linger_ms + self.request_timeout_ms))

    def _may_be_idempotent(self) -> bool:
        """Whether idempotence is possible; if it is only the default, conflicting settings disable it."""
        obstacles = {
            "retries to non-zero when using the idempotent producer.": self.retries == 0,
            "acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.": (
                self.required_acks != -1
            ),
            f"max.in.flight.requests.per.connection to at most {MOST_IN_FLIGHT} to use the idempotent producer.": (
                self.max_in_flight_requests_per_connection > MOST_IN_FLIGHT
            ),
        }
        for message, is_there in obstacles.items():
            if is_there and "enable.idempotence" in self.given:
                raise ConfigError(f"Must set {message}")
        return not any(obstacles.values())
