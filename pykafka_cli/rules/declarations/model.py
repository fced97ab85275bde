"""The content of a file in any form, and the words that all forms share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pykafka_cli.model import Timestamp
from pykafka_cli.rules.declarations.documents import Place

DEFAULT_NAME = ""
"""The entity for all users, clients or addresses without a specific quota."""

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
"""A quota's entity: pairs of a type and a name, users first."""


class SeedRecord(NamedTuple):
    """A first record of a new topic. Without a partition, its key decides; without a time, it gets the present."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    partition: int | None
    timestamp_ms: Timestamp | None
    place: Place


class Password(NamedTuple):
    """The source of a password: `env` (name of a variable), `file` (its path), or `text` (the password itself)."""

    kind: str
    value: str

    def __repr__(self) -> str:
        return f"Password({self.kind})" if self.kind == "text" else f"Password({self.kind}:{self.value})"


@dataclass(frozen=True, slots=True)
class DeclaredTopic:
    """partitions, replication_factor     None: keep them, or the broker's default for a new topic
    configs                               a value of None removes the override
    """

    name: str
    place: Place
    partitions: int | None = None
    replication_factor: int | None = None
    configs: Mapping[str, str | None] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    """Places of fields that may turn out to be impossible, by name: partitions, replication_factor, a config."""

    def place_of(self, name: str) -> Place:
        return self.places.get(name, self.place)


class DeclaredCredential(NamedTuple):
    """A user's credential; without a password, it must exist. iterations None: any, or the default."""

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
"""The name of the only resource of type CLUSTER in ACLs."""


@dataclass(slots=True)
class Declarations:
    """All declarations of a file."""

    topics: dict[str, DeclaredTopic] = field(default_factory=dict)
    users: dict[str, DeclaredUser] = field(default_factory=dict)
    quotas: dict[QuotaEntity, DeclaredQuota] = field(default_factory=dict)
    acls: dict[Acl, Place] = field(default_factory=dict)
    records: dict[str, list[SeedRecord]] = field(default_factory=dict)
    """Records by topic, which need not be declared if it exists."""


def entity_text(entity: QuotaEntity) -> str:
    """The entity as shown: `user alice, client-id app`; the default has the name <default>."""
    return ", ".join(f"{type_} {name or '<default>'}" for type_, name in entity)
