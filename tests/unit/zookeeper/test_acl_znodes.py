"""The znodes of ACLs, as Kafka's broker wrote them."""

import json
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.acls import AclEntry, AclOperation, AclPermission, PatternType, ResourcePattern, ResourceType
from pykafka_cli.zookeeper import acl_znodes
from pykafka_cli.zookeeper.znode_data import BadZnode

RECORDED = Path(__file__).parents[2] / "vectors" / "znodes" / "06-acls.json"


def recorded() -> dict[str, bytes | None]:
    """Data by path, as Kafka's broker left them after some ACLs were added."""
    znodes: list[dict[str, Any]] = json.loads(RECORDED.read_text())["znodes"]
    return {each["path"]: None if each["data"] is None else each["data"].encode() for each in znodes}


def test_the_paths_are_those_that_kafka_makes() -> None:
    assert set(acl_znodes.PERSISTENT_PATHS) <= set(recorded())


@pytest.mark.parametrize(
    "pattern",
    [
        ResourcePattern(ResourceType.TOPIC, "t"),
        ResourcePattern(ResourceType.TRANSACTIONAL_ID, "*"),
        ResourcePattern(ResourceType.CLUSTER, "kafka-cluster"),
        ResourcePattern(ResourceType.TOPIC, "t.", PatternType.PREFIXED),
    ],
)
def test_acls_are_read_and_written_byte_for_byte(pattern: ResourcePattern) -> None:
    path = acl_znodes.acls_path(pattern)
    data = recorded()[path]

    assert acl_znodes.encode_acls(acl_znodes.decode_acls(path, data)) == data


def test_an_entry_has_kafkas_words() -> None:
    path = "/kafka-acl-extended/prefixed/Topic/t."

    assert acl_znodes.decode_acls(path, recorded()[path]) == (
        AclEntry("User:eve", "127.0.0.9", AclOperation.WRITE, AclPermission.DENY),
    )


def test_changes_are_read_and_written_byte_for_byte() -> None:
    changes = {path: data for path, data in recorded().items() if acl_znodes.CHANGE_PREFIX in path}

    for path, data in changes.items():
        pattern = acl_znodes.decode_change(path, data)
        assert acl_znodes.encode_change(pattern) == data
        assert path.startswith(acl_znodes.change_path(pattern))
    assert len(changes) == 5


@pytest.mark.parametrize(
    "data", [b"nonsense", b"[]", b'{"version":2,"acls":[]}', b'{"version":1,"acls":[{"principal":"alice"}]}']
)
def test_what_is_no_acl_is_reported_with_its_path(data: bytes) -> None:
    with pytest.raises(BadZnode, match=r"^/kafka-acl/Topic/t "):
        acl_znodes.decode_acls("/kafka-acl/Topic/t", data)


@pytest.mark.parametrize("data", [None, b"nothing", b"PLANET:earth"])
def test_a_change_of_nothing_known_is_reported_with_its_path(data: bytes | None) -> None:
    with pytest.raises(BadZnode, match=r"^/kafka-acl-changes/acl_changes_0 "):
        acl_znodes.decode_change("/kafka-acl-changes/acl_changes_0", data)
