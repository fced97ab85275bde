"""A cluster's state as the documents that `pk apply` reads, in each of the three forms.

Passwords are missing, as a cluster does not show them. What a form cannot express becomes a remark.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pykafka_cli.rules.apply_plan import Seen, SeenTopic
from pykafka_cli.rules.declarations import jikkou, strimzi
from pykafka_cli.rules.declarations.model import (
    CLIENT_ID,
    DEFAULT_NAME,
    USER,
    Acl,
    QuotaEntity,
    entity_text,
)
from pykafka_cli.rules.declarations.short import DEFAULT
from pykafka_cli.rules.replica_changes import settled_replicas

STRIMZI_VERSION, JIKKOU_VERSION = f"{strimzi.GROUP}/v1beta2", f"{jikkou.GROUP}/v1"
_CLUSTER_LABEL = {"strimzi.io/cluster": "my-cluster"}
_NAMES_OF_STRIMZI = {theirs: ours for ours, theirs in strimzi.LIMIT_NAMES.items()}
_NAMES_OF_JIKKOU = {theirs: ours for ours, theirs in jikkou.LIMIT_NAMES.items()}
_SECRETS = "Passwords cannot be read from a cluster."
_SHORT_SECRETS = f"{_SECRETS} `pk apply` sets those of users without one from the variables that are named here."
_STRIMZI_SECRETS = f"{_SECRETS} `pk apply` sets those of users without one from Secrets in the same file."
_JIKKOU_SECRETS = f"{_SECRETS} `pk apply` sets those of users without one where you add `password`."


class Export(NamedTuple):
    """Documents, and remarks about what they cannot express."""

    documents: list[dict[str, Any]]
    remarks: list[str]


# ---- the short form


def short_form(seen: Seen) -> Export:
    document: dict[str, Any] = {"topics": {name: _topic(topic) for name, topic in sorted(seen.topics.items())}}
    remarks = _mixed_factors(seen)
    if seen.credentials:
        remarks.append(_SHORT_SECRETS)
        document["users"] = {
            user: {
                mechanism.lower(): {"password": {"env": _variable(user)}, "iterations": iterations}
                for mechanism, iterations in sorted(by_mechanism.items())
            }
            for user, by_mechanism in sorted(seen.credentials.items())
        }
    if seen.quotas:
        document["quotas"] = [
            {**{type_: name or DEFAULT for type_, name in entity}, "limits": _limits(limits)}
            for entity, limits in sorted(seen.quotas.items())
        ]
    if seen.acls:
        document["acls"] = [_acl(acls) for acls in _by_resource(seen.acls)]
    return Export([document], remarks)


def _topic(topic: SeenTopic) -> dict[str, Any]:
    factors = _factors(topic)
    return {
        "partitions": len(topic.partitions),
        **({"replication-factor": factors.pop()} if len(factors) == 1 else {}),
        **({"configs": _configs(topic)} if topic.configs else {}),
    }


def _acl(acls: list[Acl]) -> dict[str, Any]:
    first = acls[0]
    operations = [acl.operation.lower().replace("_", "-") for acl in acls]
    return {
        "principal": first.principal,
        "operations": operations,
        first.resource_type.lower().replace("_", "-"): first.resource_name,
        **({"pattern": first.pattern_type.lower()} if first.pattern_type != "LITERAL" else {}),
        **({"permission": first.permission.lower()} if first.permission != "ALLOW" else {}),
        **({"host": first.host} if first.host != "*" else {}),
    }


def _variable(user: str) -> str:
    """The name of a variable for a user's password."""
    return re.sub(r"[^A-Z0-9]+", "_", user.upper()).strip("_") + "_PASSWORD"


# ---- Strimzi's form


