"""`pk zookeeper-shell` beyond the golden case: how it is called, at a terminal, and when there is no server."""

import json
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from pykafka_cli.cli import run
from pykafka_cli.commands import zookeeper_shell
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.running import PK, RunningCluster, pk


def shell(cluster: RunningCluster, typed: str, *, chroot: str = "") -> str:
    done = pk("zookeeper-shell", cluster.zookeeper + chroot, stdin=typed)
    return done.stdout.partition("path:null\n")[2] + done.stderr


def test_without_words_it_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zookeeper-shell"]) == 1
    out = capsys.readouterr().out
    assert out == "USAGE: pk zookeeper-shell zookeeper_host:port[/path] [-zk-tls-config-file file] [args...]\n"


def test_help_is_shown_in_place_of_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zookeeper-shell", "--help"]) == 0
    assert "HOST:PORT[/PATH]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-zk-tls-config-file"], "Error: no filename provided with option -zk-tls-config-file\n"),
        (["-zk-tls-config-file", "/nowhere", "ls", "/"], "/nowhere: no such file or directory\n"),
        (["-timeout"], "Error: no argument found for option -timeout\n"),
        (["-timeout", "soon", "ls", "/"], 'For input string: "soon"\n'),
    ],
)
def test_words_before_the_command_that_cannot_be_used_are_reported(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["zookeeper-shell", "localhost:1", *words]) == 1
    assert capsys.readouterr().err == said


def test_stores_that_cannot_be_read_are_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tls.properties"
    file.write_text("zookeeper.ssl.truststore.location=/trust.jks\n")

    assert run(["zookeeper-shell", "localhost:1", "-zk-tls-config-file", str(file), "ls", "/"]) == 1
    assert capsys.readouterr().err.startswith(
        "TLS to ZooKeeper cannot be used: zookeeper.ssl.truststore.location=/trust.jks: no such file or directory\n"
    )


