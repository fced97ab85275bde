"""The language of ZooKeeper's shell: commands, words, ACLs and paths.

Options are parsed like commons-cli: letters after one dash, several together or with the value attached, at any
position. Source: org.apache.zookeeper.ZooKeeperMain and the classes of org.apache.zookeeper.cli, 3.8.4.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

OTHERS = {"connect": "host:port", "history": "", "printwatches": "on|off", "quit": "", "redo": "cmdno"}
"""Commands of the shell itself, which parse their words themselves."""


class Verb(NamedTuple):
    """A command: its options as in its usage, options without and with a value, minimum number of words."""

    usage: str
    flags: str = ""
    valued: str = ""
    words: int = 1


VERBS: Mapping[str, Verb] = {
    "addWatch": Verb(
        "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
        valued="m",
        words=2,
    ),
    "addauth": Verb("scheme auth", words=2),
    "close": Verb(""),
    "config": Verb("[-c] [-w] [-s]", "swc"),
    "create": Verb("[-s] [-e] [-c] [-t ttl] path [data] [acl]", "esc", "t", 2),
    "delete": Verb("[-v version] path", "", "v", 2),
    "deleteall": Verb("path [-b batch size]", "", "b", 2),
    "delquota": Verb("[-n|-b|-N|-B] path", "nbNB", "", 2),
    "get": Verb("[-s] [-w] path", "sw", "", 2),
    "getAcl": Verb("[-s] path", "s", "", 2),
    "getAllChildrenNumber": Verb("path", words=2),
    "getEphemerals": Verb("path"),
    "listquota": Verb("path", words=2),
    "ls": Verb("[-s] [-w] [-R] path", "swR?", "", 2),
    "reconfig": Verb(
        "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | "
        "[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]"
    ),
    "removewatches": Verb("path [-c|-d|-a] [-l]", "cdal", "", 2),
    "set": Verb("[-s] [-v version] path data", "s", "v", 3),
    "setAcl": Verb("[-s] [-v version] [-R] path acl", "sR", "v", 3),
    "setquota": Verb("-n|-b|-N|-B val path", "", "nbNB", 2),
    "stat": Verb("[-w] path", "w", "", 2),
    "sync": Verb("path", words=2),
    "version": Verb(""),
    "whoami": Verb(""),
}
USAGE = "".join(
    f"\t{name} {usage}\n"
    for name, usage in sorted({**OTHERS, **{name: verb.usage for name, verb in VERBS.items()}}.items())
)


class ShellProblem(Exception):
    """A command fails with a message; `status` becomes the shell's."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Call(NamedTuple):
    """A parsed command line: words begin with the command's name."""

    words: tuple[str, ...]
    options: Mapping[str, str]


_WORD = re.compile(r"""\s*([^"']\S*|"[^"]*"|'[^']*')\s*""")


