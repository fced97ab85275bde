"""Which authorizer a broker has, and how it is set up."""

import pytest

from pykafka_cli.properties.authorization import OF_KRAFT, OF_ZOOKEEPER, Authorization, read_authorization
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import BadProperty


def read(*, is_kraft_node: bool = False, **given: str) -> Authorization | None:
    originals = {key.replace("_", "."): text for key, text in given.items()}
    return read_authorization(originals, {}, is_kraft_node=is_kraft_node)


def test_by_default_there_is_none() -> None:
    assert read() is None
    assert read(authorizer_class_name="", super_users="User:admin") is None


@pytest.mark.parametrize("text", ["User:a;User:b;", " User:a ;; User:b ; "])
def test_nothing_between_semicolons_is_nobody(text: str) -> None:
    """Kafka, too, accepts one at the end."""
    authorization = read(authorizer_class_name=OF_ZOOKEEPER, super_users=text)

    assert authorization is not None
    assert authorization.super_users == {"User:a", "User:b"}


def test_super_users_are_parted_by_semicolons() -> None:
    authorization = read(authorizer_class_name=OF_ZOOKEEPER, super_users="User:CN=a,O=b; User:admin")

    assert authorization == Authorization(frozenset({"User:CN=a,O=b", "User:admin"}), allows_everyone=False)


def test_everyone_may_be_allowed_what_no_acl_is_about() -> None:
    authorization = read(authorizer_class_name=OF_ZOOKEEPER, allow_everyone_if_no_acl_found=" TRUE ")

    assert authorization == Authorization(frozenset(), allows_everyone=True)


def test_a_kraft_node_has_the_authorizer_of_kafka_4() -> None:
    assert read(is_kraft_node=True, authorizer_class_name=OF_KRAFT) == Authorization(frozenset(), False)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("authorizer.class.name", "com.example.Mine", f"with ZooKeeper there is {OF_ZOOKEEPER}"),
        ("authorizer.class.name", OF_KRAFT, f"with ZooKeeper there is {OF_ZOOKEEPER}"),
        ("super.users", "admin", "expected a string in format principalType:principalName but got admin"),
        ("allow.everyone.if.no.acl.found", "maybe", "must be true or false"),
        ("authorizer.zookeeper.url", "elsewhere:2181", "keeps ACLs in the cluster's own ZooKeeper"),
    ],
)
def test_what_cannot_be_set_up_refuses_to_start(key: str, text: str, words: str) -> None:
    given = [
        Property("zookeeper.connect", "z", 1),
        *([] if key == "authorizer.class.name" else [Property("authorizer.class.name", OF_ZOOKEEPER, 2)]),
        Property(key, text, 3),
    ]

    with pytest.raises(BadProperty) as refused:
        BrokerSettings(given)

    assert (refused.value.key, refused.value.line) == (key, 3)
    assert words in str(refused.value)
