"""Names of the cluster are completed."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.polling import until
from tests.support.running import PK, RunningCluster, pk


def in_bash(line: str) -> dict[str, str]:
    """What Typer's script for bash hands over at the end of the line."""
    words = re.findall(r"[:=]+|[^ :=]+|(?<= )$", line)
    return {"_PK_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}


def offered(line: str, shell: str = "bash") -> list[str]:
    """What is handed to the shell when Tab is pressed at the end of the line."""
    environment = (
        os.environ
        | {
            "bash": in_bash(line),
            "zsh": {"_PK_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line},
            "fish": {
                "_PK_COMPLETE": "complete_fish",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
                "_TYPER_COMPLETE_ARGS": line,
            },
        }[shell]
    )
    return subprocess.run([PK], capture_output=True, text=True, check=True, env=environment).stdout.split()


def names_offered(line: str, shell: str = "bash") -> list[str]:
    """The same, once there is anything: on a busy machine the cluster may respond too late for the shell."""
    return until(lambda: offered(line, shell), f"nothing is offered for {line}")


@pytest.fixture(scope="module")
def completed_cluster(cluster: RunningCluster) -> RunningCluster:
    for name in ("completion-one", "completion-two"):
        created = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", name)
        assert created.returncode == 0, created.stderr
    reset = ("--reset-offsets", "--topic", "completion-one", "--to-earliest", "--execute")
    made = pk("consumer-groups", "--bootstrap-server", cluster.bootstrap, "--group", "completion:group", *reset)
    assert made.returncode == 0, made.stderr
    return cluster


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_topics_of_the_cluster_are_offered(shell: str, completed_cluster: RunningCluster) -> None:
    line = f"pk topics --bootstrap-server {completed_cluster.bootstrap} --describe --topic completion-t"

    found = "".join(names_offered(line, shell))

    assert "completion-two" in found
    assert "completion-one" not in found


def test_a_value_behind_an_equals_sign_is_completed(completed_cluster: RunningCluster) -> None:
    line = f"pk topics --bootstrap-server={completed_cluster.bootstrap} --list --topic=completion-t"

    assert names_offered(line) == ["completion-two"]


def test_bash_gets_what_follows_the_break_of_a_name_with_a_colon(completed_cluster: RunningCluster) -> None:
    """It replaces only that part of the word."""
    line = f"pk consumer-groups --bootstrap-server {completed_cluster.bootstrap} --describe --group completion:"

    assert names_offered(line) == ["group"]


@pytest.mark.parametrize("line", ["pk to", "pk topics --output j", "pk config us"])
def test_commands_options_and_words_are_offered(line: str) -> None:
    assert offered(line) in (["topics"], ["json"], ["use"])


@pytest.fixture(scope="module")
def with_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster with an authorizer, users, quotas and ACLs."""
    settings = ("authorizer.class.name=kafka.security.authorizer.AclAuthorizer", "super.users=User:ANONYMOUS")
    overrides = [word for each in settings for word in ("--override", each)]
    running = RunningCluster(tmp_path_factory.mktemp("users") / "data", extra=overrides)
    at = ("--bootstrap-server", running.bootstrap)
    quota = ("--alter", "--add-config", "consumer_byte_rate=1000")
    for words in (
        ("configs", "--alter", "--user", "with-password", "--add-config", "SCRAM-SHA-256=[password=secret]"),
        ("configs", *quota, "--user", "with-quota", "--client", "limited"),
        ("configs", *quota, "--user-defaults"),
        ("configs", "--alter", "--ip", "192.0.2.1", "--add-config", "connection_creation_rate=9"),
        ("acls", "--add", "--allow-principal", "User:with-acl", "--operation", "read", "--topic", "t"),
        ("acls", "--add", "--allow-principal", "User:*", "--operation", "describe", "--topic", "t"),
    ):
        done = pk(*words, *at)
        assert done.returncode == 0, done.stderr
    yield running.bootstrap
    running.stop()


USERS = ["with-acl", "with-password", "with-quota"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("configs --describe --user ", USERS),
        ("configs --describe --entity-type users --entity-name ", USERS),
        ("configs --describe --entity-type clients --entity-name ", ["limited"]),
        ("configs --describe --client l", ["limited"]),
        ("configs --describe --entity-type users --entity-name a --entity-type clients --entity-name ", ["limited"]),
        ("configs --describe --entity-type users --entity-type clients --entity-name ", USERS),
        ("configs --describe --entity-type users --entity-default --entity-type clients --entity-name ", ["limited"]),
        ("configs --describe --ip 192", ["192.0.2.1"]),
        ("acls --list --principal U", ["User:*", *(f"User:{each}" for each in USERS)]),
        ("acls --add --allow-principal User:with-p", ["with-password"]),
    ],
)  # fmt: skip
def test_users_clients_and_principals_are_offered(words: str, expected: list[str], with_users: str) -> None:
    command, _, options = words.partition(" ")

    assert names_offered(f"pk {command} --bootstrap-server {with_users} {options}") == expected


def test_the_rest_is_offered_where_there_are_no_acls(completed_cluster: RunningCluster) -> None:
    at = ("--bootstrap-server", completed_cluster.bootstrap)
    made = pk("configs", *at, "--alter", "--user", "completed", "--add-config", "SCRAM-SHA-256=[password=secret]")
    assert made.returncode == 0, made.stderr

    assert "completed" in names_offered(f"pk configs {' '.join(at)} --describe --user c")
