"""Tracks what changes on a page while it is watched, and a group's lag over time.

Each document of a page is compared with the previous one. Only the pages watched last are kept, to a limit.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pykafka_cli.model import Timestamp
from pykafka_cli.ui.views import Document

MOST_WATCHED, MOST_CHANGES, MOST_SAMPLES, MOST_PARTITIONS = 64, 50, 120, 500
LEAST_MS_BETWEEN_SAMPLES = 500
NOBODY = "nobody"
_REBALANCING = frozenset({"PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling"})
"""States of a group whose members do not have their partitions yet: changes are reported afterwards."""


def broker_changes(before: Document, after: Document) -> Iterator[str]:
    """Changes of brokers and of the controller."""
    was, alive = _alive(before), _alive(after)
    yield from (f"broker {each} is down" for each in sorted(was - alive))
    yield from (f"broker {each} is up" for each in sorted(alive - was))
    unheard, silent = _silent(before), _silent(after)
    yield from (f"broker {each} does not respond" for each in sorted(silent - unheard))
    yield from (f"broker {each} responds again" for each in sorted((unheard - silent) & alive))
    if before["controller"] != after["controller"]:
        yield f"the controller is {_broker(after['controller'])}, and was {_broker(before['controller'])}"


def topic_changes(before: Document, after: Document) -> Iterator[str]:
    """Changes of leaders and ISRs."""
    was = {each["partition"]: each for each in before["partitions"]}
    for each in after["partitions"]:
        number = each["partition"]
        if (old := was.get(number)) is None:
            yield f"partition {number} is new"
            continue
        if old["leader"] != each["leader"]:
            yield f"partition {number}: the leader is {_broker(each['leader'])}, and was {_broker(old['leader'])}"
        for replica in sorted({*old["isr"]} - {*each["isr"]}):
            yield f"partition {number}: broker {replica} has left the ISR"
        for replica in sorted({*each["isr"]} - {*old["isr"]}):
            yield f"partition {number}: broker {replica} has joined the ISR"


def group_changes(before: Document, after: Document) -> Iterator[str]:
    """Changes of members and of their partitions."""
    was, now = _members(before), _members(after)
    yield from (f"{was[each]} has left" for each in sorted(was.keys() - now.keys()))
    yield from (f"{now[each]} has joined" for each in sorted(now.keys() - was.keys()))
    owned, owns = _owners(before), _owners(after)
    for partition in sorted(owned.keys() | owns.keys()):
        old, new = owned.get(partition, (None, NOBODY)), owns.get(partition, (None, NOBODY))
        if old[0] != new[0]:
            yield f"{partition}: {new[1]} reads it, and {old[1]} did"


def znode_changes(before: Document, after: Document) -> Iterator[str]:
    """Children created and deleted on all levels, and data with a new version."""
    was = {each["path"]: each for each in before["levels"]}
    for level in after["levels"]:
        old = was.get(level["path"])
        if old is None or (old["page"], level["page"], old["pages"], level["pages"]) != (1, 1, 1, 1):
            continue
        names, old_names = ({each["path"] for each in one["children"]} for one in (level, old))
        yield from (f"{each} is gone" for each in sorted(old_names - names))
        yield from (f"{each} is new" for each in sorted(names - old_names))
    now, then = after["stat"], before["stat"]
    if now["czxid"] != then["czxid"]:
        yield f"{after['znode']} was created again"
    elif now["version"] != then["version"]:
        yield f"the data of {after['znode']} has version {now['version']}, and had {then['version']}"


def _alive(document: Document) -> set[int]:
    return {each["broker"] for each in document["brokers"] if each["is_alive"]}


def _silent(document: Document) -> set[int]:
    return {each["broker"] for each in document["missing"]}


def _broker(number: int | None) -> str:
    return "none" if number is None else f"broker {number}"


def _members(document: Document) -> dict[str, str]:
    return {each["member_id"]: each["client_id"] for each in document["members"]}


def _owners(document: Document) -> dict[str, tuple[str | None, str]]:
    return {
        f"{place['topic']}-{place['partition']}": (each["member_id"], each["client_id"])
        for each in document["members"]
        for place in each["assignment"]
    }


CHANGES: Mapping[str, Callable[[Document, Document], Iterator[str]]] = {
    "/": broker_changes,
    "/topic": topic_changes,
    "/group": group_changes,
    "/znodes": znode_changes,
}
"""By the path of the page."""


@dataclass
class _Watched:
    document: Document
    seen_at: Timestamp
    changes: deque[Document] = field(default_factory=lambda: deque(maxlen=MOST_CHANGES))
    samples: deque[tuple[int, dict[str, int | None]]] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))


class History:
    """The pages watched last, by path and name."""

    def __init__(self) -> None:
        self._watched: OrderedDict[tuple[str, str], _Watched] = OrderedDict()

    def completed(self, path: str, name: str, document: Document, now_ms: Timestamp) -> Document:
        """The document of a page with `changes`, newest first, and the `lag_over_time` of a group's partitions.

        Of a group whose coordinator does not respond, it has what was seen last, at `seen_at` if ever.
        """
        if path not in CHANGES:
            return document
        if path == "/group" and document["missing"]:
            return _as_last_seen(self._watched.get((path, name)), document)
        watched = self._watched.setdefault((path, name), _Watched(document, now_ms))
        self._watched.move_to_end((path, name))
        while len(self._watched) > MOST_WATCHED:
            self._watched.popitem(last=False)
        if document.get("state") not in _REBALANCING:
            for change in reversed(list(CHANGES[path](watched.document, document))):
                watched.changes.appendleft({"at": now_ms, "change": change})
            watched.document, watched.seen_at = document, now_ms
        found: dict[str, Any] = {**document, "changes": list(watched.changes)}
        if path == "/group" and len(document["partitions"]) <= MOST_PARTITIONS:
            found["partitions"] = _with_lags(watched, document["partitions"], now_ms)
        return found


def _as_last_seen(watched: _Watched | None, document: Document) -> Document:
    if watched is None:
        return {**document, "seen_at": None, "changes": []}
    last_seen = {name: watched.document[name] if value is None else value for name, value in document.items()}
    return {**last_seen, "seen_at": watched.seen_at, "changes": list(watched.changes)}


def _with_lags(watched: _Watched, rows: list[Document], now_ms: Timestamp) -> list[Document]:
    samples = watched.samples
    if not samples or now_ms - samples[-1][0] >= LEAST_MS_BETWEEN_SAMPLES:
        samples.append((now_ms, {_name(row): row["lag"] for row in rows}))
    return [{**row, "lag_over_time": [{"at": at, "lag": lags.get(_name(row))} for at, lags in samples]} for row in rows]


def _name(row: Document) -> str:
    return f"{row['topic']}-{row['partition']}"
