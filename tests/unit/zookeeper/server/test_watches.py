import pytest

from pykafka_cli.zookeeper.protocol.records import AddWatchMode, EventType, WatcherType
from pykafka_cli.zookeeper.server.watches import Kind, Watches

CREATED, DELETED = EventType.NODE_CREATED, EventType.NODE_DELETED
CHANGED, CHILDREN = EventType.NODE_DATA_CHANGED, EventType.NODE_CHILDREN_CHANGED


@pytest.fixture
def watches() -> Watches[str]:
    return Watches()


def told(watches: Watches[str], event: EventType, path: str) -> list[str]:
    return list(watches.fire(event, path))


def test_a_watch_fires_once(watches: Watches[str]) -> None:
    watches.data.add("/a", "w", Kind.ONCE)

    assert told(watches, CHANGED, "/a") == ["w"]
    assert told(watches, CHANGED, "/a") == []
    assert len(watches) == 0


@pytest.mark.parametrize(
    ("event", "data_fires", "children_fires"),
    [(CREATED, True, False), (CHANGED, True, False), (DELETED, True, True), (CHILDREN, False, True)],
)
def test_each_kind_of_watch_learns_of_its_own_events(event: EventType, data_fires: bool, children_fires: bool) -> None:
    watches: Watches[str] = Watches()
    watches.data.add("/a", "data", Kind.ONCE)
    watches.children.add("/a", "children", Kind.ONCE)

    assert told(watches, event, "/a") == ["data"] * data_fires + ["children"] * children_fires


def test_a_watcher_of_both_kinds_learns_of_a_deletion_once(watches: Watches[str]) -> None:
    watches.data.add("/a", "w", Kind.ONCE)
    watches.children.add("/a", "w", Kind.ONCE)

    assert told(watches, DELETED, "/a") == ["w"]
    assert len(watches) == 0


def test_the_same_watch_left_twice_is_one(watches: Watches[str]) -> None:
    watches.data.add("/a", "w", Kind.ONCE)
    watches.data.add("/a", "w", Kind.ONCE)

    assert len(watches) == 1


def test_watches_of_others_stay(watches: Watches[str]) -> None:
    watches.data.add("/a", "w", Kind.ONCE)
    watches.data.add("/b", "w", Kind.ONCE)

    assert told(watches, CHANGED, "/a") == ["w"]
    assert told(watches, CHANGED, "/b") == ["w"]


def test_a_persistent_watch_fires_each_time_and_of_children_too(watches: Watches[str]) -> None:
    watches.add("/a", "w", AddWatchMode.PERSISTENT)

    for event in (CREATED, CHANGED, CHANGED, CHILDREN, DELETED):
        assert told(watches, event, "/a") == ["w"]
    assert told(watches, CHANGED, "/a/b") == []


def test_a_recursive_watch_learns_of_everything_below_but_not_that_children_changed(watches: Watches[str]) -> None:
    watches.add("/a", "w", AddWatchMode.PERSISTENT_RECURSIVE)

    assert told(watches, CREATED, "/a/b/c") == ["w"]
    assert told(watches, CHANGED, "/a") == ["w"]
    assert told(watches, CHILDREN, "/a") == []
    assert told(watches, CREATED, "/ab") == []


def test_a_recursive_watch_on_the_root_learns_of_everything(watches: Watches[str]) -> None:
    watches.add("/", "w", AddWatchMode.PERSISTENT_RECURSIVE)

    assert told(watches, CREATED, "/a/b") == ["w"]


def test_a_watch_that_stays_survives_one_that_fires_once(watches: Watches[str]) -> None:
    watches.add("/a", "w", AddWatchMode.PERSISTENT)
    watches.data.add("/a", "w", Kind.ONCE)

    assert told(watches, CHANGED, "/a") == ["w"]
    assert told(watches, CHANGED, "/a") == ["w"]


@pytest.mark.parametrize(
    ("which", "left"),
    [(WatcherType.DATA, [CHILDREN]), (WatcherType.CHILDREN, [CHANGED]), (WatcherType.ANY, [])],
)
def test_watches_are_removed_by_kind(watches: Watches[str], which: WatcherType, left: list[EventType]) -> None:
    watches.data.add("/a", "w", Kind.ONCE)
    watches.children.add("/a", "w", Kind.ONCE)
    assert watches.holds("/a", "w", which)

    assert watches.remove("/a", "w", which)

    assert not watches.holds("/a", "w", which)
    assert not watches.remove("/a", "w", which)
    assert [event for event in (CHANGED, CHILDREN) if told(watches, event, "/a")] == left


def test_persistent_watches_are_removed_like_others(watches: Watches[str]) -> None:
    watches.add("/a", "w", AddWatchMode.PERSISTENT_RECURSIVE)

    assert watches.remove("/a", "w", WatcherType.ANY)

    assert told(watches, CREATED, "/a/b") == []
    assert len(watches) == 0


def test_who_is_gone_has_no_watches(watches: Watches[str]) -> None:
    watches.data.add("/a", "gone", Kind.ONCE)
    watches.children.add("/b", "gone", Kind.ONCE)
    watches.add("/c", "gone", AddWatchMode.PERSISTENT)
    watches.data.add("/a", "here", Kind.ONCE)

    watches.remove_watcher("gone")

    assert told(watches, CHANGED, "/a") == ["here"]
    assert not watches.data.by_path
    assert not watches.children.by_path
