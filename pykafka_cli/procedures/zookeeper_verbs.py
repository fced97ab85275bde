"""The commands of the ZooKeeper shell on a session.

A verb gets the session, its call, and the screen to print on. It raises ShellProblem or Rejected if it fails.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pykafka_cli.output import zookeeper_shell as text
from pykafka_cli.output.zookeeper_shell import Screen
from pykafka_cli.procedures.zookeeper_quota_verbs import delete_quota, list_quota, set_quota
from pykafka_cli.properties.grammar import MalformedProperties, read_properties
from pykafka_cli.protocol.java_strings import java_utf_8
from pykafka_cli.rules import zookeeper_shell as language
from pykafka_cli.rules.zookeeper_shell import Call, ShellProblem, check_path, jute_text, number
from pykafka_cli.zookeeper.operations import ANY_VERSION
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, Acl, AddWatchMode, CreateFlags, Id, Stat, WatcherType
from pykafka_cli.zookeeper.protocol.requests import (
    AddWatchRequest,
    CreateRequest,
    CreateTtlRequest,
    DeleteRequest,
    Empty,
    GetEphemeralsRequest,
    OpCode,
    PathRequest,
    ReconfigRequest,
    SetAclRequest,
    SetDataRequest,
    WatchableRequest,
    WatchesRequest,
)
from pykafka_cli.zookeeper.shell_session import Rejected, ShellSession, subtree

DELETED_AT_ONCE = 1000
LARGEST_TTL_MS = 0x00FF_FFFF_FFFF
CONFIG_PATH = "/zookeeper/config"
VERSION = "ZooKeeper CLI version: 3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC\n"


Verb: TypeAlias = Callable[[ShellSession, Call, Screen], None]


def _version(call: Call) -> int:
    return number(call.options["v"]) if "v" in call.options else ANY_VERSION


def _path(call: Call) -> str:
    check_path(call.words[1])
    return call.words[1]


def _watches(call: Call, screen: Screen, usage: str) -> bool:
    """Whether to leave a watch; in the older form, any third word requests one."""
    if len(call.words) > 2:
        screen.err(f"'{call.words[0]} path [watch]' has been deprecated. Please use '{usage}' instead.\n")
    return "w" in call.options or len(call.words) > 2


def ls(session: ShellSession, call: Call, screen: Screen) -> None:
    watches = _watches(call, screen, "ls [-w] path")
    path = _path(call)
    if "R" in call.options and screen.shows_documents:
        screen.answer(call, "", path=path, paths=list(subtree(session, path, watches=watches)))
    elif "R" in call.options:
        for each in subtree(session, path, watches=watches):
            screen.out(f"{each}\n")
    else:
        found = session.ask(OpCode.GET_CHILDREN2, WatchableRequest(path, watches))
        children = sorted(found.children)
        said = text.names(children) + _stat_if_asked(call, found.stat)
        screen.answer(call, said, path=path, children=children, stat=found.stat._asdict())


def get(session: ShellSession, call: Call, screen: Screen) -> None:
    watches = _watches(call, screen, "get [-s] [-w] path")
    path = _path(call)
    found = session.ask(OpCode.GET_DATA, WatchableRequest(path, watches))
    said = _data_text(found.data) + _stat_if_asked(call, found.stat)
    data = None if found.data is None else java_utf_8(found.data)
    screen.answer(call, said, path=path, data=data, stat=found.stat._asdict())


def stat(session: ShellSession, call: Call, screen: Screen) -> None:
    watches = _watches(call, screen, "stat [-w] path")
    path = _path(call)
    found = session.ask(OpCode.EXISTS, WatchableRequest(path, watches)).stat
    screen.answer(call, text.stat(found), path=path, stat=found._asdict())


def set_data(session: ShellSession, call: Call, screen: Screen) -> None:
    version = _version(call)
    path = _path(call)
    found = session.ask(OpCode.SET_DATA, SetDataRequest(path, call.words[2].encode(), version)).stat
    screen.answer(call, _stat_if_asked(call, found), path=path, stat=found._asdict())


def create(session: ShellSession, call: Call, screen: Screen) -> None:
    flags, ttl = _create_mode(call)
    path, data = call.words[1], call.words[2].encode() if len(call.words) > 2 else None
    acl = _acl(call.words[3], screen) if len(call.words) > 3 else OPEN_ACL
    is_sequential = flags in (
        CreateFlags.PERSISTENT_SEQUENTIAL,
        CreateFlags.EPHEMERAL_SEQUENTIAL,
        CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL,
    )
    check_path(path + "1" if is_sequential else path)
    try:
        if ttl is not None:
            made = session.ask(OpCode.CREATE_TTL, CreateTtlRequest(path, data, acl, flags, ttl))
        else:
            kind = OpCode.CREATE_CONTAINER if flags is CreateFlags.CONTAINER else OpCode.CREATE
            made = session.ask(kind, CreateRequest(path, data, acl, flags))
    except Rejected as refused:
        if refused.code == ErrorCode.INVALID_ACL:
            screen.err(f"KeeperErrorCode = {language.ERROR_NAMES[refused.code]} for {path}\n")
        raise
    screen.err(f"Created {made.path}\n")
    screen.answer(call, "", path=made.path)


def _create_mode(call: Call) -> tuple[CreateFlags, int | None]:
    """(mode, time to live in ms if it has one)."""
    ephemeral, sequential, container, has_ttl = (letter in call.options for letter in "esct")
    if container and (ephemeral or sequential):
        raise ShellProblem("-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.")
    ttl = None
    if has_ttl:
        try:
            ttl = int(call.options["t"])
        except ValueError:
            raise ShellProblem("-t argument must be a long value") from None
        for excluded, what in ((ephemeral, "Ephemeral"), (container, "Container")):
            if excluded:
                raise ShellProblem(f"TTLs cannot be used with {what} znodes")
        if not 0 < ttl <= LARGEST_TTL_MS:
            raise ShellProblem(f"ttl must be positive and cannot be larger than: {LARGEST_TTL_MS}")
        sequence = CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL
        return sequence if sequential else CreateFlags.PERSISTENT_WITH_TTL, ttl
    if container:
        return CreateFlags.CONTAINER, None
    return CreateFlags((1 if ephemeral else 0) + (2 if sequential else 0)), None


def delete(session: ShellSession, call: Call, screen: Screen) -> None:
    if len(call.words) > 2:
        screen.err("'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.\n")
    version, path = _version(call), _path(call)
    session.ask(OpCode.DELETE, DeleteRequest(path, version))
    screen.answer(call, "", path=path)


def delete_all(session: ShellSession, call: Call, screen: Screen) -> None:
    try:
        at_once = int(call.options.get("b", DELETED_AT_ONCE))
    except ValueError:
        raise ShellProblem("-b argument must be an int value") from None
    path = _path(call)
    paths = list(subtree(session, path))
    # Children come after their parents there, so deletion goes in reverse; those of one depth go together.
    paths.sort(key=lambda path: path.count("/"), reverse=True)
    failed = 0
    for start in range(0, len(paths), max(1, at_once)):
        some = [DeleteRequest(path, ANY_VERSION) for path in paths[start : start + max(1, at_once)]]
        answers = session.ask_all(OpCode.DELETE, some)
        failed += sum(isinstance(each, Rejected) and each.code != ErrorCode.NO_NODE for each in answers)
    if failed:
        screen.err("Failed to delete some node(s) in the subtree!\n")
    screen.answer(call, "", path=path, deleted=len(paths) - failed, failed=failed)


def get_acl(session: ShellSession, call: Call, screen: Screen) -> None:
    path = _path(call)
    found = session.ask(OpCode.GET_ACL, PathRequest(path))
    acl = [
        {"scheme": each.id.scheme, "id": each.id.id, "permissions": language.permissions_text(each.perms)}
        for each in found.acl
    ]
    said = "".join(f"'{jute_text(each['scheme'])},'{jute_text(each['id'])}\n: {each['permissions']}\n" for each in acl)
    screen.answer(call, said + _stat_if_asked(call, found.stat), path=path, acl=acl, stat=found.stat._asdict())


def set_acl(session: ShellSession, call: Call, screen: Screen) -> None:
    acl, version = _acl(call.words[2], screen), _version(call)
    path = _path(call)
    if "R" not in call.options:
        found = session.ask(OpCode.SET_ACL, SetAclRequest(path, acl, version)).stat
        screen.answer(call, _stat_if_asked(call, found), path=path, stat=found._asdict())
        return
    changed, paths = 0, list(subtree(session, path))
    for each in paths:
        try:
            session.ask(OpCode.SET_ACL, SetAclRequest(each, acl, version))
        except Rejected as refused:
            screen.out(f"KeeperErrorCode = {language.ERROR_NAMES.get(refused.code, refused.code)} for {each}")
        else:
            changed += 1
    screen.answer(call, "", path=path, changed=changed, failed=len(paths) - changed)


def add_auth(session: ShellSession, call: Call, screen: Screen) -> None:
    session.add_auth(call.words[1], call.words[2] if len(call.words) > 2 else "")
    screen.answer(call, "", scheme=call.words[1])


def sync(session: ShellSession, call: Call, screen: Screen) -> None:
    path, code = _path(call), 0
    try:
        session.ask(OpCode.SYNC, PathRequest(path))
    except Rejected as refused:
        code = refused.code
    screen.answer(call, f"Sync has failed. rc={code}\n" if code else "Sync is OK\n", path=path, error_code=code)


def get_ephemerals(session: ShellSession, call: Call, screen: Screen) -> None:
    prefix = _path(call) if len(call.words) > 1 else "/"
    found = list(session.ask(OpCode.GET_EPHEMERALS, GetEphemeralsRequest(prefix)).ephemerals)
    screen.answer(call, text.names(found), path=prefix, paths=found)


def get_all_children_number(session: ShellSession, call: Call, screen: Screen) -> None:
    path = _path(call)
    total = session.ask(OpCode.GET_ALL_CHILDREN_NUMBER, PathRequest(path)).total
    screen.answer(call, f"{total}\n", path=path, total=total)


def config(session: ShellSession, call: Call, screen: Screen) -> None:
    found = session.ask(OpCode.GET_DATA, WatchableRequest(CONFIG_PATH, "w" in call.options))
    said = _data_text(found.data)
    if "c" in call.options:
        said = _client_addresses(said) + "\n"
    document = {"config": said.removesuffix("\n"), "stat": found.stat._asdict()}
    screen.answer(call, said + _stat_if_asked(call, found.stat), **document)


def _client_addresses(configuration: str) -> str:
    """`host:port,...` of the members, as clients connect to them, followed by the configuration's version."""
    version, addresses = "", []
    for line in configuration.splitlines():
        key, _, value = line.partition("=")
        if key.startswith("server.") and ";" in value:
            addresses.append(value.rpartition(";")[2].strip())
        elif key == "version":
            version = value
    return f"{version} {','.join(addresses)}"


