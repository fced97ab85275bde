"""Quotas and times to live: ZooKeeper's shell and ours print the same on its server and on ours."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.running import pk
from tests.support.zookeeper.servers import KafkaZooKeeper, PkZooKeeper, ZooKeeperProcess

KEYS = "enforceQuota=true\nextendedTypesEnabled=true\nznode.container.checkIntervalMs=60000"
COMMANDS = """create /app first
create /app/a 12345
listquota /app
setquota -n 5 /app
listquota /app
setquota -B 20 /app
setquota -N 3 /app
create /app/b 1234567890
create /app/c
listquota /app
set /app/a 1234567890
get /zookeeper/quota/app/zookeeper_stats
setquota -n 1 /app/a
setquota -n 0 /app
setquota /app
setquota -n 5 /nowhere
delete /app/b
listquota /app
delquota -N /app
listquota /app
create /app/d
create /app/e
delquota /app
listquota /app
ls /zookeeper/quota
setquota -n 5 /zookeeper/quota
create -t 60000 /ttl data
create -s -t 60000 /ttl/n
stat /ttl
create -t 0 /ttl/zero
create -t 99999999999999 /ttl/long
create -e -t 10 /ttl/e
create -c /container
create /container/child
stat /container
quit
"""
VARYING = re.compile(r"(?<=time = ).*|(?<=Zxid = )0x[0-9a-f]+")


def printed_by_zookeepers_shell(server: ZooKeeperProcess) -> list[str]:
    main = "org.apache.zookeeper.ZooKeeperMain"
    command = [*peers.small_java(128), "-cp", peers.kafka_classpath(), main, "-server", server.address]
    done = subprocess.run(command, input=COMMANDS, capture_output=True, text=True, timeout=120, check=False)
    return shown(done.stdout)


def printed_by_ours(server: ZooKeeperProcess) -> list[str]:
    return shown(pk("zookeeper-shell", server.address, stdin=COMMANDS).stdout)


def shown(text: str) -> list[str]:
    """What commands print, without the watcher's lines, which come when they come, and what differs by time."""
    lines = VARYING.sub("...", text).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("JLine"))
    return [line for line in lines[start + 1 :] if line and not line.startswith("Watche") and line != "WATCHER::"]


@pytest.mark.parametrize("shell", [printed_by_zookeepers_shell, printed_by_ours])
def test_a_shell_prints_the_same_on_both_servers(shell: object, tmp_path: Path) -> None:
    assert callable(shell)
    ours, theirs = PkZooKeeper(tmp_path, keys=KEYS), KafkaZooKeeper(tmp_path, data=tmp_path / "theirs", keys=KEYS)
    try:
        ours.start()
        theirs.start()
        assert shell(ours) == shell(theirs)
    finally:
        ours.kill()
        theirs.kill()


def test_both_shells_print_the_same(tmp_path: Path) -> None:
    another = tmp_path / "another"
    another.mkdir()
    first, second = PkZooKeeper(tmp_path, keys=KEYS), PkZooKeeper(another, keys=KEYS)
    try:
        first.start()
        second.start()
        assert printed_by_ours(first) == printed_by_zookeepers_shell(second)
    finally:
        first.kill()
        second.kill()


def test_zookeeper_continues_with_what_our_server_counted_and_the_other_way_round(tmp_path: Path) -> None:
    ours = PkZooKeeper(tmp_path, keys=KEYS)
    theirs = KafkaZooKeeper(tmp_path, data=ours.data, keys=KEYS)
    stats = ("get", "/zookeeper/quota/app/zookeeper_stats")
    try:
        ours.start()
        for words in (("create", "/app", "x"), ("setquota", "-n", "5", "/app"), ("create", "/app/a", "123"),
                      ("create", "-t", "60000", "/app/t", "45")):  # fmt: skip
            assert pk("zookeeper-shell", ours.address, *words).returncode == 0
        before = pk("zookeeper-shell", ours.address, *stats).stdout
        ours.kill()

        theirs.start()
        assert pk("zookeeper-shell", theirs.address, *stats).stdout.splitlines()[-1] == before.splitlines()[-1]
        assert pk("zookeeper-shell", theirs.address, "create", "/app/b", "6").returncode == 0
        theirs.kill()

        ours.start()
        assert pk("zookeeper-shell", ours.address, *stats).stdout.splitlines()[-1] == "count=4,bytes=7"
        assert pk("zookeeper-shell", ours.address, "stat", "/app/t").returncode == 0
    finally:
        ours.kill()
        theirs.kill()