def strimzi_form(seen: Seen) -> Export:
    documents = [_strimzi_topic(name, topic) for name, topic in sorted(seen.topics.items())]
    remarks = _mixed_factors(seen)
    users = {
        *seen.credentials,
        *(entity[0][1] for entity in seen.quotas if _is_user(entity)),
        *(acl.principal.removeprefix("User:") for acl in seen.acls if _has_user(acl)),
    }
    documents += [_strimzi_user(user, seen) for user in sorted(users)]
    if seen.credentials:
        remarks.append(_STRIMZI_SECRETS)
    remarks += [
        f"KafkaUser has no place for {mechanism} of {user}."
        for user, by_mechanism in sorted(seen.credentials.items())
        for mechanism in sorted(by_mechanism)
        if mechanism != "SCRAM-SHA-512"
    ]
    remarks += [
        f"KafkaUser has no place for the quota of {entity_text(entity)}."
        for entity in sorted(seen.quotas)
        if not _is_user(entity)
    ]
    remarks += [
        f"KafkaUser has no place for the ACL {acl}."
        for acl in sorted(seen.acls)
        if not _has_user(acl) or acl.resource_type not in _STRIMZI_RESOURCES
    ]
    return Export(documents, remarks)


_STRIMZI_RESOURCES = {
    "TOPIC": "topic", "GROUP": "group", "CLUSTER": "cluster", "TRANSACTIONAL_ID": "transactionalId",
}  # fmt: skip
_STRIMZI_PATTERNS = {"LITERAL": "literal", "PREFIXED": "prefix"}


def _strimzi_topic(name: str, topic: SeenTopic) -> dict[str, Any]:
    resource_name = _resource_name(name)
    factors = _factors(topic)
    return {
        "apiVersion": STRIMZI_VERSION,
        "kind": "KafkaTopic",
        "metadata": {"name": resource_name, "labels": dict(_CLUSTER_LABEL)},
        "spec": {
            **({"topicName": name} if name != resource_name else {}),
            "partitions": len(topic.partitions),
            **({"replicas": factors.pop()} if len(factors) == 1 else {}),
            **({"config": _configs(topic)} if topic.configs else {}),
        },
    }


def _resource_name(topic: str) -> str:
    """A name that Kubernetes accepts; a changed one ends with a hash, so that names stay unique."""
    plain = re.sub(r"[^a-z0-9.-]+", "-", topic.lower()).strip("-.")
    if plain == topic:
        return topic
    return f"{plain or 'topic'}-{hashlib.sha256(topic.encode()).hexdigest()[:8]}"


def _strimzi_user(user: str, seen: Seen) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if "SCRAM-SHA-512" in seen.credentials.get(user, {}):
        spec["authentication"] = {"type": strimzi.SCRAM}
    elif user.startswith("CN="):
        spec["authentication"] = {"type": strimzi.EXTERNAL_TLS}
    acls = [acl for acl in seen.acls if acl.principal == f"User:{user}" and acl.resource_type in _STRIMZI_RESOURCES]
    if acls:
        spec["authorization"] = {"type": "simple", "acls": [_strimzi_acl(same) for same in _by_resource(acls)]}
    limits = seen.quotas.get(((USER, user),), {})
    if shown := {
        _NAMES_OF_STRIMZI[name]: value for name, value in _limits(limits).items() if name in _NAMES_OF_STRIMZI
    }:
        spec["quotas"] = shown
    metadata = {"name": user.removeprefix("CN="), "labels": dict(_CLUSTER_LABEL)}
    return {"apiVersion": STRIMZI_VERSION, "kind": "KafkaUser", "metadata": metadata, "spec": spec}


def _strimzi_acl(acls: list[Acl]) -> dict[str, Any]:
    first = acls[0]
    resource: dict[str, Any] = {"type": _STRIMZI_RESOURCES[first.resource_type]}
    if first.resource_type != "CLUSTER":
        resource |= {"name": first.resource_name, "patternType": _STRIMZI_PATTERNS[first.pattern_type]}
    return {
        "type": first.permission.lower(),
        "resource": resource,
        "operations": ["".join(word.title() for word in acl.operation.split("_")) for acl in acls],
        "host": first.host,
    }


def _is_user(entity: QuotaEntity) -> bool:
    return len(entity) == 1 and entity[0][0] == USER and entity[0][1] != DEFAULT_NAME


def _has_user(acl: Acl) -> bool:
    return acl.principal.startswith("User:") and acl.principal != "User:*"


# ---- Jikkou's form