def version(session: ShellSession, call: Call, screen: Screen) -> None:  # noqa: ARG001
    screen.answer(call, VERSION, version=VERSION.partition(": ")[2].removesuffix("\n"))


def who_am_i(session: ShellSession, call: Call, screen: Screen) -> None:
    clients = session.ask(OpCode.WHO_AM_I, Empty()).clients
    said = "".join(["Auth scheme: User\n", *(f"{each.auth_scheme}: {each.user}\n" for each in clients)])
    screen.answer(call, said, clients=[{"scheme": each.auth_scheme, "user": each.user} for each in clients])


def add_watch(session: ShellSession, call: Call, screen: Screen) -> None:
    name = call.options.get("m", AddWatchMode.PERSISTENT_RECURSIVE.name).upper()
    if name not in AddWatchMode.__members__:
        raise ShellProblem(f"addWatch {language.VERBS['addWatch'].usage}")
    path = _path(call)
    session.ask(OpCode.ADD_WATCH, AddWatchRequest(path, AddWatchMode[name]))
    screen.answer(call, "", path=path, mode=name)


def remove_watches(session: ShellSession, call: Call, screen: Screen) -> None:
    path = _path(call)
    kind = next((WatcherType[name] for letter, name in _WATCHERS.items() if letter in call.options), WatcherType.ANY)
    session.ask(OpCode.REMOVE_WATCHES, WatchesRequest(path, kind))
    event = {WatcherType.CHILDREN: "ChildWatchRemoved", WatcherType.DATA: "DataWatchRemoved"}.get(kind)
    screen.answer(call, text.event_line("SyncConnected", event, path) if event else "", path=path, watcher=kind.name)