def test_no_server_is_reported_in_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(zookeeper_shell, "CONNECTION_WITHIN_S", 0.2)
    address = f"127.0.0.1:{free_port()}"

    assert run(["zookeeper-shell", address, "ls", "/"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"Connecting to {address}\n")
    assert err == f"KeeperErrorCode = ConnectionLoss for /\nNo ZooKeeper server at {address} responded within 0.2 s.\n"


def test_the_status_is_that_of_the_last_command(cluster: RunningCluster) -> None:
    statuses = [
        pk("zookeeper-shell", cluster.zookeeper, stdin=typed).returncode
        for typed in ("", "ls /nothing\n", "ls /nothing\nls /\n", "nonsense\n", "ls /nothing\nquit\nls /\n")
    ]
    assert statuses == [0, 1, 0, 127, 1]


def test_paths_are_below_the_chroot_and_events_report_them_so(cluster: RunningCluster) -> None:
    shell(cluster, "create /chroot-test x\n")

    said = shell(cluster, "create /a 1\nls -w /\ncreate /b 2\ngetAllChildrenNumber /\nls -R /\n", chroot="/chroot-test")

    assert said == (
        "[a]\n\nWATCHER::\n\nWatchedEvent state:SyncConnected type:NodeChildrenChanged path:/\n2\n/\n/a\n/b\n"
        "Created /a\nCreated /b\n"
    )


def test_watches_that_stay_report_of_every_change_until_they_are_removed(cluster: RunningCluster) -> None:
    said = shell(
        cluster,
        "create /stays x\naddWatch /stays\nset /stays 1\nset /stays 2\ncreate /stays/below x\n"
        "removewatches /stays\nset /stays 3\ndeleteall /stays\n",
    )

    assert re.findall(r"type:(\w+) path:(\S+)", said) == [
        ("NodeDataChanged", "/stays"), ("NodeDataChanged", "/stays"), ("NodeCreated", "/stays/below"),
    ]  # fmt: skip


def test_answers_and_events_are_documents_where_that_is_asked_for(cluster: RunningCluster) -> None:
    typed = """
        create /answers x
        create /answers/below y
        ls -R /answers
        ls -w /answers
        getAllChildrenNumber /answers
        get /nothing
        set -v 0 /answers z
        get /answers
        setAcl -R /answers world:anyone:cdrwa
        addauth digest me:mine
        sync /answers
        setquota -n 7 /answers
        listquota /answers
        delquota /answers
        addWatch -m persistent /answers/below
        removewatches /answers/below
        stat /answers/below
        delete /answers/below
        create /answers/2
        deleteall /answers
        whoami
        version
        printwatches off
        history
        close
    """

    done = pk("zookeeper-shell", "--output=json", cluster.zookeeper, stdin=dedent(typed))

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    events = [answer for answer in answers if "event" in answer]
    assert events == [{"event": "NodeChildrenChanged", "state": "SyncConnected", "path": "/answers"}]
    said = {answer["command"]: answer for answer in answers if "command" in answer}
    assert list(said) == [
        "create", "ls", "getAllChildrenNumber", "set", "get", "setAcl", "addauth", "sync", "setquota", "listquota",
        "delquota", "addWatch", "removewatches", "stat", "delete", "deleteall", "whoami", "version", "printwatches",
        "history", "close",
    ]  # fmt: skip
    assert [answer["paths"] for answer in answers if "paths" in answer] == [["/answers", "/answers/below"]]
    assert said["ls"]["children"] == ["below"]
    assert (said["get"]["data"], said["get"]["stat"]["version"], said["set"]["stat"]["data_length"]) == ("z", 1, 1)
    assert (said["setAcl"]["changed"], said["setAcl"]["failed"], said["sync"]["error_code"]) == (2, 0, 0)
    assert (said["setquota"]["quota"]["count"], said["listquota"]["quota"]["count"]) == (7, 7)
    assert (said["deleteall"]["deleted"], said["deleteall"]["failed"]) == (2, 0)
    assert said["printwatches"]["prints_watches"] is False
    assert said["history"]["lines"][-1] == "history"
    assert said["whoami"]["clients"][0]["scheme"] in ("ip", "digest")
    assert "Node does not exist: /nothing\n" in done.stderr
    assert f"Connecting to {cluster.zookeeper}\n" in done.stderr


def test_events_are_not_printed_once_that_is_switched_off(cluster: RunningCluster) -> None:
    said = shell(cluster, "create /quiet x\nget -w /quiet\nprintwatches off\nset /quiet y\ndelete /quiet\nclose\n")

    assert said == "x\nCreated /quiet\n"


def test_thousands_of_znodes_are_deleted_children_first(cluster: RunningCluster) -> None:
    created = "".join(f"create /many/{name}\n" for name in range(300)) + "create /many/7/a\ncreate /many/7/a/b\n"

    said = shell(cluster, f"create /many\n{created}getAllChildrenNumber /many\ndeleteall -b 50 /many\nls /many\n")

    assert said.startswith("302\n")
    assert said.endswith("Node does not exist: /many\n")


@pytest.fixture
def terminal(cluster: RunningCluster) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A shell at a terminal: the process, and our end of the terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb"}
    process = subprocess.Popen(
        [PK, "zookeeper-shell", cluster.zookeeper], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    yield process, ours
    os.close(ours)
    process.kill()
    process.wait()


def read_until(descriptor: int, expected: str) -> str:
    """What appears up to and with the expected text."""
    seen, deadline = "", time.monotonic() + PATIENCE_S
    while expected not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{expected!r} did not appear in {seen!r}"
        seen += os.read(descriptor, 4096).decode()
    return seen


def test_at_a_terminal_there_is_a_prompt_and_words_are_completed(
    terminal: tuple["subprocess.Popen[bytes]", int], cluster: RunningCluster
) -> None:
    process, screen = terminal

    assert "JLine support is enabled" in read_until(screen, f"[zk: {cluster.zookeeper}(CONNECTED) 0] ")
    os.write(screen, b"ls /brok\t/i\t\n")
    assert re.search(r"ls /brokers/ids\s+\[0\]\s", read_until(screen, "(CONNECTED) 1] "))
    os.write(screen, b"quit\n")
    read_until(screen, "state:Closed")
    assert process.wait(PATIENCE_S) == 0
