"""Strimzi's resources: KafkaTopic and KafkaUser, with the Secrets that hold passwords.

source  the custom resource definitions of Strimzi 0.45, kafka.strimzi.io/v1beta2
"""

import base64
import binascii
from collections.abc import Mapping

from pykafka_cli.rules.declarations.collecting import Collector, acl_of, check_limits, limits_of
from pykafka_cli.rules.declarations.documents import Fields, Node
from pykafka_cli.rules.declarations.model import USER, DeclaredCredential, Password

GROUP = "kafka.strimzi.io"
LIMIT_NAMES = {
    "producerByteRate": "producer_byte_rate",
    "consumerByteRate": "consumer_byte_rate",
    "requestPercentage": "request_percentage",
    "controllerMutationRate": "controller_mutation_rate",
}
SCRAM, TLS, EXTERNAL_TLS = "scram-sha-512", "tls", "tls-external"
_PASSWORD, _PREFIX = "password", "prefix"
_TOPIC = dict.fromkeys(("topicName", "partitions", "replicas", "config"), "")
_USER = dict.fromkeys(("authentication", "authorization", "quotas", "template"), "")
_ACL = dict.fromkeys(("type", "resource", "host", "operation", "operations"), "")
_RESOURCE = dict.fromkeys(("type", "name", "patternType"), "")

Secrets = Mapping[str, Mapping[str, str]]
"""The contents of Secrets, by name."""


def read_topic(resource: Fields, collector: Collector, _secrets: Secrets) -> None:
    """A KafkaTopic."""
    metadata = resource.required("metadata")
    spec = resource.given("spec")
    fields = spec.fields(_TOPIC) if spec else Fields(resource.owner, {})
    configs = fields.given("config")
    name = fields.given("topicName") or (metadata.fields().required("name") if metadata else None)
    collector.topic(
        name,
        resource.owner,
        fields.given("partitions"),
        fields.given("replicas"),
        configs.fields() if configs else {},
    )


def read_user(resource: Fields, collector: Collector, secrets: Secrets) -> None:
    """A KafkaUser: its credential, limits and ACLs."""
    metadata, spec = resource.required("metadata"), resource.given("spec")
    name_node = metadata.fields().required("name") if metadata else None
    if name_node is None or (name := name_node.name()) is None:
        return
    fields = spec.fields(_USER) if spec else Fields(resource.owner, {})
    kind, credentials = None, {}
    if authentication := fields.given("authentication"):
        parts = authentication.fields()
        kind = _type(parts, (SCRAM, TLS, EXTERNAL_TLS))
        if kind == SCRAM:
            source = _password(name, parts, secrets)
            credentials["SCRAM-SHA-512"] = DeclaredCredential(None, source, authentication.place)
    user = f"CN={name}" if kind in (TLS, EXTERNAL_TLS) else name
    collector.user(user, resource.owner, credentials)
    if quotas := fields.given("quotas"):
        limits, entity = limits_of(quotas.fields(), LIMIT_NAMES), ((USER, user),)
        check_limits(quotas, entity, limits)
        collector.quota(entity, quotas, limits)
    if authorization := fields.given("authorization"):
        parts = authorization.fields()
        if _type(parts, ("simple",)) and (acls := parts.required("acls")):
            for each in acls.items():
                _acl(f"User:{user}", each, collector)


def _type(fields: Fields, known: tuple[str, ...]) -> str | None:
    node = fields.required("type")
    if node is None or (found := node.text()) is None:
        return None
    if found not in known:
        node.reject(f"must be one of {', '.join(known)}; others are not supported")
        return None
    return found


def _password(user: str, authentication: Fields, secrets: Secrets) -> Password | None:
    """The password in the named Secret, or in the user's, which Strimzi's operator creates."""
    secret, key = user, _PASSWORD
    if password := authentication.given(_PASSWORD):
        reference = password.fields().required("valueFrom")
        target = reference.fields().required("secretKeyRef") if reference else None
        if target is None:
            return None
        names = target.fields()
        found = [node.name() for field in ("name", "key") if (node := names.required(field))]
        if len(found) < 2 or found[0] is None or found[1] is None:
            return None
        secret, key = found[0], found[1]
    text = secrets.get(secret, {}).get(key)
    return Password("text", text) if text else None


def _acl(principal: str, node: Node, collector: Collector) -> None:
    fields = node.fields(_ACL)
    resource = fields.required("resource")
    if resource is None:
        return
    parts = resource.fields(_RESOURCE)
    kind = parts.required("type")
    name, pattern_type = parts.given("name"), parts.given("patternType")
    if pattern_type and pattern_type.value == _PREFIX:
        pattern_type = Node("PREFIXED", pattern_type.place, pattern_type.problems)
    if kind is not None and kind.value != "cluster" and name is None:
        resource.reject("name is missing")
    operations = fields.given("operations")
    single = fields.given("operation")
    if operations is None and single is None:
        node.reject("operations is missing")
    for operation in operations.items() if operations else [single] if single else []:
        found = acl_of(principal, kind, name, pattern_type, operation, fields.given("type"), fields.given("host"))
        collector.acl(found, node)


def read_secret(resource: Fields) -> tuple[str, dict[str, str]] | None:
    """Read a Secret of Kubernetes: its name and contents; None without a name."""
    metadata = resource.required("metadata")
    name = metadata.fields().required("name") if metadata else None
    if name is None or (text := name.name()) is None:
        return None
    held: dict[str, str] = {}
    if data := resource.given("data"):
        for key, node in data.fields().items():
            try:
                held[key] = base64.b64decode(str(node.value), validate=True).decode()
            except (binascii.Error, ValueError):
                node.value = None
                node.reject("is not text in base64")
    if plain := resource.given("stringData"):
        held |= {key: str(node.value) for key, node in plain.fields().items() if not node.is_null}
    return text, held
