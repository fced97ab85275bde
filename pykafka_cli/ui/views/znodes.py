"""The cluster's znodes: the path down to one, its siblings and children, and its data."""

import asyncio
from typing import Any

from pykafka_cli.ui.paging import rows_of
from pykafka_cli.ui.views import BadQuery, Document, Query
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import NoNode, NotPermitted
from pykafka_cli.zookeeper.protocol.records import Stat

MOST_SHOWN_BYTES = 100_000
"""Bytes of a znode's data that are shown; ZooKeeper keeps at most 1 MB."""


async def znodes(zookeeper: ZooKeeperClient, query: Query) -> Document:
    """A znode's data and stat, and the children of each znode on the path to it.

    raises    BadQuery, ZooKeeperError
    """
    path = query.get("path") or "/"
    if not path.startswith("/") or (len(path) > 1 and path.endswith("/")) or "//" in path or "\0" in path:
        raise BadQuery(f"path: {path} is not the path of a znode")
    levels = _way_to(path)
    try:
        (data, stat), children = await asyncio.gather(
            zookeeper.get(path), asyncio.gather(*(zookeeper.children(level) for level in levels))
        )
    except (NoNode, NotPermitted) as problem:
        raise type(problem)(path) from None
    text, is_text = _shown(data)
    return {
        "zookeeper": zookeeper.hosts,
        "znode": path,
        "data": text,
        "is_text": is_text,
        "is_whole": data is None or len(data) <= MOST_SHOWN_BYTES,
        "stat": _stat(stat),
        "levels": [
            _level(level, sorted(names), below, query.get("page", "") if level == path else "")
            for level, names, below in zip(levels, children, [*levels[1:], ""], strict=True)
        ],
    }


def _way_to(path: str) -> list[str]:
    """The root, the znodes on the path, and the znode itself."""
    names = [name for name in path.split("/") if name]
    return ["/", *("/" + "/".join(names[: count + 1]) for count in range(len(names)))]


def _level(path: str, names: list[str], below: str, page: str) -> Document:
    """A page of a znode's children, and which of them is on the path; by default the page that contains it."""
    open_name = below.rpartition("/")[2] or None
    if open_name in names and not page:
        page = rows_around(names, open_name)
    rows, number, count = rows_of(names, page)
    prefix = path.rstrip("/")
    return {
        "path": path,
        "children": [{"name": name, "path": f"{prefix}/{name}"} for name in rows],
        "open": open_name,
        "of": len(names),
        "page": number,
        "pages": count,
    }


def rows_around(names: list[str], name: str) -> str:
    """The page of a long list that has this name."""
    number = 1
    while name not in rows_of(names, str(number))[0]:
        number += 1
    return str(number)


def _shown(data: bytes | None) -> tuple[str | None, bool]:
    """The data as text, or in hex if it is not UTF-8."""
    if data is None:
        return None, True
    shown = data[:MOST_SHOWN_BYTES]
    try:
        return shown.decode(), True
    except UnicodeDecodeError:
        return shown.hex(" "), False


def _stat(stat: Stat) -> dict[str, Any]:
    return {
        **stat._asdict(),
        "children": stat.num_children,
        "ephemeral_owner": f"0x{stat.ephemeral_owner:x}" if stat.ephemeral_owner else None,
    }


def command_of(document: Document) -> list[str]:
    return ["pk", "zookeeper-shell", document["zookeeper"], "get", "-s", document["znode"]]
