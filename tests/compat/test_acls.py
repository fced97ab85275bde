"""`pk acls` and `pk delegation-tokens` with Apache Kafka: what the scripts printed, on 3.9.1; and on Kafka 4."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acl_brokers import AclBroker, acl_broker
from tests.support.broker_processes import KafkaBroker
from tests.support.golden.cases import CASES, GOLDEN
from tests.support.golden.comparison import disagreements
from tests.support.kafka_4 import Kafka4
from tests.support.kafka_scripts import run_kafka_4
from tests.support.running import pk


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclBroker]:
    with acl_broker(
        KafkaBroker, tmp_path_factory.mktemp("acls"), {"delegation.token.secret.key": "a-secret"}
    ) as broker:
        yield broker


@pytest.mark.parametrize("name", ["acls-manage", "acls-presets", "acls-usage", "acls-zookeeper", "delegation-tokens"])
def test_pk_prints_what_the_script_printed(name: str, kafka: AclBroker, tmp_path: Path) -> None:
    assert not list(disagreements(GOLDEN / name, CASES[name], kafka.addresses, tmp_path))


STANDARD_AUTHORIZER = """\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
ACL_COMMAND = "org.apache.kafka.tools.AclCommand"


@pytest.fixture(scope="module")
def kafka_4(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka4]:
    server = Kafka4(tmp_path_factory.mktemp("acls-4"), more=STANDARD_AUTHORIZER)
    server.start()
    yield server
    server.kill()


def one_acl_each(name: str) -> list[tuple[str, ...]]:
    """Command lines with at most one ACL a resource, since Kafka's script prints several in no order."""
    topic = ("--topic", name)
    add, ann = ("--add", "--operation", "Read"), ("--allow-principal", "User:ann")
    return [
        (*add, *ann, *topic),
        (*add, *ann, *topic),
        ("--list", *topic),
        ("--list", "--principal", "User:ann", "--principal", "User:ben", *topic),
        ("--add", *ann, "--operation", "AlterConfigs", "--group", name),
        ("--add", "--deny-principal", "User:*", "--deny-host", "10.0.0.1", "--cluster", "--operation", "create"),
        (*add, *ann, *topic, "--resource-pattern-type", "prefixed"),
        ("--list", "--topic", f"{name}-more", "--resource-pattern-type", "match"),
        ("--add", *ann, "--resource-pattern-type", "nonsense", *topic),
        ("--add", "--allow-principal", "ann", *topic),
        ("--remove", *topic, "--group", name, "--cluster", "--force"),
        ("--remove", *topic, "--resource-pattern-type", "prefixed", "--force"),
        ("--list",),
    ]


def test_on_kafka_4_the_words_are_those_of_its_script(kafka_4: Kafka4) -> None:
    server = ("--bootstrap-server", kafka_4.bootstrap)
    script = [run_kafka_4(ACL_COMMAND, *server, *words) for words in one_acl_each("theirs")]

    done = [pk("acls", *server, *words) for words in one_acl_each("ours..")]

    assert [printed(each.stdout.replace("ours..", "theirs")) for each in done] == [
        printed(each.stdout) for each in script
    ]
    assert [each.returncode for each in done] == [each.returncode for each in script]


TRACE = re.compile(r"\s+at |\s+\.\.\. \d+ more|Caused by: |(?:[a-z]\w*\.)+\w+Exception: ")


def printed(text: str) -> str:
    """The text without stack traces and the empty lines below them."""
    return "".join(line for line in text.splitlines(keepends=True) if not TRACE.match(line)).rstrip("\n")


def test_on_kafka_4_a_removal_asks_in_its_words(kafka_4: Kafka4) -> None:
    server, what = ("--bootstrap-server", kafka_4.bootstrap), ("--allow-principal", "User:a", "--topic", "asked")
    pk("acls", *server, "--add", *what)
    script = run_kafka_4(ACL_COMMAND, *server, "--remove", *what)  # asks, and then wants a terminal

    done = pk("acls", *server, "--remove", *what, stdin="Y\n")

    question = script.stdout.partition("Error while")[0]
    assert question.endswith("? (y/n)\n")
    assert done.stdout == question
    assert not pk("acls", *server, "--list", "--topic", "asked").stdout


def test_controllers_of_kafka_4_are_asked_as_well(kafka_4: Kafka4) -> None:
    what = ("--allow-principal", "User:a", "--topic", "by-controller", "--operation", "Read")

    added = pk("acls", "--bootstrap-controller", kafka_4.controller, "--add", *what)

    assert added.returncode == 0, added.stdout
    listed = pk("acls", "--bootstrap-controller", kafka_4.controller, "--list", "--topic", "by-controller")
    assert "principal=User:a, host=*, operation=READ" in listed.stdout
