"""What a ZooKeeper client sends and gets: the operations of a multi, the stat of znodes, the events of watches."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

ANY_VERSION = -1
"""The version of a change that does not depend on the znode's version."""


class Create(NamedTuple):
    """Create a znode; `data` None is ZooKeeper's null, which is not the empty string."""

    path: str
    data: bytes | None
    ephemeral: bool = False


class SetData(NamedTuple):
    path: str
    data: bytes
    version: int = ANY_VERSION


class Delete(NamedTuple):
    path: str
    version: int = ANY_VERSION


class Check(NamedTuple):
    """Fail the multi unless the znode has this version."""

    path: str
    version: int


Operation = Create | SetData | Delete | Check


class Change(Enum):
    """The event of a watch."""

    CREATED = "created"
    DELETED = "deleted"
    DATA = "data"
    CHILDREN = "children"
    UNSEEN = "unseen"
    """The connection was lost and restored: this watch may have missed a change."""


class WatchEvent(NamedTuple):
    change: Change
    path: str


Watcher = Callable[[WatchEvent], None]


class SessionListener(Protocol):
    """Is notified, on the event loop, of changes of the session."""

    def session_lost(self) -> None:
        """The session has ended: watches and ephemeral znodes are gone. A new session will be opened."""

    def session_begun(self) -> None:
        """A new session was opened after one was lost (not called for the first)."""
