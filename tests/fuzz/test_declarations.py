"""Any text, and any YAML, is read or rejected with its place; nothing else is raised."""

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import yaml
from hypothesis import given, settings

from pykafka_cli.rules.apply_plan import Seen, make_plan
from pykafka_cli.rules.declarations.documents import BadDeclarations, Problem
from pykafka_cli.rules.declarations.reading import read_declarations

WORDS = st.sampled_from(
    [
        "topics", "users", "quotas", "acls", "partitions", "replication-factor", "configs", "records", "key", "value",
        "headers", "partition", "timestamp", "scram-sha-512", "password", "env", "file", "iterations", "user", "ip",
        "client-id", "limits", "producer_byte_rate", "principal", "User:a", "operations", "read", "topic", "cluster",
        "apiVersion", "kind", "metadata", "name", "spec", "items", "kafka.strimzi.io/v1beta2", "kafka.jikkou.io/v1",
        "KafkaTopic", "KafkaTopicList", "KafkaUser", "KafkaClientQuota", "KafkaPrincipalAuthorization", "List",
        "KafkaTableRecord", "KafkaPrincipalRole", "ConfigMap", "Secret", "data", "stringData", "annotations", "type",
        "authentication", "authentications", "authorization", "simple", "resource", "roles", "entity", "USER",
        "replicas", "config", "configMapRefs", "patternType", "pattern", "MATCH", "valueFrom", "secretKeyRef",
        "jikkou.io/ignore", "jikkou.io/delete", "true", "tls", "",
    ]
)  # fmt: skip
SCALARS = st.one_of(WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=25,
)
RESOURCES = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(["kafka.strimzi.io/v1beta2", "kafka.jikkou.io/v1", "v1"]),
        "kind": WORDS,
        "metadata": st.one_of(VALUES, st.just({"name": "n"})),
        "spec": VALUES,
    }
)


def read(text: str) -> None:
    """Read it, and plan it on an empty cluster."""
    problems: Sequence[Problem] = ()
    try:
        make_plan(read_declarations(text), Seen(), prune=True)
    except BadDeclarations as error:
        problems = error.problems
    assert all(problem.place.line >= 1 and problem.text for problem in problems)


@given(st.text(alphabet=st.sampled_from("ab:-[]{},&*!|>'\"#%@ \n\t<~0é\x00\ud800"), max_size=60))
def test_any_text_is_read_or_rejected(text: str) -> None:
    read(text)


@given(st.lists(st.one_of(VALUES, RESOURCES), max_size=3))
@settings(max_examples=300)
def test_any_documents_are_read_or_rejected(documents: list[Any]) -> None:
    read(yaml.safe_dump_all(documents, allow_unicode=True))
