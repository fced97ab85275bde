"""The three forms of declarations, and what is wrong with them."""

import textwrap

import pytest

from pykafka_cli.rules.declarations.documents import BadDeclarations, Place
from pykafka_cli.rules.declarations.model import Acl, Declarations, Password
from pykafka_cli.rules.declarations.reading import read_declarations

READ_ORDERS = Acl("TOPIC", "orders", "LITERAL", "User:alice", "*", "READ", "ALLOW")


def read(text: str) -> Declarations:
    return read_declarations(textwrap.dedent(text))


def problems_of(text: str) -> list[str]:
    with pytest.raises(BadDeclarations) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


# ---- the short form


def test_topics_with_configs_in_the_short_form() -> None:
    found = read("""
        topics:
          orders:
            partitions: 3
            replication-factor: 2
            configs: {retention.ms: 86400000, cleanup.policy: [compact, delete], preallocate: true, flush.ms: ~}
          prices:
        """)

    orders, prices = found.topics.values()
    assert (orders.name, orders.partitions, orders.replication_factor) == ("orders", 3, 2)
    assert orders.configs == {
        "retention.ms": "86400000",
        "cleanup.policy": "compact,delete",
        "preallocate": "true",
        "flush.ms": None,
    }
    assert orders.place_of("retention.ms") == Place(1, 6, "topics.orders.configs.retention.ms")
    assert (prices.partitions, prices.replication_factor, prices.configs) == (None, None, {})


def test_records_in_the_short_form() -> None:
    found = read("""
        topics:
          t:
            records:
              - {key: no, value: {amount: 5, names: [é]}, headers: {source: seed}}
              - {key-base64: AAE=, value: ~, partition: 2, timestamp: 7}
              - {value: 42, headers: [{name: a, value: 1}, {name: a}]}
        """)

    first, second, third = found.records["t"]
    assert (first.key, first.value) == (b"no", '{"amount":5,"names":["é"]}'.encode())
    assert first.headers == (("source", b"seed"),)
    assert (second.key, second.value, second.partition, second.timestamp_ms) == (b"\0\1", None, 2, 7)
    assert (third.key, third.value, third.headers) == (None, b"42", (("a", b"1"), ("a", None)))


def test_users_quotas_and_acls_in_the_short_form() -> None:
    found = read("""
        users:
          alice:
            scram-sha-512: {password: {env: ALICE}, iterations: 8192}
            scram-sha-256: {password: {file: /run/alice}}
        quotas:
          - {user: alice, client-id: app, limits: {producer_byte_rate: 1.5e6, request_percentage: ~}}
          - {user: <default>, limits: {consumer_byte_rate: 1}}
          - {ip: 10.0.0.1, limits: {connection_creation_rate: 5}}
        acls:
          - {principal: "User:alice", operations: [read, describe-configs], topic: orders}
          - {principal: "User:alice", operations: all, group: g-, pattern: prefixed, permission: deny, host: 10.0.0.1}
          - {principal: "User:alice", operations: create, cluster: ~}
        """)

    credentials = found.users["alice"].credentials
    assert credentials["SCRAM-SHA-512"][:2] == (8192, Password("env", "ALICE"))
    assert credentials["SCRAM-SHA-256"][:2] == (None, Password("file", "/run/alice"))
    assert {entity: quota.limits for entity, quota in found.quotas.items()} == {
        (("user", "alice"), ("client-id", "app")): {"producer_byte_rate": 1_500_000.0, "request_percentage": None},
        (("user", ""),): {"consumer_byte_rate": 1.0},
        (("ip", "10.0.0.1"),): {"connection_creation_rate": 5.0},
    }
    assert list(found.acls) == [
        READ_ORDERS,
        READ_ORDERS._replace(operation="DESCRIBE_CONFIGS"),
        Acl("GROUP", "g-", "PREFIXED", "User:alice", "10.0.0.1", "ALL", "DENY"),
        Acl("CLUSTER", "kafka-cluster", "LITERAL", "User:alice", "*", "CREATE", "ALLOW"),
    ]


