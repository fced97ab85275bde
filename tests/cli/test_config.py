"""Clusters by name: what `pk config` keeps, and when commands go by it."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from pykafka_cli.cli import run
from pykafka_cli.clients.named_clusters import NamedCluster, NamedClusters, read_clusters
from pykafka_cli.script import opening


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "pk" / "config.yaml"
    monkeypatch.setenv("PK_CONFIG", str(path))
    return path


class Asked(Exception):
    """In place of a session: where it would have gone, and with which client id."""


class NoSession:
    def __init__(self, bootstrap: str, settings: Any, **_: bool) -> None:
        raise Asked(bootstrap, settings.client_id)


class TestTopics:
    """`pk topics --list`, stopped before it connects."""

    LIST: ClassVar = ["topics", "--list"]

    @pytest.fixture(autouse=True)
    def staging(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(opening, "check_resolvable", lambda *_: None)
        monkeypatch.setattr(opening, "Session", NoSession)
        monkeypatch.setenv("PK_DEBUG", "1")
        self.properties = tmp_path / "staging.properties"
        self.properties.write_text("client.id=mine\n")
        assert (
            run(["config", "set", "staging", "--bootstrap-server", "s:1", "--command-config", str(self.properties)])
            == 0
        )
        assert run(["config", "set", "other", "--bootstrap-server", "o:1"]) == 0
        assert run(["config", "use", "staging"]) == 0

    def asked(self, *words: str) -> tuple[str, str]:
        with pytest.raises(Asked) as where:
            run([*self.LIST, *words])
        bootstrap, client_id = where.value.args
        return bootstrap, client_id

    def test_the_current_cluster_is_asked_with_its_properties(self) -> None:
        assert self.asked() == ("s:1", "mine")

    def test_the_command_line_goes_first_and_takes_no_properties_of_another_cluster(self) -> None:
        assert self.asked("--bootstrap-server", "x:1") == ("x:1", "pk")

    def test_the_environment_goes_first_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PK_BOOTSTRAP_SERVER", "e:1")
        assert self.asked() == ("e:1", "pk")

    def test_a_variable_chooses_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PK_CLUSTER", "other")
        assert self.asked() == ("o:1", "pk")

    def test_properties_on_the_command_line_are_those_that_count(self, tmp_path: Path) -> None:
        (tmp_path / "other.properties").write_text("client.id=hers\n")
        assert self.asked("--command-config", str(tmp_path / "other.properties")) == ("s:1", "hers")

    def test_none_is_current_any_more(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["config", "use", "--none"]) == 0
        assert run(self.LIST) == 1
        assert "--bootstrap-server must be specified" in capsys.readouterr().err

    def test_a_cluster_that_is_not_there_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PK_CLUSTER", "gone")
        assert run(self.LIST) == 1
        assert "has no cluster gone, which PK_CLUSTER names" in capsys.readouterr().err


def test_what_was_set_can_be_read_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["config", "set", "b", "--bootstrap-server", "b:1"])
    run(["config", "set", "a", "--bootstrap-server", "a:1,a:2"])
    run(["config", "use", "b"])
    assert read_clusters() == NamedClusters({"a": NamedCluster("a:1,a:2"), "b": NamedCluster("b:1")}, "b")

    capsys.readouterr()
    assert run(["config", "list"]) == 0
    assert capsys.readouterr().out == "\ta\ta:1,a:2\t\n*\tb\tb:1\t\n"

    assert run(["config", "remove", "b"]) == 0
    assert read_clusters() == NamedClusters({"a": NamedCluster("a:1,a:2")})
    assert [path.name for path in file.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["use", "x"], 1, "has no cluster x"),
        (["remove", "x"], 1, "has no cluster x"),
        (["use"], 2, "Give the name of a cluster, or --none"),
        (["set", "x"], 2, "Missing option '--bootstrap-server'"),
        (["set", "x", "--bootstrap-server", "nohost"], 2, "Invalid url in bootstrap.servers: nohost"),
        (["set", "x", "--bootstrap-server", "h:1", "--command-config", "/no/such"], 2, "/no/such"),
    ],
)
def test_what_makes_no_sense_is_rejected(
    words: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", *words]) == status
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "clusters: [1",
        "[]",
        "clusters: 5",
        "clusters: {}\ncurrent: 5",
        "clusters: {a: {}}",
        "clusters: {a: {bootstrap-server: 'h:1', command-config: 5}}",
    ],
)
def test_a_file_that_cannot_be_understood_is_named(file: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir()
    file.write_text(text)

    assert run(["topics", "--list"]) == 1
    assert str(file) in capsys.readouterr().err
    assert run(["topics", "--list", "--bootstrap-server", "nohost"]) == 1
    assert str(file) not in capsys.readouterr().err
