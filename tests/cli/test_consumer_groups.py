"""pk consumer-groups where the recorded cases do not go: other outputs, plans through files, groups that are in use."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.consoles import Talk
from tests.support.running import RunningCluster, pk


@pytest.fixture
def group(cluster: RunningCluster, request: pytest.FixtureRequest) -> str:
    """A group that has read 3 of 10 records of a topic with its own name."""
    name: str = request.node.name.replace("[", "-").replace("]", "")
    bootstrap = ["--bootstrap-server", cluster.bootstrap]
    pk("topics", *bootstrap, "--create", "--topic", name, "--partitions", "1")
    pk("console-producer", *bootstrap, "--topic", name, stdin="".join(f"{number}\n" for number in range(10)))
    read = pk(
        "console-consumer", *bootstrap, "--topic", name, "--group", name, "--from-beginning", "--max-messages", "3"
    )
    assert read.stdout.split() == ["0", "1", "2"]
    return name


def groups(cluster: RunningCluster, *words: str) -> str:
    done = pk("consumer-groups", "--bootstrap-server", cluster.bootstrap, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(cluster: RunningCluster, *words: str) -> Any:
    return json.loads(groups(cluster, *words, "--output", "json"))


def next_offset(cluster: RunningCluster, group: str) -> int:
    (found,) = documents(cluster, "--describe", "--group", group)
    offset: int = found["partitions"][0]["current_offset"]
    return offset


def test_a_list_as_json_has_types_states_and_protocols(cluster: RunningCluster, group: str) -> None:
    listed = {"group": group, "type": "Classic", "state": "Empty", "protocol": "consumer"}

    assert listed in documents(cluster, "--list")


def test_offsets_as_json_are_numbers(cluster: RunningCluster, group: str) -> None:
    (found,) = documents(cluster, "--describe", "--group", group)

    assert found["state"] == "Empty"
    assert found["partitions"] == [
        {
            "topic": group, "partition": 0, "current_offset": 3, "log_end_offset": 10, "lag": 7, "consumer_id": None,
            "host": None, "client_id": None,
        }
    ]  # fmt: skip


def test_members_and_state_as_json(cluster: RunningCluster, group: str) -> None:
    words = [
        "console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", group, "--group", group,
        "--consumer-property", "client.id=me",
    ]  # fmt: skip
    with Talk(words) as talk:
        talk.read_until("9\n")
        (members,) = documents(cluster, "--describe", "--group", group, "--members")
        (state,) = documents(cluster, "--describe", "--group", group, "--state")

    (member,) = members["members"]
    assert member["client_id"] == "me"
    assert member["assignment"] == [{"topic": group, "partition": 0}]
    assert (state["state"], state["assignment_strategy"], state["member_count"]) == ("Stable", "range", 1)


def test_yaml_and_table_show_the_same(cluster: RunningCluster, group: str) -> None:
    as_yaml = groups(cluster, "--describe", "--group", group, "--output", "yaml")
    as_table = groups(cluster, "--describe", "--group", group, "--output", "table")

    assert "current_offset: 3\n" in as_yaml
    assert f"{group}  Empty" in as_table


def test_a_plan_is_only_shown_until_it_is_executed(cluster: RunningCluster, group: str) -> None:
    words = ["--group", group, "--topic", group, "--reset-offsets", "--to-earliest"]

    groups(cluster, *words, "--dry-run")
    assert next_offset(cluster, group) == 3
    groups(cluster, *words, "--execute")
    assert next_offset(cluster, group) == 0


def test_an_exported_plan_can_be_imported(cluster: RunningCluster, group: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    words = ["--group", group, "--topic", group, "--reset-offsets"]

    file.write_text(groups(cluster, *words, "--shift-by", "4", "--export", "--dry-run"))
    assert file.read_text() == f'"{group}",0,7\n\n'  # Kafka's CSV quotes what is longer than 24 characters
    groups(cluster, *words[:2], "--reset-offsets", "--from-file", str(file), "--execute")

    assert next_offset(cluster, group) == 7


@pytest.mark.parametrize(
    ("mode", "offset"),
    [
        (["--to-latest"], 10),
        (["--to-current"], 3),
        (["--to-offset", "5"], 5),
        (["--to-offset", "500"], 10),
        (["--shift-by", "-2"], 1),
        (["--shift-by", "-20"], 0),
        (["--by-duration", "P1D"], 0),
        (["--to-datetime", "2020-01-01T00:00:00.000Z"], 0),
        (["--to-datetime", "2100-01-01T00:00:00.000+02:00"], 10),
    ],
)
def test_every_way_to_choose_an_offset(cluster: RunningCluster, group: str, mode: list[str], offset: int) -> None:
    groups(cluster, "--group", group, "--topic", f"{group}:0", "--reset-offsets", *mode, "--execute")

    assert next_offset(cluster, group) == offset


def test_a_group_in_use_can_be_neither_reset_nor_deleted(cluster: RunningCluster, group: str) -> None:
    bootstrap = ["--bootstrap-server", cluster.bootstrap]
    with Talk(["console-consumer", *bootstrap, "--topic", group, "--group", group]) as talk:
        talk.read_until("9\n")
        reset = pk(
            "consumer-groups", *bootstrap, "--group", group, "--topic", group, "--reset-offsets", "--to-earliest",
            "--execute",
        )  # fmt: skip
        deleted = pk("consumer-groups", *bootstrap, "--group", group, "--delete")

    assert (reset.returncode, deleted.returncode) == (1, 1)
    assert "Assignments can only be reset if the group" in reset.stderr + reset.stdout
    assert "org.apache.kafka.common.errors.GroupNotEmptyException" in deleted.stderr + deleted.stdout
    assert group in groups(cluster, "--list").splitlines()


def test_a_group_that_was_deleted_is_gone(cluster: RunningCluster, group: str) -> None:
    groups(cluster, "--group", group, "--delete")

    assert group not in groups(cluster, "--list").splitlines()
