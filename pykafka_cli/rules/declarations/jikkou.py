"""Jikkou's resources: topics, users, quotas, authorizations with their roles, and records; their lists and ConfigMaps.

source  the resource definitions of Jikkou 0.36, kafka.jikkou.io
"""

from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.rules.declarations.collecting import (
    Collector,
    acl_of,
    bytes_of,
    check_limits,
    decoded,
    limits_of,
    named_headers,
    principal_of,
    topic_name,
)
from pykafka_cli.rules.declarations.documents import Fields, Node
from pykafka_cli.rules.declarations.model import (
    CLIENT_ID,
    DEFAULT_NAME,
    LEAST_ITERATIONS,
    MECHANISMS,
    MOST_ITERATIONS,
    USER,
    DeclaredCredential,
    Password,
    QuotaEntity,
    SeedRecord,
)

GROUP = "kafka.jikkou.io"
LIMIT_NAMES = {
    "producerByteRate": "producer_byte_rate",
    "consumerByteRate": "consumer_byte_rate",
    "requestPercentage": "request_percentage",
}
DEFAULT_COUNT = -1
"""The number of partitions or replicas that means the broker's default."""

QUOTA_TYPES: Mapping[str, tuple[str | None, str | None]] = {
    "USERS_DEFAULT": (DEFAULT_NAME, None),
    "USER": ("user", None),
    "USER_CLIENT": ("user", "clientId"),
    "USER_ALL_CLIENTS": ("user", DEFAULT_NAME),
    "CLIENT": (None, "clientId"),
    "CLIENTS_DEFAULT": (None, DEFAULT_NAME),
}
"""The user and client of each type: a field of the entity, the default, or none."""

_TOPIC = dict.fromkeys(("partitions", "replicas", "configs", "configMapRefs"), "")
_USER = {"authentications": ""}
_AUTHENTICATION = dict.fromkeys(("type", "password", "iterations", "salt"), "")
_QUOTA = dict.fromkeys(("type", "entity", "configs"), "")
_AUTHORIZATION = dict.fromkeys(("roles", "acls"), "")
_ACL = dict.fromkeys(("resource", "type", "operations", "host"), "")
_RESOURCE = dict.fromkeys(("type", "pattern", "patternType"), "")
_RECORD = dict.fromkeys(("topic", "type", "headers", "key", "value"), "")
_DATA = dict.fromkeys(("type", "data"), "")
_IGNORED, _DELETED = "jikkou.io/ignore", "jikkou.io/delete"


class Named(NamedTuple):
    """Resources that others refer to by name."""

    config_maps: Mapping[str, Mapping[str, Node]]
    roles: Mapping[str, Node]


def is_left_out(resource: Fields) -> bool:
    """Whether an annotation marks the resource as ignored.

    One marked for deletion is a problem: only --prune deletes.
    """
    metadata = resource.given("metadata")
    annotations = metadata.fields().given("annotations") if metadata else None
    if annotations is None:
        return False
    fields = annotations.fields()
    if (deleted := fields.given(_DELETED)) and deleted.text() == "true":
        deleted.reject("is not supported; omit the resource, and use --prune")
        return True
    return (ignored := fields.given(_IGNORED)) is not None and ignored.text() == "true"


def read_topic(resource: Fields, collector: Collector, named: Named) -> None:
    """A KafkaTopic."""
    metadata, spec = resource.required("metadata"), resource.given("spec")
    fields = spec.fields(_TOPIC) if spec else Fields(resource.owner, {})
    configs: dict[str, Node] = {}
    if references := fields.given("configMapRefs"):
        for each in references.items():
            if (name := each.name()) is None:
                continue
            if name not in named.config_maps:
                each.reject(f"there is no ConfigMap {name} in this file")
            configs |= named.config_maps.get(name, {})
    if own := fields.given("configs"):
        configs |= own.fields()
    collector.topic(
        metadata.fields().required("name") if metadata else None,
        resource.owner,
        _count(fields.given("partitions")),
        _count(fields.given("replicas")),
        configs,
    )


def _count(node: Node | None) -> Node | None:
    return None if node is None or node.value == DEFAULT_COUNT else node