def jikkou_form(seen: Seen) -> Export:
    remarks = _mixed_factors(seen)
    documents = [_jikkou_topic(name, topic) for name, topic in sorted(seen.topics.items())]
    if seen.credentials:
        remarks.append(_JIKKOU_SECRETS)
    for user, by_mechanism in sorted(seen.credentials.items()):
        authentications = [
            {"type": mechanism.lower(), "iterations": iterations}
            for mechanism, iterations in sorted(by_mechanism.items())
        ]
        documents.append(_jikkou("KafkaUser", {"name": user}, {"authentications": authentications}))
    for entity, limits in sorted(seen.quotas.items()):
        kind = _jikkou_quota_type(entity)
        names = {_NAMES_OF_JIKKOU[name]: value for name, value in _limits(limits).items() if name in _NAMES_OF_JIKKOU}
        if kind is None or len(names) < len(limits):
            remarks.append(f"KafkaClientQuota has no place for all limits of {entity_text(entity)}.")
        if kind is not None and names:
            fields = {USER: "user", CLIENT_ID: "clientId"}
            told = {fields[type_]: name for type_, name in entity if name != DEFAULT_NAME}
            documents.append(_jikkou("KafkaClientQuota", {}, {"type": kind, "entity": told, "configs": names}))
    by_principal: dict[str, list[Acl]] = {}
    for acl in sorted(seen.acls):
        by_principal.setdefault(acl.principal, []).append(acl)
    for principal, acls in sorted(by_principal.items()):
        told_acls = [_jikkou_acl(same) for same in _by_resource(acls)]
        documents.append(_jikkou("KafkaPrincipalAuthorization", {"name": principal}, {"acls": told_acls}))
    return Export(documents, remarks)


def _jikkou(kind: str, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": JIKKOU_VERSION, "kind": kind, "metadata": dict(metadata), "spec": dict(spec)}


def _jikkou_topic(name: str, topic: SeenTopic) -> dict[str, Any]:
    factors = _factors(topic)
    spec = {
        "partitions": len(topic.partitions),
        "replicas": factors.pop() if len(factors) == 1 else jikkou.DEFAULT_COUNT,
        **({"configs": _configs(topic)} if topic.configs else {}),
    }
    return _jikkou("KafkaTopic", {"name": name}, spec)


def _jikkou_quota_type(entity: QuotaEntity) -> str | None:
    """The type of an entity; None for addresses, and for defaults that the form does not have."""
    names = dict(entity)
    shape = tuple(
        None if type_ not in names else DEFAULT_NAME if names[type_] == DEFAULT_NAME else "named"
        for type_ in (USER, CLIENT_ID)
    )
    shapes = {
        tuple(each if each in (None, DEFAULT_NAME) else "named" for each in wanted): kind
        for kind, wanted in jikkou.QUOTA_TYPES.items()
    }
    return shapes.get(shape)


def _jikkou_acl(acls: list[Acl]) -> dict[str, Any]:
    first = acls[0]
    return {
        "resource": {
            "type": first.resource_type.lower(),
            "pattern": first.resource_name,
            "patternType": first.pattern_type,
        },
        "type": first.permission,
        "operations": [acl.operation for acl in acls],
        "host": first.host,
    }


# ---- parts


def _by_resource(acls: Iterable[Acl]) -> list[list[Acl]]:
    """ACLs grouped by all but their operation, in order."""
    found: dict[Acl, list[Acl]] = {}
    for acl in sorted(acls):
        found.setdefault(acl._replace(operation=""), []).append(acl)
    return list(found.values())


def _factors(topic: SeenTopic) -> set[int]:
    return {len(settled_replicas(partition)) for partition in topic.partitions}


def _mixed_factors(seen: Seen) -> list[str]:
    return [
        f"The partitions of {name} have different numbers of replicas, so none is written here."
        for name, topic in sorted(seen.topics.items())
        if len(_factors(topic)) > 1
    ]


def _configs(topic: SeenTopic) -> dict[str, Any]:
    return {key: _scalar(value) for key, value in topic.configs.items()}


def _scalar(text: str) -> Any:
    """A number or Boolean if its text is unchanged."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            value = kind(text)
        except (ValueError, OverflowError):
            continue
        if str(value) == text and re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", text):
            return value
    return text


def _limits(limits: Mapping[str, float]) -> dict[str, Any]:
    return {name: int(value) if value == int(value) else value for name, value in limits.items()}
