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

_CLIENTS = "org.apache.kafka.clients.consumer."


class ConsumerSettings(ClientKeys):
    """What a consumer reads, and how it keeps its place in a group.

    raises  ConfigError, also where single values are fine and do not go together
    """

    allow_auto_create_topics = Key(BOOLEAN, True, "Let the broker create a topic that is not there.")
    auto_commit_interval_ms = Key(INT, 5000, "How often positions are committed.", AtLeast(0), importance=LOW)
    auto_offset_reset = Key(
        STRING, "latest", "Where to begin without a committed offset.", OneOf("latest", "earliest", "none")
    )
    check_crcs = Key(BOOLEAN, True, "Compare checksums.", importance=LOW)
    client_rack = Key(STRING, "", "Where this client is; brokers may name a nearer replica.", importance=LOW)
    default_api_timeout_ms = Key(INT, 60_000, "How long a call with all its retries may take.", AtLeast(0))
    enable_auto_commit = Key(BOOLEAN, True, "Commit positions automatically.")
    exclude_internal_topics = Key(BOOLEAN, True, "Leave internal topics out of subscriptions by pattern.")
    fetch_max_bytes = Key(INT, 52_428_800, "Bytes of one answer, all partitions together.", AtLeast(0))
    fetch_max_wait_ms = Key(INT, 500, "How long a broker may wait for fetch.min.bytes.", AtLeast(0), importance=LOW)
    fetch_min_bytes = Key(INT, 1, "What makes an answer worth sending.", AtLeast(0), importance=HIGH)
    group_id = Key[str | None](STRING, None, "The group that shares the partitions.", importance=HIGH)
    group_instance_id = Key[str | None](
        STRING, None, "Makes a static member that may be away for a session.", NonEmpty()
    )
    heartbeat_interval_ms = Key(INT, 3000, "How often this member sends a heartbeat.", importance=HIGH)
    isolation_level = Key(
        STRING, "read_uncommitted", "Whether open and aborted transactions are read.",
        OneOf("read_committed", "read_uncommitted"),
    )  # fmt: skip
    max_partition_fetch_bytes = Key(INT, 1_048_576, "Bytes of one partition in an answer.", AtLeast(0), importance=HIGH)
    max_poll_interval_ms = Key(INT, 300_000, "How long a rebalance waits for this member.", AtLeast(1))
    max_poll_records = Key(INT, 500, "Records that are handed over at a time.", AtLeast(1))
    partition_assignment_strategy = Key(
        LIST, (_CLIENTS + "RangeAssignor", _CLIENTS + "CooperativeStickyAssignor"), "Who may get what, best first."
    )
    session_timeout_ms = Key(INT, 45_000, "After this long without a heartbeat a member is gone.", importance=HIGH)

    group_protocol = Key(
        STRING, "classic", "How groups are formed.", OneOfAnyCase("CONSUMER", "CLASSIC"), importance=HIGH
    )
    group_remote_assignor = InertKey(STRING, None, "For the other group protocol only.")
    interceptor_classes = InertKey(LIST, (), "There are no Java classes.")
    key_deserializer = InertKey(CLASS, None, "Keys are bytes; formatters have deserializers.")
    value_deserializer = InertKey(CLASS, None, "Values are bytes; formatters have deserializers.")

    def __init__(self, properties: Mapping[str, str], quiet: frozenset[str] = frozenset()) -> None:
        super().__init__(properties, quiet)
        if self.group_protocol.lower() == "consumer":
            raise ConfigError("group.protocol=consumer (KIP-848) is not offered here, group.protocol=classic is")
        if self.group_remote_assignor:
            raise ConfigError("group.remote.assignor cannot be set when group.protocol=CLASSIC")
        if self.heartbeat_interval_ms >= self.session_timeout_ms:
            raise ConfigError("Heartbeat must be set lower than the session timeout")
