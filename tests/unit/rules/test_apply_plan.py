"""What has to be done so that a cluster has what a file declares."""

import textwrap
from collections.abc import Mapping

import pytest

from pykafka_cli.model import Broker, BrokerId, PartitionDescription, TopicPartition
from pykafka_cli.rules.apply_plan import Action, NewTopic, Plan, Seen, SeenTopic, make_plan
from pykafka_cli.rules.declarations.documents import BadDeclarations
from pykafka_cli.rules.declarations.model import Acl
from pykafka_cli.rules.declarations.reading import read_declarations

BROKERS = [Broker(BrokerId(number), "host", 9092, None) for number in range(3)]
ACL = Acl("TOPIC", "t", "LITERAL", "User:a", "*", "READ", "ALLOW")


def topic(
    partitions: int = 1, replicas: int = 1, configs: Mapping[str, str] | None = None, *, written: bool = False
) -> SeenTopic:
    ids = tuple(BrokerId(number) for number in range(replicas))
    described = tuple(PartitionDescription(number, ids[0], ids, ids) for number in range(partitions))
    return SeenTopic(described, configs or {}, was_written=written)


def planned(text: str, seen: Seen, *, prune: bool = False, reset_passwords: bool = False) -> Plan:
    declared = read_declarations(textwrap.dedent(text))
    return make_plan(declared, seen, prune=prune, reset_passwords=reset_passwords)


def lines(plan: Plan) -> list[str]:
    return [
        f"{change.action} {change.kind} {change.name}"
        + "".join(f"; {each.action} {each.field} {each.before} {each.after}" for each in change.details)
        for change in plan.changes
    ]


def problems(text: str, seen: Seen) -> list[str]:
    with pytest.raises(BadDeclarations) as caught:
        planned(text, seen)
    return [str(problem) for problem in caught.value.problems]


def seen(**topics: SeenTopic) -> Seen:
    return Seen(topics=topics, brokers=BROKERS)


def test_a_new_topic() -> None:
    plan = planned("topics: {t: {partitions: 3, configs: {retention.ms: 1, flush.ms: ~}}}", seen())

    assert plan.topics == {"t": NewTopic(3, None, {"retention.ms": "1"})}
    assert lines(plan) == [
        "add topic t; add partitions None 3; add replication-factor None default; add retention.ms None 1"
    ]


def test_what_is_as_declared_needs_nothing() -> None:
    text = """
        topics: {t: {partitions: 2, replication-factor: 1, configs: {
          min.cleanable.dirty.ratio: 0.50, cleanup.policy: "compact, delete", flush.ms: ~}}}
        """
    configs = {"min.cleanable.dirty.ratio": "0.5", "cleanup.policy": "compact,delete", "retention.ms": "1"}

    assert planned(text, seen(t=topic(2, 1, configs))).is_empty


def test_configs_are_set_changed_and_removed() -> None:
    plan = planned("topics: {t: {configs: {a: 1, b: 2, c: ~}}}", seen(t=topic(configs={"b": "1", "c": "1", "d": "1"})))

    assert plan.configs == {"t": {"a": "1", "b": "2", "c": None}}
    assert lines(plan) == ["change topic t; add a None 1; change b 1 2; delete c 1 None"]


def test_partitions_are_added_and_never_removed() -> None:
    assert planned("topics: {t: {partitions: 3}}", seen(t=topic(2))).partition_counts == {"t": 3}
    assert problems("topics: {t: {partitions: 2}}", seen(t=topic(3))) == [
        "line 1, document 1, topics.t.partitions: t has 3 partitions, and Kafka can only add to them; declare 3 or more"
    ]


def test_the_replication_factor_is_changed_by_reassignment() -> None:
    plan = planned("topics: {t: {replication-factor: 2}}", seen(t=topic(2, 1)))

    assert {partition: len(replicas) for partition, replicas in plan.replicas.items()} == {
        TopicPartition("t", 0): 2,
        TopicPartition("t", 1): 2,
    }
    assert lines(plan) == ["change topic t; change replication-factor 1 2"]


@pytest.mark.parametrize("found", [seen(), seen(t=topic())])
def test_more_replicas_than_brokers_are_refused(found: Seen) -> None:
    assert problems("topics: {t: {replication-factor: 4}}", found) == [
        "line 1, document 1, topics.t.replication-factor: t cannot have 4 replicas: there are 3 brokers"
    ]


def test_records_are_for_topics_to_which_nothing_was_ever_written() -> None:
    text = "topics: {new: {records: [{value: 1}]}, empty: {records: [{value: 1}]}, old: {records: [{value: 1}]}}"

    plan = planned(text, seen(empty=topic(), old=topic(written=True)))

    assert list(plan.records) == ["new", "empty"]
    assert lines(plan)[1:] == ["change topic empty; add records None 1"]