_WATCHERS = {"c": "CHILDREN", "d": "DATA", "a": "ANY"}


def close(session: ShellSession, call: Call, screen: Screen) -> None:
    session.close()
    screen.answer(call, "")


def _acl(words: str, screen: Screen) -> tuple[Acl, ...]:
    entries, complaints = language.parse_acl(words)
    for complaint in complaints:
        screen.err(f"{complaint}\n")
    return tuple(Acl(permissions, Id(scheme, identity)) for permissions, scheme, identity in entries)


def _stat_if_asked(call: Call, found: Stat) -> str:
    return text.stat(found) if "s" in call.options else ""


def _data_text(data: bytes | None) -> str:
    return ("null" if data is None else java_utf_8(data)) + "\n"


def reconfig(session: ShellSession, call: Call, screen: Screen) -> None:
    given = call.options
    joining, leaving, members = (
        given[each].lower() if each in given else None for each in ("add", "remove", "members")
    )
    if "file" in given:
        members = _servers_in(Path(given["file"]))
    version = int(given["v"], 16) if "v" in given else -1
    found = session.ask(OpCode.RECONFIG, ReconfigRequest(joining, leaving, members, version))
    said = f"Committed new configuration:\n{_data_text(found.data)}"
    document = {"config": java_utf_8(found.data or b""), "stat": found.stat._asdict()}
    screen.answer(call, said + _stat_if_asked(call, found.stat), **document)


