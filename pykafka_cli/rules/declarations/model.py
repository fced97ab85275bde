"""What a file declares, whatever form it is in; and the words that all forms share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pykafka_cli.model import Timestamp
from pykafka_cli.rules.declarations.documents import Place

DEFAULT_NAME = ""
"""Of a user, client or address: the limits of all that have none of their own."""

MOST_PARTITIONS, MOST_REPLICAS = 2**31 - 1, 2**15 - 1
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
LEAST_ITERATIONS, MOST_ITERATIONS, DEFAULT_ITERATIONS = 4096, 16_384, 4096
"""source  ScramMechanism, ScramControlManager.MAX_ITERATIONS"""

LIMITS = (
    "producer_byte_rate",
    "consumer_byte_rate",
    "request_percentage",
    "controller_mutation_rate",
    "connection_creation_rate",
)
USER, CLIENT_ID, IP = "user", "client-id", "ip"

QuotaEntity = tuple[tuple[str, str], ...]
"""What is limited: pairs of a type and a name, users first."""

Record = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]


class SeedRecord(NamedTuple):
    """A record that a new topic begins with. Without a partition, its key decides; without a time, it is that of
    sending."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    partition: int | None
    timestamp_ms: Timestamp | None
    place: Place


class Password(NamedTuple):
    """Where a password is: `env` (name of a variable), `file` (its path), or `text` (the password itself)."""

    kind: str
    value: str

    def __repr__(self) -> str:
        return f"Password({self.kind})" if self.kind == "text" else f"Password({self.kind}:{self.value})"


@dataclass(frozen=True, slots=True)
class DeclaredTopic:
    """partitions, replication_factor     None: whatever they are, or the broker's default for a new topic
    configs                               a value of None removes what the topic sets
    """

    name: str
    place: Place
    partitions: int | None = None
    replication_factor: int | None = None
    configs: Mapping[str, str | None] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    """Of fields that may turn out to be impossible, by name: partitions, replication_factor, a config."""

    def place_of(self, name: str) -> Place:
        return self.places.get(name, self.place)


class DeclaredCredential(NamedTuple):
    """How a user logs in; without a password, the credential must exist. iterations None: any, or the default."""

    iterations: int | None
    password: Password | None
    place: Place


@dataclass(frozen=True, slots=True)
class DeclaredUser:
    """A user with credentials by mechanism."""

    name: str
    place: Place
    credentials: Mapping[str, DeclaredCredential]


@dataclass(frozen=True, slots=True)
class DeclaredQuota:
    """Limits of an entity by their names in Kafka; None removes one."""

    entity: QuotaEntity
    limits: Mapping[str, float | None]
    place: Place


class Acl(NamedTuple):
    """One permission, in Kafka's words: TOPIC, orders, LITERAL, User:alice, *, READ, ALLOW."""

    resource_type: str
    resource_name: str
    pattern_type: str
    principal: str
    host: str
    operation: str
    permission: str

    def __str__(self) -> str:
        pattern = " prefixed" if self.pattern_type == "PREFIXED" else ""
        resource = self.resource_type.lower().replace("_", "-")
        named = f" {self.resource_name}" if self.resource_type != "CLUSTER" else ""
        host = "" if self.host == "*" else f" from {self.host}"
        return f"{self.principal} {self.permission} {self.operation} on {resource}{pattern}{named}{host}"


RESOURCE_TYPES = ("TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID", "DELEGATION_TOKEN", "USER")
PATTERN_TYPES = ("LITERAL", "PREFIXED")
PERMISSIONS = ("ALLOW", "DENY")
OPERATIONS = (
    "ALL", "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS",
    "ALTER_CONFIGS", "IDEMPOTENT_WRITE", "CREATE_TOKENS", "DESCRIBE_TOKENS", "TWO_PHASE_COMMIT",
)  # fmt: skip
CLUSTER_NAME = "kafka-cluster"
"""How ACLs call the only resource of type CLUSTER."""


@dataclass(slots=True)
class Declarations:
    """All that a file declares."""

    topics: dict[str, DeclaredTopic] = field(default_factory=dict)
    users: dict[str, DeclaredUser] = field(default_factory=dict)
    quotas: dict[QuotaEntity, DeclaredQuota] = field(default_factory=dict)
    acls: dict[Acl, Place] = field(default_factory=dict)
    records: dict[str, list[SeedRecord]] = field(default_factory=dict)
    """By topic, which need not be declared if it exists."""


def entity_text(entity: QuotaEntity) -> str:
    """As it is shown: `user alice, client-id app`; the default has the name <default>."""
    return ", ".join(f"{type_} {name or '<default>'}" for type_, name in entity)