def test_all_that_is_wrong_is_reported_at_once_with_its_place() -> None:
    assert problems_of("""\
        topics:
          orders!: {partitions: 0}
          orders: {partitons: 3}
        quotas:
          - {limits: {}}
          - {user: a, limits: {speed: 1, producer_byte_rate: fast}}
          - {ip: 1.2.3.4, limits: {producer_byte_rate: 1}}
        acls:
          - {principal: alice, operations: [fly], topic: t}
          - {principal: "User:a", operations: read}
        ---
        tpoics: {}
        """) == [
        (
            "line 2, document 1, topics.orders!: is not the name of a topic: 'orders!' contains one or more characters "
            "other than ASCII alphanumerics, '.', '_' and '-'"
        ),
        "line 2, document 1, topics.orders!.partitions: must be a whole number from 1 to 2147483647, not 0",
        (
            "line 3, document 1, topics.orders.partitons: is unknown here; use partitions, "
            "replication-factor, configs, records"
        ),
        (
            "line 5, document 1, quotas[0]: must have user, client-id, both, or ip; <default> stands for all that have "
            "no other quota"
        ),
        "line 6, document 1, quotas[1].limits.producer_byte_rate: must be a number above 0, not 'fast'",
        (
            "line 6, document 1, quotas[1].limits.speed: is not a limit; use producer_byte_rate, "
            "consumer_byte_rate, request_percentage, controller_mutation_rate, connection_creation_rate"
        ),
        "line 7, document 1, quotas[2]: producer_byte_rate cannot be a limit of ip 1.2.3.4",
        (
            "line 9, document 1, acls[0].operations[0]: must be one of ALL, READ, WRITE, CREATE, DELETE, ALTER, "
            "DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE, CREATE_TOKENS, "
            "DESCRIBE_TOKENS, TWO_PHASE_COMMIT, not 'fly'"
        ),
        "line 9, document 1, acls[0].principal: must be a principal such as User:alice, not 'alice'",
        (
            "line 10, document 1, acls[1]: must have one of topic, group, cluster, transactional-id, "
            "delegation-token, user"
        ),
        "line 12, document 2, tpoics: is unknown here; use topics, users, quotas, acls",
    ]


def test_a_password_in_the_file_is_rejected_and_not_shown() -> None:
    (problem,) = problems_of("users: {alice: {scram-sha-512: {password: hunter2}}}")

    assert "hunter2" not in problem
    assert "must be {env: NAME} or {file: PATH}" in problem


def test_the_same_topic_in_two_documents_is_reported() -> None:
    assert problems_of("topics: {a: {}}\n---\ntopics:\n  a: {}\n") == [
        "line 4, document 2, topics.a: the topic a is declared twice, first in line 1"
    ]


# ---- Strimzi


STRIMZI_USER = """
    apiVersion: kafka.strimzi.io/v1beta2
    kind: KafkaUser
    metadata: {name: alice, labels: {strimzi.io/cluster: my-cluster}}
    spec:
      authentication:
        type: scram-sha-512
        password: {valueFrom: {secretKeyRef: {name: passwords, key: of-alice}}}
      authorization:
        type: simple
        acls:
          - {resource: {type: topic, name: orders, patternType: literal}, operations: [Read], host: "*"}
          - {resource: {type: transactionalId, name: tx, patternType: prefix}, operation: DescribeConfigs, type: deny}
          - {resource: {type: cluster}, operations: [IdempotentWrite]}
      quotas: {producerByteRate: 1024, controllerMutationRate: 0.5}
    """


def test_topics_of_strimzi() -> None:
    found = read("""
        apiVersion: kafka.strimzi.io/v1beta2
        kind: KafkaTopic
        metadata: {name: orders-v1, labels: {strimzi.io/cluster: my-cluster}}
        spec: {topicName: orders_v1, partitions: 3, replicas: 2, config: {retention.ms: 1}}
        ---
        apiVersion: kafka.strimzi.io/v1beta2
        kind: KafkaTopic
        metadata: {name: plain}
        """)

    orders, plain = found.topics.values()
    assert (orders.name, orders.partitions, orders.replication_factor) == ("orders_v1", 3, 2)
    assert orders.configs == {"retention.ms": "1"}
    assert plain.name == "plain"


def test_users_of_strimzi_with_the_secret_that_holds_the_password() -> None:
    found = read(f"""{STRIMZI_USER}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {{name: passwords}}
    data: {{of-alice: aHVudGVyMg==}}
    """)

    assert found.users["alice"].credentials["SCRAM-SHA-512"].password == Password("text", "hunter2")
    assert found.quotas[(("user", "alice"),)].limits == {"producer_byte_rate": 1024.0, "controller_mutation_rate": 0.5}
    assert list(found.acls) == [
        READ_ORDERS,
        Acl("TRANSACTIONAL_ID", "tx", "PREFIXED", "User:alice", "*", "DESCRIBE_CONFIGS", "DENY"),
        Acl("CLUSTER", "kafka-cluster", "LITERAL", "User:alice", "*", "IDEMPOTENT_WRITE", "ALLOW"),
    ]


