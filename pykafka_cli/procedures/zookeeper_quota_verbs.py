"""The commands of the ZooKeeper shell for quotas: listquota, setquota and delquota.

They are verbs, as in zookeeper_verbs.py. The quota of /a/b is in /zookeeper/quota/a/b/zookeeper_limits, and what is
used in zookeeper_stats beside it.
"""

from collections.abc import Mapping

from pykafka_cli.output.zookeeper_shell import Screen
from pykafka_cli.rules.zookeeper_shell import Call, ShellProblem, check_path
from pykafka_cli.zookeeper.operations import ANY_VERSION
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.quota_text import LIMITS, QUOTAS, STATS, parse_quota, quota_text
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, CreateFlags, Stat
from pykafka_cli.zookeeper.protocol.requests import (
    CreateRequest,
    DeleteRequest,
    OpCode,
    SetDataRequest,
    WatchableRequest,
)
from pykafka_cli.zookeeper.shell_session import Rejected, ShellSession, subtree


def list_quota(session: ShellSession, call: Call, screen: Screen) -> None:
    path = call.words[1]
    limits = f"{QUOTAS}{path}/{LIMITS}"
    screen.err(f"absolute path is {limits}\n")
    check_path(limits)
    said, found = "", {}
    try:
        for what, place in (("quota", limits), ("stat", f"{QUOTAS}{path}/{STATS}")):
            found[what] = _quota(session, place)
            said += f"Output {what} for {path} {quota_text(found[what])}\n"
    except Rejected as refused:
        if refused.code != ErrorCode.NO_NODE:
            raise
        screen.err(f"quota for {path} does not exist.\n")
    screen.answer(call, said, path=path, quota=found.get("quota"), stat=found.get("stat"))


def set_quota(session: ShellSession, call: Call, screen: Screen) -> None:
    path = call.words[1]
    if path.startswith(QUOTAS):
        screen.err(f"cannot set a quota under the path: {QUOTAS}\n")
        return
    wanted: dict[str, int] = {}
    for letter, (name, least, said) in _QUOTA_OPTIONS.items():
        if letter in call.options:
            try:
                wanted[name] = int(call.options[letter])
            except ValueError:
                screen.err("NumberFormatException happens when parsing the option value\n")
                return
            if wanted[name] < least:
                screen.err(said)
                return
    check_path(path)
    if _find(session, path) is None:
        raise ShellProblem(f"{path} does not exist.")
    _refuse_nested_quotas(session, path)
    place = QUOTAS
    for name in path.strip("/").split("/"):
        place = f"{place}/{name}" if name else place
        _ensure(session, place)
    limits, stats = f"{place}/{LIMITS}", f"{place}/{STATS}"
    if _find(session, limits) is None:
        every = dict.fromkeys(("count", "bytes", "byteHardLimit", "countHardLimit"), -1) | wanted
        _ensure(session, limits, quota_text(every))
        _ensure(session, stats, quota_text({"count": 0, "bytes": 0}))
    else:
        every = _quota(session, limits) | wanted
        session.ask(OpCode.SET_DATA, SetDataRequest(limits, quota_text(every).encode(), ANY_VERSION))
    used = _quota(session, stats)
    for name, hard in (("count", "countHardLimit"), ("bytes", "byteHardLimit")):
        allowed = [every[each] for each in (name, hard) if every.get(each, -1) > -1]
        if any(each < used.get(name, -1) for each in allowed):
            screen.out(f"[Warning]: the {name} quota you create is less than the existing {name}:{used[name]}\n")
    screen.answer(call, "", path=path, quota=every)


_QUOTA_OPTIONS: Mapping[str, tuple[str, int, str]] = {
    "n": ("count", 1, "the num quota must be greater than zero\n"),
    "b": ("bytes", 0, "the bytes quota must be greater than or equal to zero\n"),
    "N": ("countHardLimit", 1, "the num quota must be greater than zero\n"),
    "B": ("byteHardLimit", 0, "the bytes quota must be greater than or equal to zero\n"),
}


def _refuse_nested_quotas(session: ShellSession, path: str) -> None:
    own = QUOTAS + path
    if _find(session, own) is not None:
        for place in subtree(session, own):
            parent, _, name = place.rpartition("/")
            if name == LIMITS and parent != own:
                raise ShellProblem(f"{path} has a child {parent.removeprefix(QUOTAS)} which has a quota")
    parent = path
    while parent := parent.rpartition("/")[0]:
        if _find(session, f"{QUOTAS}{parent}/{LIMITS}") is not None:
            raise ShellProblem(f"{path} has a parent {parent} which has a quota")


def delete_quota(session: ShellSession, call: Call, screen: Screen) -> None:
    path = call.words[1]
    place = QUOTAS + path
    limits = f"{place}/{LIMITS}"
    check_path(limits)
    if _find(session, limits) is None:
        screen.out(f"Quota does not exist for {path}\n")
        return
    gone = {name: -1 for letter, (name, _, _) in _QUOTA_OPTIONS.items() if letter in call.options}
    if gone:
        every = quota_text(_quota(session, limits) | gone)
        session.ask(OpCode.SET_DATA, SetDataRequest(limits, every.encode(), ANY_VERSION))
        screen.answer(call, "", path=path)
        return
    for name in session.ask(OpCode.GET_CHILDREN2, WatchableRequest(place, False)).children:
        session.ask(OpCode.DELETE, DeleteRequest(f"{place}/{name}", ANY_VERSION))
    while place != QUOTAS and not session.ask(OpCode.GET_CHILDREN2, WatchableRequest(place, False)).children:
        session.ask(OpCode.DELETE, DeleteRequest(place, ANY_VERSION))
        place = place.rpartition("/")[0]
    screen.answer(call, "", path=path)


def _find(session: ShellSession, path: str) -> Stat | None:
    try:
        found: Stat = session.ask(OpCode.EXISTS, WatchableRequest(path, False)).stat
    except Rejected as refused:
        if refused.code == ErrorCode.NO_NODE:
            return None
        raise
    return found


def _ensure(session: ShellSession, path: str, content: str | None = None) -> None:
    try:
        data = None if content is None else content.encode()
        session.ask(OpCode.CREATE, CreateRequest(path, data, OPEN_ACL, CreateFlags.PERSISTENT))
    except Rejected as refused:
        if refused.code != ErrorCode.NODE_EXISTS:
            raise


def _quota(session: ShellSession, path: str) -> dict[str, int]:
    found = session.ask(OpCode.GET_DATA, WatchableRequest(path, False))
    return parse_quota((found.data or b"").decode())
