"""The watches of all watchers. Pure; a watcher is any hashable object, in practice a connection.

A watch is set by a read and fires once, or stays set: on one path (persistent), or on a path and everything below it
(recursive). There are two tables, as there are two kinds of reads:

    data        set by getData and exists       fires when the znode is created, changed or deleted
    children    set by getChildren              fires when a child is created or deleted, and when the znode is deleted

Persistent and recursive watches are in both; recursive ones fire for each znode below and never for "children changed".
One change sends a watcher one event, however many of its watches match. Source: org.apache.zookeeper.server.watch.
"""

from collections.abc import Iterator
from enum import IntFlag
from typing import Generic, TypeVar

from pykafka_cli.zookeeper.protocol.records import AddWatchMode, EventType, WatcherType
from pykafka_cli.zookeeper.server.paths import parents

W = TypeVar("W")  # hashable


class Kind(IntFlag):
    """Kinds of watches that one watcher has on one path."""

    ONCE = 1
    PERSISTENT = 2
    RECURSIVE = 4


_ON_THE_PATH_ITSELF = Kind.ONCE | Kind.PERSISTENT
_KINDS = {AddWatchMode.PERSISTENT: Kind.PERSISTENT, AddWatchMode.PERSISTENT_RECURSIVE: Kind.RECURSIVE}


class WatchTable(Generic[W]):
    """One of the two tables."""

    def __init__(self) -> None:
        self.by_path: dict[str, dict[W, Kind]] = {}
        self.by_watcher: dict[W, dict[str, None]] = {}
        self._recursive = 0

    def __len__(self) -> int:
        return sum(len(paths) for paths in self.by_watcher.values())

    def add(self, path: str, watcher: W, kind: Kind) -> None:
        """Set a watch; a second one of the same kind on the same path has no effect."""
        watchers = self.by_path.setdefault(path, {})
        had = watchers.get(watcher, Kind(0))
        watchers[watcher] = had | kind
        self._recursive += bool(kind & ~had & Kind.RECURSIVE)
        self.by_watcher.setdefault(watcher, {})[path] = None

    def holds(self, path: str, watcher: W) -> bool:
        """Whether `watcher` has a watch of any kind on `path` itself."""
        return path in self.by_watcher.get(watcher, ())

    def remove(self, path: str, watcher: W) -> bool:
        """Remove all watches of `watcher` on `path`; False if there are none."""
        paths = self.by_watcher.get(watcher)
        if paths is None or path not in paths:
            return False
        watchers = self.by_path[path]
        self._recursive -= bool(watchers.pop(watcher) & Kind.RECURSIVE)
        if not watchers:
            del self.by_path[path]
        del paths[path]
        if not paths:
            del self.by_watcher[watcher]
        return True

    def remove_watcher(self, watcher: W) -> None:
        """Remove all watches of `watcher`."""
        for path in list(self.by_watcher.get(watcher, ())):
            self.remove(path, watcher)

    def fire(self, event: EventType, path: str) -> dict[W, None]:
        """The watchers to notify of `event` at `path`; watches that fire once are removed."""
        watchers: dict[W, None] = {}
        for watcher, kind in list(self.by_path.get(path, {}).items()):
            if kind & _ON_THE_PATH_ITSELF:
                watchers[watcher] = None
            if kind == Kind.ONCE:
                self.remove(path, watcher)
            elif kind & Kind.ONCE:
                self.by_path[path][watcher] = kind & ~Kind.ONCE
        if self._recursive and event is not EventType.NODE_CHILDREN_CHANGED:
            for above in (path, *parents(path)):
                watchers.update(
                    (watcher, None) for watcher, kind in self.by_path.get(above, {}).items() if kind & Kind.RECURSIVE
                )
        return watchers


class Watches(Generic[W]):
    """Both tables, and which of them a change applies to."""

    def __init__(self) -> None:
        self.data: WatchTable[W] = WatchTable()
        self.children: WatchTable[W] = WatchTable()

    def __len__(self) -> int:
        return len(self.data) + len(self.children)

    def add(self, path: str, watcher: W, mode: AddWatchMode) -> None:
        """Set a watch that stays set."""
        for table in (self.data, self.children):
            table.add(path, watcher, _KINDS[mode])

    def holds(self, path: str, watcher: W, which: WatcherType) -> bool:
        """Whether `watcher` has a watch on `path` in the tables of `which`."""
        return any(table.holds(path, watcher) for table in self._tables(which))

    def remove(self, path: str, watcher: W, which: WatcherType) -> bool:
        """Remove the watches on `path` in the tables of `which`; False if there are none."""
        return sum(table.remove(path, watcher) for table in self._tables(which)) > 0

    def remove_watcher(self, watcher: W) -> None:
        """Remove all watches of `watcher`."""
        self.data.remove_watcher(watcher)
        self.children.remove_watcher(watcher)

    def fire(self, event: EventType, path: str) -> dict[W, None]:
        """The watchers to notify of `event` at `path`, each once."""
        if event is EventType.NODE_CHILDREN_CHANGED:
            return self.children.fire(event, path)
        watchers = self.data.fire(event, path)
        if event is EventType.NODE_DELETED:
            watchers.update(self.children.fire(event, path))
        return watchers

    def _tables(self, which: WatcherType) -> Iterator[WatchTable[W]]:
        if which is not WatcherType.CHILDREN:
            yield self.data
        if which is not WatcherType.DATA:
            yield self.children
