"""Znode paths: validation and parts. Pure.

Source: org.apache.zookeeper.common.PathUtils.
"""

import re

from pykafka_cli.zookeeper.protocol.errors import BadArguments

ROOT = "/"
ZOOKEEPER = "/zookeeper"
CONFIG = "/zookeeper/config"
QUOTA = "/zookeeper/quota"
RESERVED = frozenset((ROOT, ZOOKEEPER, CONFIG, QUOTA))
"""Znodes that the server itself needs; they cannot be deleted."""

# Control characters, surrogates, private use (up to U+F8FF) and the specials at the end of the first plane. Java looks
# at UTF-16 units, so it rejects everything beyond that plane, whose characters are pairs of surrogates.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\U0010ffff]")


def validate(path: str) -> None:
    """Raise BadArguments, with the reason, unless `path` may name a znode."""
    if not path.startswith("/"):
        raise BadArguments(f"the path {path!r} does not start with /")
    if path == ROOT:
        return
    if path.endswith("/"):
        raise BadArguments(f"the path {path!r} ends with /")
    if forbidden := _FORBIDDEN.search(path):
        raise BadArguments(f"the path {path!r} has a character that is not allowed at {forbidden.start()}")
    if "//" in path:
        raise BadArguments(f"the path {path!r} contains an empty name")
    if "/." in path and not {".", ".."}.isdisjoint(path.split("/")):
        raise BadArguments(f"the path {path!r} is relative")


def split(path: str) -> tuple[str, str]:
    """(parent, name) of a path that is not the root; the parent of `/a` is `/`. Raises BadArguments without a /."""
    slash = path.rfind("/")
    if slash < 0:
        raise BadArguments(f"the path {path!r} does not start with /")
    return path[:slash] or ROOT, path[slash + 1 :]


def parents(path: str) -> list[str]:
    """All ancestors of `path`, nearest first: `/a`, `/` for `/a/b`."""
    above = []
    while path != ROOT:
        path, _ = split(path)
        above.append(path)
    return above
