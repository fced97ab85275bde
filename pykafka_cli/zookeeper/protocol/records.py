"""The data types of ZooKeeper's protocol: ACLs, stat, ids, events.

Source: zookeeper.jute, modules org.apache.zookeeper.data and .proto; org.apache.zookeeper.ZooDefs for the numbers.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple

from pykafka_cli.zookeeper.protocol.jute import Int, Long


class Perms(IntFlag):
    """The permissions of an ACL entry."""

    READ = 1
    WRITE = 2
    CREATE = 4
    DELETE = 8
    ADMIN = 16
    ALL = 31


class Id(NamedTuple):
    """An identity: `world` `anyone`, `digest` `user:hash`, `ip` `10.0.0.0/8`."""

    scheme: str | None
    id: str | None


class Acl(NamedTuple):
    """The permissions of one Id; a znode's ACL is a tuple of these."""

    perms: Int
    id: Id


ANYONE = Id("world", "anyone")
OPEN_ACL = (Acl(Perms.ALL.value, ANYONE),)
READ_ACL = (Acl(Perms.READ.value, ANYONE),)


class Stat(NamedTuple):
    """A znode's metadata, as clients see it.

    czxid, mzxid, pzxid    the transactions that created it, last set its data, last created or deleted a child
    ctime, mtime           their wall-clock times, in ms since the epoch
    version, aversion      numbers of changes of its data and its ACL
    cversion               number of children created or deleted
    ephemeral_owner        the session that it belongs to; 0 if it is persistent
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
    """The stored form of Stat: `cversion` counts creations only, `ephemeral_owner` may be CONTAINER."""

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
"""`ephemeral_owner` of a container: the server deletes it some time after its last child is deleted."""


class CreateFlags(IntEnum):
    """CreateMode: the kind of znode to create."""

    PERSISTENT = 0
    EPHEMERAL = 1
    PERSISTENT_SEQUENTIAL = 2
    EPHEMERAL_SEQUENTIAL = 3
    CONTAINER = 4
    PERSISTENT_WITH_TTL = 5
    PERSISTENT_SEQUENTIAL_WITH_TTL = 6


class EventType(IntEnum):
    """Types of events that fire a watch."""

    NODE_CREATED = 1
    NODE_DELETED = 2
    NODE_DATA_CHANGED = 3
    NODE_CHILDREN_CHANGED = 4


class AddWatchMode(IntEnum):
    """Kinds of watches that stay set, on one znode or on everything below it."""

    PERSISTENT = 0
    PERSISTENT_RECURSIVE = 1


class WatcherType(IntEnum):
    """Types of a path's watches, for checkWatches and removeWatches."""

    CHILDREN = 1
    DATA = 2
    ANY = 3


class ClientInfo(NamedTuple):
    """One of the identities in a response of whoAmI."""

    auth_scheme: str
    user: str
