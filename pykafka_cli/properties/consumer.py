"""The keys of Kafka's consumer, with the defaults of 3.9.

source  org.apache.kafka.clients.consumer.ConsumerConfig
"""

from collections.abc import Mapping

from pykafka_cli.properties.checks import NonEmpty, OneOfAnyCase
from pykafka_cli.properties.client import ClientKeys
from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLASS,
    HIGH,
    INT,
    LIST,
    LOW,
    STRING,
    AtLeast,
    ConfigError,
    InertKey,
    Key,
    OneOf,
)

_CLASSIC_ONLY = ("partition.assignment.strategy", "heartbeat.interval.ms", "session.timeout.ms")
"""The coordinator decides about these if group.protocol=consumer."""

_CLIENTS = "org.apache.kafka.clients.consumer."


class ConsumerSettings(ClientKeys):
    """The properties of a consumer and of its group membership.

    raises  ConfigError, also for values that conflict with each other
    """

    allow_auto_create_topics = Key(BOOLEAN, True, "Whether the broker may create a topic that does not exist.")
    auto_commit_interval_ms = Key(INT, 5000, "How often positions are committed.", AtLeast(0), importance=LOW)
    auto_offset_reset = Key(
        STRING, "latest", "Where to start without a committed offset.", OneOf("latest", "earliest", "none")
    )
    check_crcs = Key(BOOLEAN, True, "Whether to verify checksums.", importance=LOW)
    client_rack = Key(
        STRING, "", "Rack of this client; brokers may recommend a replica in the same rack.", importance=LOW
    )
    default_api_timeout_ms = Key(INT, 60_000, "Maximum time of a call, including its retries.", AtLeast(0))
    enable_auto_commit = Key(BOOLEAN, True, "Commit positions automatically.")
    exclude_internal_topics = Key(BOOLEAN, True, "Whether subscriptions by pattern omit internal topics.")
    fetch_max_bytes = Key(INT, 52_428_800, "Maximum size of one response, over all partitions.", AtLeast(0))
    fetch_max_wait_ms = Key(
        INT, 500, "Maximum time that a broker waits for fetch.min.bytes.", AtLeast(0), importance=LOW
    )
    fetch_min_bytes = Key(INT, 1, "Minimum size of a response; the broker waits for it.", AtLeast(0), importance=HIGH)
    group_id = Key[str | None](STRING, None, "The consumer group.", importance=HIGH)
    group_instance_id = Key[str | None](
        STRING, None, "Id of a static member, which may be away for a session timeout.", NonEmpty()
    )
    heartbeat_interval_ms = Key(INT, 3000, "How often this member sends a heartbeat.", importance=HIGH)
    isolation_level = Key(
        STRING, "read_uncommitted", "Whether open and aborted transactions are read.",
        OneOf("read_committed", "read_uncommitted"),
    )  # fmt: skip
    max_partition_fetch_bytes = Key(
        INT, 1_048_576, "Maximum size of one partition in a response.", AtLeast(0), importance=HIGH
    )
    max_poll_interval_ms = Key(INT, 300_000, "Maximum time that a rebalance waits for this member.", AtLeast(1))
    max_poll_records = Key(INT, 500, "Maximum number of records returned at a time.", AtLeast(1))
    partition_assignment_strategy = Key(
        LIST, (_CLIENTS + "RangeAssignor", _CLIENTS + "CooperativeStickyAssignor"), "Assignors, in order of preference."
    )
    session_timeout_ms = Key(INT, 45_000, "Time without a heartbeat after which a member is removed.", importance=HIGH)

    group_protocol = Key(STRING, "classic", "The group protocol.", OneOfAnyCase("CONSUMER", "CLASSIC"), importance=HIGH)
    group_remote_assignor = Key[str | None](
        STRING, None, "Assignor of the coordinator, uniform or range, if group.protocol=consumer."
    )
    interceptor_classes = InertKey(LIST, (), "Java classes are not supported.")
    key_deserializer = InertKey(CLASS, None, "Keys are bytes; set deserializers of the formatter instead.")
    value_deserializer = InertKey(CLASS, None, "Values are bytes; set deserializers of the formatter instead.")

    def __init__(self, properties: Mapping[str, str], quiet: frozenset[str] = frozenset()) -> None:
        super().__init__(properties, quiet)
        if self.has_remote_assignor:
            for name in _CLASSIC_ONLY:
                if name in self.given:
                    raise ConfigError(f"{name} cannot be set when group.protocol=CONSUMER")
        elif self.group_remote_assignor:
            raise ConfigError("group.remote.assignor cannot be set when group.protocol=CLASSIC")
        if self.heartbeat_interval_ms >= self.session_timeout_ms:
            raise ConfigError("Heartbeat must be set lower than the session timeout")

    @property
    def has_remote_assignor(self) -> bool:
        """Whether the coordinator assigns partitions (KIP-848) instead of a member."""
        return self.group_protocol.lower() == "consumer"
