"""The nouns of ZooKeeper's protocol: ACLs, stat, ids, events.

Source: zookeeper.jute, modules org.apache.zookeeper.data and .proto; org.apache.zookeeper.ZooDefs for the numbers.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple

from pykafka_cli.zookeeper.protocol.jute import Int, Long


class Perms(IntFlag):
    """What an ACL entry may allow."""

    READ = 1
    WRITE = 2
    CREATE = 4
    DELETE = 8
    ADMIN = 16
    ALL = 31


class Id(NamedTuple):
    """Somebody: `world` `anyone`, `digest` `user:hash`, `ip` `10.0.0.0/8`."""

    scheme: str | None
    id: str | None


class Acl(NamedTuple):
    """What one Id may do; a znode's ACL is a tuple of these."""

    perms: Int
    id: Id


ANYONE = Id("world", "anyone")
OPEN_ACL = (Acl(Perms.ALL.value, ANYONE),)
READ_ACL = (Acl(Perms.READ.value, ANYONE),)


class Stat(NamedTuple):
    """A znode's numbers, as clients see them.

    czxid, mzxid, pzxid    the transactions that created it, last set its data, last created or deleted a child
    ctime, mtime           their wall-clock times, in ms since the epoch
    version, aversion      how often its data and its ACL were set
    cversion               how often children were created or deleted
    ephemeral_owner        the session it lives as long as; 0 if it outlives sessions
    """

    czxid: Long
    mzxid: Long
    ctime: Long
    mtime: Long
    version: Int
    cversion: Int
    aversion: Int
    ephemeral_owner: Long
    data_length: Int
    num_children: Int
    pzxid: Long


class StatPersisted(NamedTuple):
    """What is stored of Stat: `cversion` counts creations only, `ephemeral_owner` may be CONTAINER."""

    czxid: Long
    mzxid: Long
    ctime: Long
    mtime: Long
    version: Int
    cversion: Int
    aversion: Int
    ephemeral_owner: Long
    pzxid: Long


CONTAINER = -(1 << 63)
"""`ephemeral_owner` of a container: the server deletes it some time after its last child went."""


class CreateFlags(IntEnum):
    """CreateMode: what kind of znode to create."""

    PERSISTENT = 0
    EPHEMERAL = 1
    PERSISTENT_SEQUENTIAL = 2
    EPHEMERAL_SEQUENTIAL = 3
    CONTAINER = 4
    PERSISTENT_WITH_TTL = 5
    PERSISTENT_SEQUENTIAL_WITH_TTL = 6


class EventType(IntEnum):
    """What a watch fires for."""

    NODE_CREATED = 1
    NODE_DELETED = 2
    NODE_DATA_CHANGED = 3
    NODE_CHILDREN_CHANGED = 4


class AddWatchMode(IntEnum):
    """Watches that stay after they fired, on one znode or also on all below it."""

    PERSISTENT = 0
    PERSISTENT_RECURSIVE = 1


class WatcherType(IntEnum):
    """Which watches of a path checkWatches and removeWatches mean."""

    CHILDREN = 1
    DATA = 2
    ANY = 3


class ClientInfo(NamedTuple):
    """One of the identities that whoAmI answers with."""

    auth_scheme: str
    user: str