def _servers_in(file: Path) -> str:
    """The lines of a file of servers, as a request has them."""
    try:
        lines = read_properties(file.read_bytes())
    except (OSError, MalformedProperties) as error:
        raise ShellProblem(f"Error processing {file}: {getattr(error, 'strerror', None) or error}") from None
    if strange := [line.key for line in lines if not line.key.startswith("server.") and line.key != "version"]:
        raise ShellProblem(f"Error processing {file}: Unrecognised parameter: {strange[0]}")
    return "\n".join(f"{line.key}={line.value}" for line in lines)


VERBS: Mapping[str, Verb] = {
    "addWatch": add_watch,
    "addauth": add_auth,
    "close": close,
    "config": config,
    "create": create,
    "delete": delete,
    "deleteall": delete_all,
    "delquota": delete_quota,
    "get": get,
    "getAcl": get_acl,
    "getAllChildrenNumber": get_all_children_number,
    "getEphemerals": get_ephemerals,
    "listquota": list_quota,
    "ls": ls,
    "reconfig": reconfig,
    "removewatches": remove_watches,
    "set": set_data,
    "setAcl": set_acl,
    "setquota": set_quota,
    "stat": stat,
    "sync": sync,
    "version": version,
    "whoami": who_am_i,
}


def answer_of(problem: Any) -> tuple[str, int]:
    """(message, exit status) for an exception of a verb."""
    if isinstance(problem, Rejected):
        return language.error_text(problem.code, problem.path), 1
    return str(problem), problem.status
