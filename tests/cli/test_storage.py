"""`pk storage` formats the directories of a KRaft node, in the words of Kafka 4.3's kafka-storage.sh."""

import json
import re
import stat
from pathlib import Path

import pytest

from pykafka_cli.cli import run
from tests.support.golden.cases import GOLDEN, load_case
from tests.support.golden.comparison import disagreements
from tests.support.golden.runs import Addresses

FOLDER = GOLDEN / "storage"
NOWHERE = Addresses("127.0.0.1:1", "127.0.0.1:1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The properties of a node whose directory is `data` beside them."""
    path = tmp_path / "server.properties"
    path.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n"
        "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"
        f"log.dirs={tmp_path}/data\n"
    )
    return path


def format_with(file: Path, *words: str) -> int:
    return run(["storage", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(file), "--standalone", *words])


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_pk_prints_what_the_script_printed(name: str, tmp_path: Path) -> None:
    assert not list(disagreements(FOLDER / name, load_case(FOLDER / f"{name}.yaml"), NOWHERE, tmp_path))


def test_passwords_are_neither_printed_nor_kept(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert format_with(file, "--add-scram", "SCRAM-SHA-512=[name=alice,password=alice-secret]") == 0

    (kept,) = (file.parent / "data" / "__cluster_metadata-0").iterdir()
    assert "alice" in kept.read_text()
    assert "alice-secret" not in kept.read_text() + capsys.readouterr().out
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        ("a-secret", "Failed to find equals sign in SCRAM argument '[hidden]'"),
        ("a-secret=[name=a]", "The add-scram mechanism [hidden] is not supported."),
        ("SCRAM-MD5=[name=alice]", "The add-scram mechanism SCRAM-MD5 is not supported."),
        ("SCRAM-SHA-256=x", "Expected configuration string to start with ["),
        ("SCRAM-SHA-256=[]", "No equals sign found in SCRAM component: "),
        ("SCRAM-SHA-256=[name=a,password=a,b]", "No equals sign found in SCRAM component: [hidden]"),
        ("SCRAM-SHA-256=[name=a,password=a,b=c]", "Unknown SCRAM configuration: [hidden]"),
        ("SCRAM-SHA-256=[name=a,pasword=a]", "Unknown SCRAM configuration: pasword"),
        (
            "SCRAM-SHA-256=[name=a,salt=eA==,saltedpassword=!]",
            "Failed to decode given saltedpassword: [hidden]",
        ),
        ("SCRAM-SHA-256=[name=alice]", "You must supply one of 'password' or 'saltedpassword' to add-scram"),
        ("SCRAM-SHA-256=[password=x]", "You must supply 'name' to add-scram"),
        ("SCRAM-SHA-256=[name=a,saltedpassword=eA==]", "You must supply 'salt' with 'saltedpassword' to add-scram"),
        ("SCRAM-SHA-256=[name=a,password=]", "Password must not be empty"),
        ('SCRAM-SHA-256=[name=a,salt=eA==,saltedpassword=""]', "Password must not be empty"),
        (
            "SCRAM-SHA-256=[name=a,password=x,iterations=5]",
            "The 'iterations' value must be >= 4096 for add-scram using SCRAM_SHA_256",
        ),
        ("SCRAM-SHA-256=[name=a,salt=!,password=x]", "Failed to decode given salt: !"),
    ],
)
def test_a_credential_that_cannot_be_is_rejected_before_anything_is_written(
    credential: str, words: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert format_with(file, "--add-scram", credential) == 1

    assert capsys.readouterr().err.splitlines()[-1] == words
    assert not (file.parent / "data").exists()


@pytest.mark.parametrize(
    ("controllers", "words"),
    [
        ("1h", "No @ found in dynamic voter string."),
        ("x@h:1:2zq9yEY9SBe2eBrOjFjZhA", "Failed to parse node id in dynamic voter string."),
        ("3@localhost", "No colon following hostname could be found."),
        ("1@localhost:x:2zq9yEY9SBe2eBrOjFjZhA", "Failed to parse port in dynamic voter string."),
        ("1@[::1]:9093:abc", "Failed to parse directory ID in dynamic voter string."),
    ],
)
def test_controllers_that_cannot_be_read_are_rejected(
    controllers: str, words: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["storage", "format", "-t", "x", "-c", str(file), "--initial-controllers", controllers]) == 1

    assert capsys.readouterr().err.splitlines()[-1] == words


@pytest.mark.parametrize(
    ("controllers", "kind"),
    [
        ("1@h:1:2zq9yEY9SBe2eBrOjFjZhA,2@h:2:3zq9yEY9SBe2eBrOjFjZhA", "dynamic metadata voter"),
        ("5@h:1:2zq9yEY9SBe2eBrOjFjZhA", "dynamic metadata"),
    ],
)
def test_a_node_among_the_initial_controllers_votes_with_the_directory_that_they_name(
    controllers: str, kind: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["storage", "format", "-t", "x", "-c", str(file), "--initial-controllers", controllers]) == 0

    assert f"Formatting {kind} directory" in capsys.readouterr().out
    meta = (file.parent / "data" / "meta.properties").read_text()
    assert ("directory.id=2zq9yEY9SBe2eBrOjFjZhA" in meta) == (kind == "dynamic metadata voter")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--feature", "kraft.version=0"], "Cannot set kraft.version to 0 if controller.quorum.voters is empty"),
        (["--feature", "metadata.version=99"], "No MetadataVersion with feature level 99. Valid feature levels are"),
        (
            ["--feature", "eligible.leader.replicas.version=1", "--release-version", "4.0-IV0"],
            "eligible.leader.replicas.version could not be set to 1 because it depends on metadata.version level 23",
        ),
    ],
)
def test_features_that_do_not_go_together_are_rejected(
    words: list[str], message: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert format_with(file, *words) == 1

    assert capsys.readouterr().err.startswith(message)
    assert not (file.parent / "data").exists()


def test_an_empty_cluster_id_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["storage", "format", "-t", "", "-c", str(file), "--standalone"]) == 1

    assert capsys.readouterr().err == "The cluster id is empty.\n`pk storage random-uuid` prints a new one.\n"
    assert not (file.parent / "data").exists()


def test_log_dirs_that_are_set_to_nothing_are_not_those_of_the_default(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(re.sub("log.dirs=.*", "log.dirs=", file.read_text()))

    assert format_with(file) == 1

    assert "At least one log directory must be defined" in capsys.readouterr().err


def test_what_a_feature_requires_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["storage", "feature-dependencies", "--feature", "eligible.leader.replicas.version=1"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "eligible.leader.replicas.version=1 requires:",
        "    metadata.version=23 (4.0-IV1)",
    ]


def test_info_names_directories_that_are_not_there_or_not_formatted(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert format_with(file) == 0
    (file.parent / "empty").mkdir()
    file.write_text(file.read_text().replace("/data", f"/data,{file.parent}/empty,{file}"))
    capsys.readouterr()

    assert run(["storage", "info", "-c", str(file), "--output", "json"]) == 1

    found = json.loads(capsys.readouterr().out)
    assert found["directories"] == [f"{file.parent}/data", f"{file.parent}/empty"]
    assert found["problems"] == [f"{file.parent}/empty is not formatted.", f"{file} is not a directory"]
    assert found["metadata"]["cluster.id"] == "MkU3OEVBNTcwNTJENDM2Qk"