def words_of(line: str) -> list[str]:
    """Split a line into words; quotes keep spaces."""
    words = [found[1] for found in _WORD.finditer(line.strip())]
    return [word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" else word for word in words]


def understood(words: Sequence[str]) -> Call:
    """Options and words of one of VERBS.

    raises  ShellProblem
    """
    name, verb = words[0], VERBS[words[0]]
    if name in ("close", "whoami"):  # these have no options
        return Call((name,), {})
    if name == "reconfig":
        return _reconfiguration(verb, words)
    call = _parsed(verb, words)
    if len(call.words) < verb.words or (name == "version" and len(call.words) > 1):
        raise ShellProblem(f"{name} {verb.usage}")
    if name == "setquota" and not call.options:
        raise ShellProblem(
            "org.apache.commons.cli.MissingOptionException: Missing required option: "
            "[-n num soft quota, -b bytes soft quota, -N num hard quota, -B bytes hard quota]"
        )
    if name == "addWatch" and len(call.words) != verb.words:
        raise ShellProblem(f"{name} {verb.usage}")
    return call


def _parsed(verb: Verb, words: Sequence[str]) -> Call:
    options: dict[str, str] = {}
    plain: list[str] = []
    waiting = ""
    rest = iter(words)
    for word in rest:
        letter, attached = word[1:2], word[2:]
        is_option = word.startswith("-") and bool(letter) and letter in verb.flags + verb.valued
        if waiting and (not word.startswith("-") or re.fullmatch(r"-\d+(\.\d+)?", word)):
            options[waiting], waiting = word, ""
        elif waiting:
            break
        elif word == "--":
            plain += rest
        elif not word.startswith("-") or word == "-":
            plain.append(word)
        elif not is_option:
            raise ShellProblem(f"org.apache.commons.cli.UnrecognizedOptionException: Unrecognized option: {word}")
        elif letter in verb.flags and not attached:
            options[letter] = ""
        elif letter in verb.flags:
            unknown = [each for each in attached if each not in verb.flags]
            if unknown:
                raise ShellProblem(f"org.apache.commons.cli.UnrecognizedOptionException: Unrecognized option: {word}")
            options |= dict.fromkeys(word[1:], "")
        elif attached:
            options[letter] = attached.removeprefix("=")
        else:
            waiting = letter
    if waiting:
        raise ShellProblem(f"org.apache.commons.cli.MissingArgumentException: Missing argument for option: {waiting}")
    return Call(tuple(plain), options)


_RECONFIG_OPTIONS = {"-s": "s", "-v": "v", "-file": "file", "-members": "members", "-add": "add", "-remove": "remove"}


def _reconfiguration(verb: Verb, words: Sequence[str]) -> Call:
    """The options of reconfig, which have names of several letters after one dash."""
    options: dict[str, str] = {}
    rest = iter(words[1:])
    for word in rest:
        option = _RECONFIG_OPTIONS.get(word)
        if option is None and word.startswith("-"):
            raise ShellProblem(f"org.apache.commons.cli.UnrecognizedOptionException: Unrecognized option: {word}")
        if option is not None:
            value = "" if option == "s" else next(rest, None)
            if value is None:
                raise ShellProblem(
                    f"org.apache.commons.cli.MissingArgumentException: Missing argument for option: {option}"
                )
            options.setdefault(option, value)
    whole, changes = options.keys() & {"file", "members"}, options.keys() & {"add", "remove"}
    if not whole and not changes:
        raise ShellProblem(f"{words[0]} {verb.usage}")
    if not re.fullmatch(r"[+-]?[0-9a-fA-F]{1,16}", options.get("v", "0")):
        raise ShellProblem("-v must be followed by a long (configuration version)")
    if whole and changes:
        raise ShellProblem(
            "Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental modes "
            "is not allowed)"
        )
    if len(whole) > 1:
        raise ShellProblem("Can't use -file and -members together (conflicting non-incremental modes)")
    return Call((words[0],), options)


def number(text: str) -> int:
    """A Java int. raises ShellProblem."""
    if not re.fullmatch(r"[+-]?[0-9]+", text) or not -(1 << 31) <= int(text) < 1 << 31:
        raise ShellProblem(f'For input string: "{text}"')
    return int(text)


# Paths.


def check_path(path: str) -> None:
    """raises  ShellProblem, in the words of PathUtils.validatePath"""
    if not path:
        raise ShellProblem("Path length must be > 0")
    if path[0] != "/":
        raise ShellProblem("Path must start with / character")
    if path == "/":
        return
    if path[-1] == "/":
        raise ShellProblem("Path must not end with / character")
    position = 1
    for name in path[1:].split("/"):
        if not name:
            raise _bad_path(path, f"empty node name specified @{position}")
        if name in (".", ".."):
            raise _bad_path(path, f"relative paths not allowed @{position + len(name) - 1}")
        for place, character in enumerate(name, position):
            if character == "\0":
                raise _bad_path(path, f"null character not allowed @{place}")
            if (
                character <= "\x1f"
                or "\x7f" <= character <= "\x9f"
                or "\ud800" <= character <= "\uf8ff"
                or "\ufff0" <= character <= "\uffff"
            ):
                raise _bad_path(path, f"invalid character @{place}")
        position += len(name) + 1


def _bad_path(path: str, reason: str) -> ShellProblem:
    return ShellProblem(f'Invalid path string "{path}" caused by {reason}')


# ACLs.

_PERMISSIONS = {"r": 1, "w": 2, "c": 4, "d": 8, "a": 16}


def parse_acl(text: str) -> tuple[list[tuple[int, str, str]], list[str]]:
    """(permissions, scheme, id) of `scheme:id:perms,...`, and complaints about skipped parts."""
    entries: list[tuple[int, str, str]] = []
    complaints: list[str] = []
    for each in text.rstrip(",").split(","):
        scheme, first, rest = each.partition(":")
        identity, last, letters = rest.rpartition(":")
        if not first or not last:
            complaints.append(f"{each} does not have the form scheme:id:perm")
            continue
        complaints += [f"Unknown perm type: {letter}" for letter in letters if letter not in _PERMISSIONS]
        entries.append((sum({_PERMISSIONS.get(letter, 0) for letter in letters}), scheme, identity))
    return entries, complaints


def permissions_text(permissions: int) -> str:
    return "".join(letter for letter in "cdrwa" if permissions & _PERMISSIONS[letter])


# Errors.

ERROR_NAMES: Mapping[int, str] = {
    -1: "SystemError",
    -2: "RuntimeInconsistency",
    -3: "DataInconsistency",
    -4: "ConnectionLoss",
    -5: "MarshallingError",
    -6: "Unimplemented",
    -7: "OperationTimeout",
    -8: "BadArguments",
    -12: "Unknown session",
    -100: "APIError",
    -101: "NoNode",
    -102: "NoAuth",
    -103: "BadVersion",
    -108: "NoChildrenForEphemerals",
    -110: "NodeExists",
    -111: "Directory not empty",
    -112: "Session expired",
    -113: "Invalid callback",
    -114: "InvalidACL",
    -115: "AuthFailed",
    -118: "Session moved",
    -119: "Not a read-only call",
    -120: "Ephemeral node on local session",
    -121: "No such watcher",
    -123: "Reconfig is disabled",
    -124: "Session closed because client failed to authenticate",
    -125: "Quota has exceeded",
    -127: "Op throttled due to high load",
}
_SAID: Mapping[int, str] = {
    -8: "Arguments are not valid : ",
    -101: "Node does not exist: ",
    -102: "Insufficient permission : ",
    -103: "version No is not valid : ",
    -108: "Ephemerals cannot have children: ",
    -110: "Node already exists: ",
    -111: "Node not empty: ",
    -114: "Acl is not valid : ",
    -119: "Not a read-only call: ",
    -125: "Quota has exceeded : ",
}


def error_text(code: int, path: str) -> str:
    """The shell's text for an error code of ZooKeeper."""
    if code in _SAID:
        return _SAID[code] + path
    name = ERROR_NAMES.get(code, f"Unknown error {code}")
    return f"KeeperErrorCode = {name} for {path}" if path else f"KeeperErrorCode = {name}"


def jute_text(text: str | None) -> str:
    """A field as the script prints records: what would end it is escaped (org.apache.jute.Utils.toXMLString's CSV)."""
    return "".join(_ESCAPED.get(each, each) for each in text or "")


_ESCAPED = {"\0": "%00", "\n": "%0A", "\r": "%0D", ",": "%2C", "}": "%7D", "%": "%25"}
