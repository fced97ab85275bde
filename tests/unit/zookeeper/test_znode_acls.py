import pytest

from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, Acl, Id
from pykafka_cli.zookeeper.znode_acls import default_acl

CREATOR = Acl(31, Id("auth", ""))
EVERYBODY_READS = Acl(1, Id("world", "anyone"))


@pytest.mark.parametrize(
    ("path", "acl"),
    [
        ("/brokers/ids/0", (CREATOR, EVERYBODY_READS)),
        ("/config/topics/orders", (CREATOR, EVERYBODY_READS)),
        ("/config/users/alice", (CREATOR,)),
        ("/config/brokers/0", (CREATOR,)),
        ("/delegation_token/tokens/abc", (CREATOR,)),
        ("/delegation_token/token_changes", (CREATOR, EVERYBODY_READS)),
        ("/consumers", OPEN_ACL),
        ("/consumers/group", (CREATOR, EVERYBODY_READS)),
        ("/chroot", (CREATOR, EVERYBODY_READS)),
    ],
)
def test_the_creator_does_all_and_others_read_what_is_no_secret(path: str, acl: tuple[Acl, ...]) -> None:
    assert default_acl(path, is_secure=True) == acl


def test_without_security_all_is_open() -> None:
    assert default_acl("/config/users/alice", is_secure=False) == OPEN_ACL
