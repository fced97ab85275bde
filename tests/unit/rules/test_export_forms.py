"""What is exported is read again as the same, in each form as far as the form goes."""

import pytest

from pykafka_cli.model import BrokerId, PartitionDescription
from pykafka_cli.rules.apply_plan import Seen, SeenTopic, make_plan
from pykafka_cli.rules.declarations.documents import write_documents
from pykafka_cli.rules.declarations.model import Acl
from pykafka_cli.rules.declarations.reading import read_declarations
from pykafka_cli.rules.export_forms import jikkou_form, short_form, strimzi_form


def partitions(*factors: int) -> tuple[PartitionDescription, ...]:
    replicas = [tuple(BrokerId(each) for each in range(factor)) for factor in factors]
    return tuple(PartitionDescription(number, BrokerId(0), each, each) for number, each in enumerate(replicas))


ACL = Acl("TOPIC", "orders", "LITERAL", "User:alice", "*", "READ", "ALLOW")
EVERYWHERE = Seen(
    topics={
        "orders": SeenTopic(partitions(2, 2), {"retention.ms": "10", "cleanup.policy": "compact", "x": "1e3"}),
        "Orders_v1": SeenTopic(partitions(1), {"preallocate": "true", "ratio": "0.5", "long": "007"}),
        "mixed": SeenTopic(partitions(1, 2), {}),
    },
    credentials={"alice": {"SCRAM-SHA-512": 4096}},
    quotas={(("user", "alice"),): {"producer_byte_rate": 1024.0, "request_percentage": 0.5}},
    acls=frozenset(
        {
            ACL,
            ACL._replace(operation="DESCRIBE_CONFIGS"),
            ACL._replace(resource_type="GROUP", resource_name="g", pattern_type="PREFIXED", permission="DENY"),
            ACL._replace(resource_type="CLUSTER", resource_name="kafka-cluster", host="10.0.0.1"),
        }
    ),
)
"""What all forms can say."""

SHORT_ONLY = Seen(
    topics={},
    credentials={"alice": {"SCRAM-SHA-256": 8192}},
    quotas={
        (("ip", ""),): {"connection_creation_rate": 1.0},
        (("user", ""), ("client-id", "app")): {"consumer_byte_rate": 1.0},
    },
    acls=frozenset({ACL._replace(principal="Group:g"), ACL._replace(resource_type="USER", principal="User:*")}),
)


@pytest.mark.parametrize("form", [short_form, strimzi_form, jikkou_form])
def test_what_is_exported_is_the_same_again(form: object) -> None:
    export = form(EVERYWHERE)  # type: ignore[operator]

    declared = read_declarations(write_documents(export.documents, export.remarks))

    assert set(declared.topics) == set(EVERYWHERE.topics)
    assert set(declared.quotas) == set(EVERYWHERE.quotas)
    assert set(declared.acls) == EVERYWHERE.acls
    assert declared.topics["mixed"].replication_factor is None
    assert make_plan(declared, EVERYWHERE, prune=True).is_empty


def test_the_short_form_has_a_place_for_everything() -> None:
    export = short_form(SHORT_ONLY)

    declared = read_declarations(write_documents(export.documents, export.remarks))

    assert set(declared.quotas) == set(SHORT_ONLY.quotas)
    assert set(declared.acls) == SHORT_ONLY.acls
    assert make_plan(declared, SHORT_ONLY, prune=True).is_empty


def test_other_forms_say_what_they_have_no_place_for() -> None:
    strimzi, jikkou = strimzi_form(SHORT_ONLY).remarks, jikkou_form(SHORT_ONLY).remarks

    assert "KafkaUser has no place for SCRAM-SHA-256 of alice." in strimzi
    assert "KafkaUser has no place for the quota of ip <default>." in strimzi
    assert "KafkaUser has no place for the ACL Group:g ALLOW READ on topic orders." in strimzi
    assert "KafkaClientQuota has no place for all limits of ip <default>." in jikkou
    assert "KafkaClientQuota has no place for all limits of user <default>, client-id app." in jikkou


def test_names_of_strimzi_are_those_that_kubernetes_accepts_and_differ() -> None:
    seen = Seen(topics={name: SeenTopic(partitions(1), {}) for name in ("a_b", "a-b", "A_B", "_")})

    names = [document["metadata"]["name"] for document in strimzi_form(seen).documents]

    assert len(set(names)) == 4
    assert all(name == name.lower() and "_" not in name for name in names)
