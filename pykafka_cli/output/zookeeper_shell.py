"""zookeeper-shell.sh: what its commands print."""

import time
from collections.abc import Iterable

from pykafka_cli.zookeeper.protocol.records import Stat


def stat(found: Stat) -> str:
    return (
        f"cZxid = {_hexadecimal(found.czxid)}\n"
        f"ctime = {_date(found.ctime)}\n"
        f"mZxid = {_hexadecimal(found.mzxid)}\n"
        f"mtime = {_date(found.mtime)}\n"
        f"pZxid = {_hexadecimal(found.pzxid)}\n"
        f"cversion = {found.cversion}\n"
        f"dataVersion = {found.version}\n"
        f"aclVersion = {found.aversion}\n"
        f"ephemeralOwner = {_hexadecimal(found.ephemeral_owner)}\n"
        f"dataLength = {found.data_length}\n"
        f"numChildren = {found.num_children}\n"
    )


def names(found: Iterable[str]) -> str:
    return f"[{', '.join(found)}]\n"


def event(state: str, kind: str, path: str | None) -> str:
    return f"\nWATCHER::\n\nWatchedEvent state:{state} type:{kind} path:{'null' if path is None else path}\n"


def _hexadecimal(number: int) -> str:
    return f"0x{number & 0xFFFF_FFFF_FFFF_FFFF:x}"


def _date(ms: int) -> str:
    """As java.util.Date writes it, in the local time zone."""
    return time.strftime("%a %b %d %H:%M:%S %Z %Y", time.localtime(ms // 1000))
