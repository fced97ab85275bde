"""What one connection may do, how often that is looked up, and what is logged."""

import logging

import pytest

from pykafka_cli.acls import AclEntry, AclOperation, AclPermission, ResourcePattern, ResourceType
from pykafka_cli.broker.security import authorizer
from pykafka_cli.broker.security.authorizer import Authorizer, Rights
from pykafka_cli.broker.security.rules import AclRules, Client
from pykafka_cli.protocol.api_keys import ApiKey

TOPIC = ResourcePattern(ResourceType.TOPIC, "t")
MAY_READ = AclEntry("User:alice", "*", AclOperation.READ, AclPermission.ALLOW)


class CountingRules(AclRules):
    """Counts how often a decision was made."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def allow(self, client: Client, operation: AclOperation, type_: ResourceType, name: str) -> bool:
        self.asked += 1
        return super().allow(client, operation, type_, name)


def may_read(rights: Rights, name: str = "t", *, is_asked_for: bool = True) -> bool:
    return rights.allow(
        AclOperation.READ, ResourceType.TOPIC, name, api_key=ApiKey.FETCH, count=2, is_asked_for=is_asked_for
    )


def test_a_decision_is_made_once_for_a_connection() -> None:
    rules = CountingRules()
    rules.replace(TOPIC, [MAY_READ])
    rights = Authorizer(rules, ()).rights_of("User:alice", "10.0.0.1")

    assert [may_read(rights) for _ in range(3)] == [True] * 3

    assert rules.asked == 1


def test_a_decision_is_made_again_when_the_acls_have_changed() -> None:
    rules = CountingRules()
    rules.replace(TOPIC, [MAY_READ])
    rights = Authorizer(rules, ()).rights_of("User:alice", "10.0.0.1")
    assert may_read(rights)

    rules.replace(TOPIC, [])

    assert not may_read(rights)


def test_only_so_many_decisions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorizer, "MOST_KNOWN", 2)
    rules = CountingRules()
    rights = Authorizer(rules, ()).rights_of("User:alice", "10.0.0.1")

    for name in ("a", "b", "c", "a"):
        may_read(rights, name)

    assert rules.asked == 4


def test_super_users_may_do_everything() -> None:
    rules = CountingRules()
    rules.replace(TOPIC, [MAY_READ._replace(principal="User:admin", permission=AclPermission.DENY)])

    assert may_read(Authorizer(rules, {"User:admin"}).rights_of("User:admin", "10.0.0.1"))
    assert not may_read(Authorizer(rules, {"User:admin"}).rights_of("User:other", "10.0.0.1"))


def test_operations_are_told_as_bits() -> None:
    rules = AclRules()
    rules.replace(TOPIC, [MAY_READ])
    rights = Authorizer(rules, ()).rights_of("User:alice", "10.0.0.1")

    bits = rights.operations(ResourceType.TOPIC, "t", api_key=ApiKey.METADATA)

    assert bits == 1 << AclOperation.READ | 1 << AclOperation.DESCRIBE


def test_a_denial_is_logged_each_time_in_kafkas_words(caplog: pytest.LogCaptureFixture) -> None:
    rights = Authorizer(AclRules(), ()).rights_of("User:alice", "10.0.0.1")

    with caplog.at_level(logging.INFO, "kafka.authorizer.logger"):
        may_read(rights)
        may_read(rights)
        may_read(rights, is_asked_for=False)

    denial = (
        "Principal = User:alice is Denied Operation = Read from host = 10.0.0.1 on resource = Topic:LITERAL:t "
        "for request = Fetch with resourceRefCount = 2"
    )
    assert caplog.messages == [denial, denial]


def test_permissions_are_logged_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    rights = Authorizer(AclRules(), {"User:alice"}).rights_of("User:alice", "10.0.0.1")

    with caplog.at_level(logging.DEBUG, "kafka.authorizer.logger"):
        may_read(rights)

    assert [line for line in caplog.messages if "is Allowed Operation = Read" in line]