def read_user(resource: Fields, collector: Collector, _named: Named) -> None:
    """A KafkaUser."""
    metadata, spec = resource.required("metadata"), resource.required("spec")
    name = metadata.fields().required("name") if metadata else None
    authentications = spec.fields(_USER).given("authentications") if spec else None
    credentials = {}
    for each in authentications.items() if authentications else []:
        fields = each.fields(_AUTHENTICATION)
        mechanism = kind.choice(MECHANISMS) if (kind := fields.required("type")) else None
        password, iterations = fields.given("password"), fields.given("iterations")
        source = None
        if password:
            text = password.text() if isinstance(password.value, (str, int, float)) else None
            source = Password("text", text) if text else None
            if source is None:
                password.value = None
                password.reject("must be text")
        count = iterations.integer(LEAST_ITERATIONS, MOST_ITERATIONS) if iterations else None
        if mechanism:
            credentials[mechanism] = DeclaredCredential(count, source, each.place)
    collector.user(name.name() if name else None, resource.owner, credentials)


def read_quota(resource: Fields, collector: Collector, _named: Named) -> None:
    """A KafkaClientQuota."""
    if (spec := resource.required("spec")) is None:
        return
    fields = spec.fields(_QUOTA)
    kind = node.choice(tuple(QUOTA_TYPES)) if (node := fields.required("type")) else None
    configs, entity_node = fields.required("configs"), fields.given("entity")
    if kind is None:
        return
    names = entity_node.fields() if entity_node else Fields(spec, {})
    entity: QuotaEntity = ()
    for type_, wanted in zip((USER, CLIENT_ID), QUOTA_TYPES[kind], strict=True):
        if wanted == DEFAULT_NAME:
            entity += ((type_, DEFAULT_NAME),)
        elif wanted is not None:
            found = names.required(wanted)
            if found is None or (name := found.name()) is None:
                return
            entity += ((type_, name),)
    limits = limits_of(configs.fields(), LIMIT_NAMES) if configs else {}
    check_limits(spec, entity, limits)
    collector.quota(entity, resource.owner, limits)


def read_authorization(resource: Fields, collector: Collector, named: Named) -> None:
    """A KafkaPrincipalAuthorization: its ACLs, and those of its roles."""
    metadata, spec = resource.required("metadata"), resource.required("spec")
    principal = principal_of(metadata.fields().required("name") if metadata else None)
    if principal is None or spec is None:
        return
    fields = spec.fields(_AUTHORIZATION)
    acls = own.items() if (own := fields.given("acls")) else []
    if roles := fields.given("roles"):
        for role in roles.items():
            name = role.name()
            if name is not None and name not in named.roles:
                role.reject(f"there is no KafkaPrincipalRole {name} in this file")
            elif name is not None:
                acls += named.roles[name].items()
    for each in acls:
        _acl(principal, each, collector)


def _acl(principal: str, node: Node, collector: Collector) -> None:
    fields = node.fields(_ACL)
    resource, operations = fields.required("resource"), fields.required("operations")
    if resource is None or operations is None:
        return
    parts = resource.fields(_RESOURCE)
    pattern_type = parts.given("patternType")
    if pattern_type and str(pattern_type.value).upper() == "MATCH":
        pattern_type.reject("MATCH is not supported: Kafka has no such ACLs; give LITERAL or PREFIXED")
        return
    kind, name = parts.required("type"), parts.given("pattern")
    if kind is not None and str(kind.value).lower() != "cluster" and name is None:
        resource.reject("pattern is missing")
    for operation in operations.items():
        found = acl_of(principal, kind, name, pattern_type, operation, fields.given("type"), fields.given("host"))
        collector.acl(found, node)


def read_record(resource: Fields, collector: Collector, _named: Named) -> None:
    """A KafkaTableRecord."""
    if (spec := resource.required("spec")) is None:
        return
    fields = spec.fields(_RECORD)
    topic = topic_name(fields.required("topic"))
    headers = fields.given("headers")
    record = SeedRecord(
        _data(fields.given("key")),
        _data(fields.given("value")),
        named_headers(headers) if headers else (),
        None,
        None,
        resource.owner.place,
    )
    collector.record(topic, record)


def _data(node: Node | None) -> bytes | None:
    """`type` and `data`; the types are STRING, JSON and BINARY, which is base64."""
    if node is None:
        return None
    fields = node.fields(_DATA)
    kind = given.choice(("STRING", "JSON", "BINARY")) if (given := fields.given("type")) else "STRING"
    data = fields.given("data")
    if data is None:
        return None
    return decoded(data) if kind == "BINARY" else bytes_of(data)
