"""ZooKeeper's own shell on our server; ZooKeeper's server on our files, and ours on its files."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.protocol.states import ZnodeStat
from kazoo.security import OPEN_ACL_UNSAFE, make_acl, make_digest_acl

from tests.support import peers
from tests.support.polling import PATIENCE_S
from tests.support.zookeeper.servers import (
    DebianZooKeeper,
    PkZooKeeper,
    ZooKeeperProcess,
    four_letter_word,
    pk_zookeeper,
)

COMMANDS = """create /shell first
create -s /shell/n- sequential
create -e /shell/e ephemeral
create -c /shell/c container
create -t 60000 /shell/ttl ttl
get -s -w /shell
set /shell second
set -v 0 /shell stale
ls -R /shell
getAcl /shell
addauth digest alice:alice-secret
setAcl /shell auth::cdrwa
getAcl /shell
getEphemerals /
getAllChildrenNumber /shell
addWatch -m PERSISTENT_RECURSIVE /shell
create /shell/watched
removewatches /shell
sync /
delete /shell
deleteall /shell
whoami
ls /
ls /zookeeper
close
quit
"""
PRINTED = (
    "Created /shell",
    "Created /shell/n-0000000000",
    "Created /shell/e",
    "Created /shell/c",
    "KeeperErrorCode = Unimplemented for /shell/ttl",
    "first",
    "numChildren = 3",
    "WatchedEvent state:SyncConnected type:NodeDataChanged path:/shell",
    "version No is not valid : /shell",
    "'world,'anyone",
    "'digest,'alice:JYdjG/dL2+v79QyuS8/0gpT+rQQ=",
    "[/shell/e]",
    "WatchedEvent state:SyncConnected type:NodeCreated path:/shell/watched",
    "Created /shell/watched",
    "Sync is OK",
    "Node not empty: /shell",
    "digest: alice",
    "[zookeeper]",
    "[config, quota]",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PkZooKeeper]:
    with pk_zookeeper(tmp_path) as running:
        yield running


def test_zookeepers_shell_prints_what_it_prints_on_zookeeper(server: PkZooKeeper) -> None:
    classpath = peers.debian_zookeeper_classpath()
    main = "org.apache.zookeeper.ZooKeeperMain"
    done = subprocess.run(
        [peers.java(), "-cp", classpath, main, "-server", server.address],
        input=COMMANDS,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    printed = done.stdout + done.stderr
    assert [line for line in PRINTED if line not in printed] == []


def fill(server: ZooKeeperProcess, root: str) -> None:
    """Make znodes of every kind, and change and delete some."""
    client = KazooClient(server.address, timeout=4)
    client.start(PATIENCE_S)
    client.create(root, b"root")
    client.create(f"{root}/null-data", None)
    client.create(
        f"{root}/acl", b"", acl=[make_digest_acl("alice", "secret", read=True), make_acl("ip", "10.0.0.0/8", read=True)]
    )
    for number in range(5):
        client.create(f"{root}/n-", b"%d" % number, sequence=True)
    client.delete(f"{root}/n-0000000003")
    client.set(root, b"changed")
    client.set_acls(f"{root}/n-0000000004", OPEN_ACL_UNSAFE)
    client.create(f"{root}/e", b"", ephemeral=True)
    for works in (True, False):
        transaction = client.transaction()
        transaction.create(f"{root}/multi", b"m")
        transaction.set_data(f"{root}/multi", b"mm")
        transaction.check(root, 1 if works else 7)
        transaction.delete(f"{root}/n-0000000002")
        transaction.commit()
    client.stop()
    client.close()


def znodes(server: ZooKeeperProcess) -> dict[str, tuple[bytes | None, ZnodeStat, object]]:
    """Data, stat and ACL of everything."""
    client = KazooClient(server.address, timeout=4, auth_data=[("digest", "alice:secret")])
    client.start(PATIENCE_S)
    found = {}
    paths = ["/"]
    while paths:
        path = paths.pop()
        data, stat = client.get(path)
        found[path] = (data, stat, client.get_acls(path)[0])
        paths += [f"{path.rstrip('/')}/{name}" for name in client.get_children(path)]
    client.stop()
    client.close()
    return found


def digest_mismatches(server: ZooKeeperProcess) -> bytes:
    figures = dict(line.split(b"\t") for line in four_letter_word(server.port, b"mntr").splitlines())
    return figures[b"zk_digest_mismatches_count"]


def test_zookeeper_continues_with_our_files_and_we_continue_with_its(tmp_path: Path) -> None:
    ours = PkZooKeeper(tmp_path, keys="snapCount=10")
    theirs = DebianZooKeeper(tmp_path, data=ours.data)
    theirs.command()  # skips here if there is none
    try:
        ours.start()
        fill(ours, "/a")
        before = znodes(ours)
        ours.kill()

        theirs.start()
        assert znodes(theirs) == before
        assert digest_mismatches(theirs) == b"0"
        fill(theirs, "/b")
        before = znodes(theirs)
        theirs.kill()

        ours.start()
        assert znodes(ours) == before
        fill(ours, "/c")
        before = znodes(ours)
        ours.kill()
        assert "differ from what they were" not in ours.output.read_text()

        theirs.start()
        assert znodes(theirs) == before
        assert digest_mismatches(theirs) == b"0"
    finally:
        ours.kill()
        theirs.kill()


def test_a_session_moves_from_our_server_to_zookeepers(tmp_path: Path) -> None:
    """Its password follows from its id, so the other server takes it."""
    ours = PkZooKeeper(tmp_path)
    theirs = DebianZooKeeper(tmp_path, data=ours.data)
    theirs.command()
    try:
        ours.start()
        first = KazooClient(ours.address, timeout=10)
        first.start(PATIENCE_S)
        first.create("/e", b"", ephemeral=True)
        session = first.client_id
        ours.kill()

        theirs.start()
        second = KazooClient(theirs.address, timeout=10, client_id=session)
        second.start(PATIENCE_S)

        assert second.client_id == session
        assert second.get("/e")[1].owner_session_id == session[0]
        second.stop()
        assert "/e" not in znodes(theirs)
        for client in (first, second):
            client.stop()
            client.close()
    finally:
        ours.kill()
        theirs.kill()