def test_a_user_of_strimzi_who_logs_in_by_certificate_has_its_name() -> None:
    found = read("""
        apiVersion: kafka.strimzi.io/v1beta2
        kind: KafkaUser
        metadata: {name: bob}
        spec:
          authentication: {type: tls}
          quotas: {consumerByteRate: 1}
        """)

    assert list(found.quotas) == [(("user", "CN=bob"),)]
    assert not found.users["CN=bob"].credentials


# ---- Jikkou


def test_topics_of_jikkou_with_config_maps_and_lists() -> None:
    found = read("""
        apiVersion: core.jikkou.io/v1
        kind: ConfigMap
        metadata: {name: Small}
        data: {retention.ms: 1, segment.bytes: 2}
        ---
        apiVersion: kafka.jikkou.io/v1
        kind: KafkaTopicList
        items:
          - metadata: {name: a}
            spec: {partitions: 3, replicas: -1, configMapRefs: [Small], configs: {segment.bytes: 3}}
          - metadata: {name: b, annotations: {jikkou.io/ignore: true}}
        """)

    (topic,) = found.topics.values()
    assert (topic.name, topic.partitions, topic.replication_factor) == ("a", 3, None)
    assert topic.configs == {"retention.ms": "1", "segment.bytes": "3"}


def test_users_quotas_authorizations_and_records_of_jikkou() -> None:
    found = read("""
        apiVersion: kafka.jikkou.io/v1
        kind: KafkaUser
        metadata: {name: alice}
        spec: {authentications: [{type: scram-sha-256, password: pw, iterations: 8192}]}
        ---
        apiVersion: kafka.jikkou.io/v1beta2
        kind: KafkaClientQuota
        spec: {type: USER_ALL_CLIENTS, entity: {user: alice}, configs: {requestPercentage: 10}}
        ---
        apiVersion: kafka.jikkou.io/v1beta2
        kind: KafkaPrincipalRole
        metadata: {name: Reader}
        spec:
          acls: [{type: ALLOW, operations: [READ], resource: {type: topic, pattern: orders, patternType: LITERAL}}]
        ---
        apiVersion: kafka.jikkou.io/v1beta2
        kind: KafkaPrincipalAuthorization
        metadata: {name: "User:alice"}
        spec: {roles: [Reader]}
        ---
        apiVersion: kafka.jikkou.io/v1beta1
        kind: KafkaTableRecord
        spec:
          topic: t
          key: {type: STRING, data: k}
          value: {type: JSON, data: {a: 1}}
          headers: [{name: h, value: v}]
        """)

    assert found.users["alice"].credentials["SCRAM-SHA-256"][:2] == (8192, Password("text", "pw"))
    assert found.quotas[(("user", "alice"), ("client-id", ""))].limits == {"request_percentage": 10.0}
    assert list(found.acls) == [READ_ORDERS]
    (record,) = found.records["t"]
    assert (record.key, record.value, record.headers) == (b"k", b'{"a":1}', (("h", b"v"),))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{apiVersion: v9, kind: Deployment}", "Deployment of v9 is unknown here"),
        ("{kind: KafkaTopic}", "apiVersion is missing"),
        ("{apiVersion: kafka.strimzi.io/v1beta2}", "kind is missing"),
        ("{apiVersion: kafka.strimzi.io/v1beta2, kind: KafkaTopic}", "metadata is missing"),
        (
            (
                "{apiVersion: kafka.jikkou.io/v1, kind: KafkaTopic, "
                "metadata: {name: t, annotations: {jikkou.io/delete: true}}}"
            ),
            "use --prune",
        ),
        (
            "{apiVersion: kafka.jikkou.io/v1, kind: KafkaTopic, metadata: {name: t}, spec: {configMapRefs: [x]}}",
            "there is no ConfigMap x in this file",
        ),
        (
            (
                "{apiVersion: kafka.jikkou.io/v1, kind: KafkaPrincipalAuthorization, metadata: {name: 'User:a'}, "
                "spec: {roles: [x]}}"
            ),
            "there is no KafkaPrincipalRole x in this file",
        ),
        (
            "{apiVersion: kafka.jikkou.io/v1, kind: KafkaClientQuota, spec: {type: USER, configs: {}}}",
            "user is missing",
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: x}, data: {a: '%%%'}}",
            "is not text in base64",
        ),
    ],
)
def test_resources_that_are_not_complete(text: str, what: str) -> None:
    assert any(what in problem for problem in problems_of(text))
