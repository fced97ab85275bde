"""Collects what documents declare, and reports what is declared twice."""

import base64
import binascii
import json
from collections.abc import Mapping

from pykafka_cli.rules.declarations.documents import Fields, Node, Place, Problem
from pykafka_cli.rules.declarations.model import (
    CLUSTER_NAME,
    IP,
    LIMITS,
    MOST_PARTITIONS,
    MOST_REPLICAS,
    OPERATIONS,
    PATTERN_TYPES,
    PERMISSIONS,
    RESOURCE_TYPES,
    Acl,
    Declarations,
    DeclaredCredential,
    DeclaredQuota,
    DeclaredTopic,
    DeclaredUser,
    QuotaEntity,
    SeedRecord,
    entity_text,
)
from pykafka_cli.topic_names import why_invalid


class Collector:
    """The declarations so far, and the problems."""

    def __init__(self, problems: list[Problem]) -> None:
        self.found = Declarations()
        self.problems = problems

    # ---- topics

    def topic(
        self, name: Node | None, at: Node, partitions: Node | None, factor: Node | None, configs: Mapping[str, Node]
    ) -> str | None:
        """Add a topic; return its name, or None if that is invalid."""
        topic = topic_name(name)
        count = partitions.integer(1, MOST_PARTITIONS) if partitions else None
        replicas = factor.integer(1, MOST_REPLICAS) if factor else None
        values = {key: None if node.is_null else config_text(node) for key, node in configs.items()}
        if topic is None:
            return None
        if first := self.found.topics.get(topic):
            self._twice(at, f"the topic {topic}", first.place)
            return topic
        places = {key: node.place for key, node in configs.items()}
        places |= {
            key: node.place for key, node in (("partitions", partitions), ("replication-factor", factor)) if node
        }
        self.found.topics[topic] = DeclaredTopic(topic, at.place, count, replicas, values, places)
        return topic

    def record(self, topic: str | None, record: SeedRecord) -> None:
        """Add a first record of a topic."""
        if topic is not None:
            self.found.records.setdefault(topic, []).append(record)

    # ---- users, quotas, ACLs

    def user(self, name: str | None, at: Node, credentials: Mapping[str, DeclaredCredential]) -> None:
        if name is None:
            return
        if first := self.found.users.get(name):
            self._twice(at, f"the user {name}", first.place)
            return
        self.found.users[name] = DeclaredUser(name, at.place, credentials)

    def quota(self, entity: QuotaEntity, at: Node, limits: Mapping[str, float | None]) -> None:
        if first := self.found.quotas.get(entity):
            self._twice(at, f"the quota of {entity_text(entity)}", first.place)
            return
        if entity:
            self.found.quotas[entity] = DeclaredQuota(entity, limits, at.place)

    def acl(self, acl: Acl | None, at: Node) -> None:
        if acl is not None:
            self.found.acls.setdefault(acl, at.place)

    def _twice(self, at: Node, what: str, first: Place) -> None:
        at.reject(f"{what} is declared twice, first in line {first.line}")


# ---- parts of several forms


def topic_name(node: Node | None) -> str | None:
    if node is None or (name := node.name()) is None:
        return None
    if why := why_invalid(name):
        node.reject(f"is not the name of a topic: {why}")
        return None
    return name


def config_text(node: Node) -> str | None:
    """The value of a config in Kafka's form: a list is joined by commas."""
    if isinstance(node.value, list):
        words = [item.text() for item in node.items()]
        return ",".join(word for word in words if word is not None)
    return node.text()


def limits_of(fields: Mapping[str, Node], names: Mapping[str, str]) -> dict[str, float | None]:
    """Limits by Kafka's names for them.

    names    Kafka's names by those of the form
    """
    limits: dict[str, float | None] = {}
    for key, node in fields.items():
        if key not in names:
            node.reject(f"is not a limit; use {', '.join(names)}")
        elif node.is_null:
            limits[names[key]] = None
        elif (value := node.number()) is not None:
            limits[names[key]] = value
    return limits


def check_limits(at: Node, entity: QuotaEntity, limits: Mapping[str, float | None]) -> None:
    """Check that addresses have their own limit, and other entities the others."""
    of_addresses = LIMITS[-1]
    is_address = bool(entity) and entity[0][0] == IP
    for name in limits:
        if is_address != (name == of_addresses):
            at.reject(f"{name} cannot be a limit of {entity_text(entity)}")


def acl_of(
    principal: str | None,
    resource_type: Node | None,
    resource_name: Node | None,
    pattern_type: Node | None,
    operation: Node | None,
    permission: Node | None,
    host: Node | None,
) -> Acl | None:
    """Build an ACL; None, and a problem, if a part of it is missing or wrong."""
    kind = resource_type.choice(RESOURCE_TYPES) if resource_type else None
    name = CLUSTER_NAME if kind == "CLUSTER" else resource_name.name() if resource_name else None
    pattern = pattern_type.choice(PATTERN_TYPES) if pattern_type else "LITERAL"
    verb = operation.choice(OPERATIONS) if operation else None
    verdict = permission.choice(PERMISSIONS) if permission else "ALLOW"
    where = host.name() if host else "*"
    if kind is None or name is None or pattern is None or principal is None or verb is None or verdict is None:
        return None
    return Acl(kind, name, pattern, principal, where or "*", verb, verdict)


def principal_of(node: Node | None) -> str | None:
    """TYPE:NAME."""
    if node is None or (text := node.name()) is None:
        return None
    kind, colon, name = text.partition(":")
    if not (kind and colon and name):
        node.reject(f"must be a principal such as User:alice, not {text!r}")
        return None
    return text


def bytes_of(node: Node | None, *, base64_text: Node | None = None) -> bytes | None:
    """A key or value: text as UTF-8, a mapping or a list as JSON on one line, nothing as null."""
    if base64_text is not None and not base64_text.is_null:
        if node is not None and not node.is_null:
            base64_text.reject("cannot be combined with the same in plain text")
        return decoded(base64_text)
    if node is None or node.is_null:
        return None
    if isinstance(node.value, (dict, list)):
        return json.dumps(node.value, ensure_ascii=False, separators=(",", ":")).encode()
    text = node.text()
    return None if text is None else encoded(node, text)


def encoded(node: Node, text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:
        node.reject("has characters that cannot be written as UTF-8")
        return None


def decoded(node: Node) -> bytes | None:
    """Base64."""
    try:
        return base64.b64decode(node.text() or "", validate=True)
    except (binascii.Error, ValueError):
        node.reject("is not base64")
        return None


def header_fields(node: Node) -> tuple[tuple[str, bytes | None], ...]:
    """Headers as a mapping of names to values."""
    return tuple((name, bytes_of(value)) for name, value in node.fields().items())


def named_headers(node: Node) -> tuple[tuple[str, bytes | None], ...]:
    """Headers as a list of names and values, where a name may occur several times."""
    headers = []
    for item in node.items():
        fields = item.fields({"name": "", "value": ""})
        if (name := fields.required("name")) and (text := name.name()) is not None:
            headers.append((text, bytes_of(fields.get("value"))))
    return tuple(headers)


def name_of(metadata: Fields) -> Node | None:
    return metadata.required("name")