def test_records_that_cannot_be_sent() -> None:
    assert problems("topics: {t: {partitions: 1, records: [{value: 1, partition: 1}]}}", seen()) == [
        "line 1, document 1, topics.t.records[0]: t has no partition 1, but 0 to 0"
    ]
    assert problems("topics: {t: {configs: {cleanup.policy: compact}, records: [{value: 1}]}}", seen()) == [
        "line 1, document 1, topics.t.records[0]: the record needs a key, as t is compacted"
    ]
    record = "{apiVersion: kafka.jikkou.io/v1, kind: KafkaTableRecord, spec: {topic: t, value: {data: v}}}"
    assert problems(record, seen()) == ["line 1, document 1: there is no topic t for the record; declare it"]


def test_credentials_are_set_where_there_are_none_or_others() -> None:
    text = "users: {a: {scram-sha-512: {password: {env: A}, iterations: 8192}, scram-sha-256: {password: {env: A}}}}"

    new = planned(text, seen())
    other = planned(text, Seen(credentials={"a": {"SCRAM-SHA-512": 4096, "SCRAM-SHA-256": 5000}}))
    same = planned(text, Seen(credentials={"a": {"SCRAM-SHA-512": 8192, "SCRAM-SHA-256": 5000}}))

    assert {mechanism: each.iterations for mechanism, each in new.passwords["a"].items()} == {
        "SCRAM-SHA-512": 8192,
        "SCRAM-SHA-256": 4096,
    }
    assert list(other.passwords["a"]) == ["SCRAM-SHA-512"]
    assert same.is_empty
    assert (
        len(planned(text, Seen(credentials={"a": {"SCRAM-SHA-512": 8192}}), reset_passwords=True).passwords["a"]) == 2
    )


def test_a_credential_without_a_password_must_exist() -> None:
    assert problems("users: {a: {scram-sha-512: {}}}", seen()) == [
        (
            "line 1, document 1, users.a.scram-sha-512: a has no SCRAM-SHA-512 credential with 4096 iterations, "
            "and no password is declared"
        )
    ]


def test_quotas_are_set_changed_and_removed() -> None:
    text = "quotas: [{user: a, limits: {producer_byte_rate: 5, consumer_byte_rate: ~}}]"
    entity = (("user", "a"),)

    assert planned(text, Seen()).quotas == {entity: {"producer_byte_rate": 5.0}}
    plan = planned(text, Seen(quotas={entity: {"producer_byte_rate": 4.0, "consumer_byte_rate": 1.0}}))
    assert plan.quotas == {entity: {"producer_byte_rate": 5.0, "consumer_byte_rate": None}}
    assert planned(text, Seen(quotas={entity: {"producer_byte_rate": 5.0, "request_percentage": 1.0}})).is_empty


def test_acls_that_are_missing_are_added() -> None:
    text = "acls: [{principal: 'User:a', operations: [read, write], topic: t}]"

    assert planned(text, Seen(acls=frozenset({ACL}))).acls == [ACL._replace(operation="WRITE")]


def test_nothing_is_deleted_without_prune() -> None:
    found = Seen(
        topics={"t": topic(configs={"a": "1"}), "other": topic()},
        credentials={"a": {"SCRAM-SHA-512": 4096, "SCRAM-SHA-256": 4096}},
        quotas={(("user", "a"),): {"producer_byte_rate": 1.0, "consumer_byte_rate": 1.0}},
        acls=frozenset({ACL, ACL._replace(operation="WRITE"), ACL._replace(principal="User:b")}),
    )
    text = """
        topics: {t: {}}
        users: {a: {scram-sha-512: {}}}
        quotas: [{user: a, limits: {producer_byte_rate: 1}}]
        acls: [{principal: "User:a", operations: read, topic: t}]
        """

    assert planned(text, found).is_empty
    assert lines(planned(text, found, prune=True)) == [
        "change topic t; delete a 1 None",
        "change user a; delete SCRAM-SHA-256 4096 iterations None",
        "change quota user a; delete consumer_byte_rate 1 None",
        "delete acl User:a ALLOW WRITE on topic t",
        "delete topic other",
    ]


def test_prune_leaves_internal_topics_alone_and_all_topics_if_the_file_declares_none() -> None:
    internal = topic()._replace(is_internal=True)
    found = Seen(topics={"t": topic(), "kept": internal, "__other_system": topic(), "records": topic(written=True)})
    record = "{apiVersion: kafka.jikkou.io/v1, kind: KafkaTableRecord, spec: {topic: records, value: {data: v}}}"

    assert planned(f"topics: {{new: {{}}}}\n---\n{record}", found, prune=True).deleted_topics == ["t"]
    assert planned("quotas: [{user: a, limits: {producer_byte_rate: 1}}]", found, prune=True).count(Action.DELETE) == 0
