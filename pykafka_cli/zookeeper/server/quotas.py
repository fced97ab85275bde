"""Quotas: znodes and bytes below a znode are counted, and may be limited. Pure.

A quota is a znode LIMITS below /zookeeper/quota, under the path of the znode that it limits; STATS beside it has the
current usage. For a path, the deepest znode with a quota counts; the root has none. Only servers with enforceQuota
reject changes that exceed a hard limit; a soft limit causes a warning.

Source: org.apache.zookeeper.server.{DataTree, ZooKeeperServer.checkQuota}
"""

import logging
from collections.abc import Iterable

from pykafka_cli.zookeeper.protocol.errors import QuotaExceeded
from pykafka_cli.zookeeper.protocol.quota_text import LIMITS, QUOTAS, STATS, parse_quota, quota_text
from pykafka_cli.zookeeper.server.paths import ROOT, split

_log = logging.getLogger(__name__)


class Quotas:
    """Which znodes have a quota."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._limited: set[str] = set()
        self._exceeded: set[str] = set()  # soft limits that were warned of
        for path in paths:
            self.created(path)

    def created(self, path: str) -> str | None:
        """A znode was created; returns the znode whose contents must be counted again if it is about a quota."""
        if not path.startswith(QUOTAS + "/"):
            return None
        parent, name = split(path)
        limited = parent.removeprefix(QUOTAS)
        if name == LIMITS and limited:
            self._limited.add(limited)
        return limited if name in (LIMITS, STATS) and limited else None

    def deleted(self, path: str) -> None:
        """A znode was deleted."""
        if path.startswith(QUOTAS + "/") and path.endswith("/" + LIMITS):
            self._limited.discard(split(path)[0].removeprefix(QUOTAS))

    def limiting(self, path: str) -> str | None:
        """The deepest znode with a quota at or above a znode."""
        if not self._limited:
            return None
        while path != ROOT:
            if path in self._limited:
                return path
            path = split(path)[0]
        return None

    def check(self, limited: str, limits: bytes | None, stats: bytes | None, *, count: int, size: int) -> None:
        """Check what a change adds below a znode with a quota.

        limits, stats    the data of its znodes
        count, size      znodes and bytes that would be added
        raises           QuotaExceeded if a hard limit forbids it
        """
        allowed, used = _numbers(limits), _numbers(stats)
        for more, soft, hard in ((count, "count", "countHardLimit"), (size, "bytes", "byteHardLimit")):
            is_hard = allowed.get(hard, -1) > -1
            limit = allowed.get(hard if is_hard else soft, -1)
            total = used.get(soft, -1) + more
            if more == 0 or limit < 0:
                continue
            if total <= limit:
                self._exceeded.discard(f"{limited} {soft}")
            elif is_hard:
                raise QuotaExceeded(f"{limited} may have {limit} {soft}, not {total}")
            elif f"{limited} {soft}" not in self._exceeded:
                self._exceeded.add(f"{limited} {soft}")
                _log.warning("Quota exceeded: %s has %d %s, its soft limit is %d", limited, total, soft, limit)


def limits_path(limited: str) -> str:
    return f"{QUOTAS}{limited}/{LIMITS}"


def stats_path(limited: str) -> str:
    return f"{QUOTAS}{limited}/{STATS}"


def stats(count: int, size: int) -> bytes:
    """The data of a stats znode."""
    return quota_text({"count": count, "bytes": size}).encode()


def more_stats(data: bytes | None, *, count: int, size: int) -> bytes:
    """The data of a stats znode after this many more znodes and bytes."""
    used = _numbers(data)
    used |= {"count": used.get("count", -1) + count, "bytes": used.get("bytes", -1) + size}
    return quota_text(used).encode()


def _numbers(data: bytes | None) -> dict[str, int]:
    """The values in a quota znode, which a client may have written; anything else limits nothing."""
    try:
        return parse_quota((data or b"").decode())
    except (ValueError, IndexError):
        return {}
