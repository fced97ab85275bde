"""The ACLs of Kafka's znodes if only its brokers may change them (zookeeper.set.acl).

The creator of a znode may do everything with it, and anyone may read it, unless it contains secrets. The znodes in
which old clients keep their offsets are open to all. Pure.

source  kafka.zk.ZkData.defaultAcls of Apache Kafka 3.9
"""

from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, READ_ACL, Acl, Id, Perms

SECURE_ROOTS = (
    "/admin",
    "/brokers",
    "/cluster",
    "/config",
    "/controller",
    "/controller_epoch",
    "/isr_change_notification",
    "/latest_producer_id_block",
    "/log_dir_event_notification",
    "/delegation_token",
    "/kafka-acl-extended",
    "/migration",
    "/feature",
    "/kafka-acl",
    "/kafka-acl-changes",
    "/kafka-acl-extended/prefixed",
    "/kafka-acl-extended-changes",
)
"""The roots of all of Kafka's znodes, in the order in which Kafka's tools list them."""

_SENSITIVE_ROOTS = ("/config/users", "/config/brokers", "/delegation_token/tokens")
_OPEN = "/consumers"
_CREATOR_ALL = (Acl(Perms.ALL.value, Id("auth", "")),)


def default_acl(path: str, *, is_secure: bool) -> tuple[Acl, ...]:
    """The ACL of a new znode; `path` is without the chroot."""
    if not is_secure or path == _OPEN:
        return OPEN_ACL
    return _CREATOR_ALL if path.startswith(_SENSITIVE_ROOTS) else _CREATOR_ALL + READ_ACL
