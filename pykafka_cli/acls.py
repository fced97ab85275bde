"""Access control lists: what an ACL says, which ACLs a filter selects, and the words that Kafka has for them.

Every number is that of Kafka's protocol. Each word is known in two forms: TRANSACTIONAL_ID as requests and results have
it, and TransactionalId as options and znodes have it (`title`).

source  org.apache.kafka.common.acl and .resource, SecurityUtils, AclEntry of Kafka 3.9
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple, Self

WILDCARD = "*"
"""As a resource's name, a host, or a user: all of them."""
CLUSTER_NAME = "kafka-cluster"
"""The only resource of type CLUSTER."""
ANY_USER = "User:*"


class _Word(IntEnum):
    """A word of the protocol, by its number."""

    @property
    def title(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_"))

    @classmethod
    def titled(cls, text: str) -> Self:
        """The word that has this title, in this form or in capitals. Others are UNKNOWN."""
        return next((word for word in cls if text == word.title or text.upper() == word.title.upper()), cls(0))

    @classmethod
    def numbered(cls, number: int) -> Self:
        """Numbers that this version does not know are UNKNOWN."""
        return next((word for word in cls if word == number), cls(0))


class ResourceType(_Word):
    UNKNOWN = 0
    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class PatternType(_Word):
    """How a resource's name is meant. ANY and MATCH occur in filters only."""

    UNKNOWN = 0
    ANY = 1
    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class AclOperation(_Word):
    UNKNOWN = 0
    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14
    TWO_PHASE_COMMIT = 15  # Kafka 4


class AclPermission(_Word):
    UNKNOWN = 0
    ANY = 1
    DENY = 2
    ALLOW = 3


RESOURCE_TYPES = tuple(kind for kind in ResourceType if kind > ResourceType.ANY)
"""The types that can exist; the others occur in filters only."""

SUPPORTED_OPERATIONS: Mapping[ResourceType, tuple[AclOperation, ...]] = {
    ResourceType.TOPIC: (
        AclOperation.READ,
        AclOperation.WRITE,
        AclOperation.CREATE,
        AclOperation.DESCRIBE,
        AclOperation.DELETE,
        AclOperation.ALTER,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
    ),
    ResourceType.GROUP: (AclOperation.READ, AclOperation.DESCRIBE, AclOperation.DELETE),
    ResourceType.CLUSTER: (
        AclOperation.CREATE,
        AclOperation.CLUSTER_ACTION,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
        AclOperation.IDEMPOTENT_WRITE,
        AclOperation.ALTER,
        AclOperation.DESCRIBE,
    ),
    ResourceType.TRANSACTIONAL_ID: (AclOperation.DESCRIBE, AclOperation.WRITE),
    ResourceType.DELEGATION_TOKEN: (AclOperation.DESCRIBE,),
    ResourceType.USER: (AclOperation.CREATE_TOKENS, AclOperation.DESCRIBE_TOKENS),
}
"""The operations for each type of resource, without ALL."""


class NotAPrincipal(ValueError):
    """A text that is not of the form TYPE:NAME."""


class Principal(NamedTuple):
    """Who it is, such as User:alice."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type}:{self.name}"


def parse_principal(text: str) -> Principal:
    """raises    NotAPrincipal"""
    type_, colon, name = text.partition(":")
    if not colon:
        raise NotAPrincipal(f"expected a string in format principalType:principalName but got {text}")
    return Principal(type_, name)


class ResourcePattern(NamedTuple):
    """The resources that an ACL is about: one of that name, all (`*`), or those whose names begin so."""

    type: ResourceType
    name: str
    pattern_type: PatternType = PatternType.LITERAL

    def __str__(self) -> str:
        kind, pattern = self.type.name, self.pattern_type.name
        return f"ResourcePattern(resourceType={kind}, name={self.name}, patternType={pattern})"


class AclEntry(NamedTuple):
    """Who may or must not do what, and from where."""

    principal: str
    host: str
    operation: AclOperation
    permission: AclPermission

    def __str__(self) -> str:
        return (
            f"(principal={self.principal}, host={self.host}, operation={self.operation.name}, "
            f"permissionType={self.permission.name})"
        )


class AclBinding(NamedTuple):
    """One ACL."""

    pattern: ResourcePattern
    entry: AclEntry

    def __str__(self) -> str:
        return f"(pattern={self.pattern}, entry={self.entry})"


class PatternFilter(NamedTuple):
    """Selects resource patterns; a name that is None is any."""

    type: ResourceType = ResourceType.ANY
    name: str | None = None
    pattern_type: PatternType = PatternType.ANY

    def selects(self, pattern: ResourcePattern) -> bool:
        if self.type not in (ResourceType.ANY, pattern.type):
            return False
        if self.pattern_type not in (PatternType.ANY, PatternType.MATCH, pattern.pattern_type):
            return False
        if self.name is None or self.name == pattern.name:
            return True
        if self.pattern_type is not PatternType.MATCH:
            return False
        if pattern.pattern_type is PatternType.PREFIXED:
            return self.name.startswith(pattern.name)
        return pattern.name == WILDCARD


class EntryFilter(NamedTuple):
    """Selects entries; None is any principal, any host."""

    principal: str | None = None
    host: str | None = None
    operation: AclOperation = AclOperation.ANY
    permission: AclPermission = AclPermission.ANY

    def selects(self, entry: AclEntry) -> bool:
        return (
            self.principal in (None, entry.principal)
            and self.host in (None, entry.host)
            and self.operation in (AclOperation.ANY, entry.operation)
            and self.permission in (AclPermission.ANY, entry.permission)
        )


class AclFilter(NamedTuple):
    """Selects ACLs."""

    pattern: PatternFilter = PatternFilter()
    entry: EntryFilter = EntryFilter()

    def selects(self, acl: AclBinding) -> bool:
        return self.pattern.selects(acl.pattern) and self.entry.selects(acl.entry)


EVERY_ACL = AclFilter()
