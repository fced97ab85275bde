"""Which process of this machine listens on a port, as `lsof -i :9092` shows it."""

import contextlib
import itertools
import os
from typing import Any, NamedTuple

_WORDS_SHOWN = 3
_TABLES_OF_SOCKETS = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENING = "0A"


class Process(NamedTuple):
    """pid    None if the process is another user's, and may not be seen"""

    pid: int | None
    name: str
    """The program and its first words, without options, which may contain secrets."""

    def __str__(self) -> str:
        return self.name if self.pid is None else f"{self.name} (process {self.pid})"


def owner_of(port: int) -> Process | None:
    """The process that listens on a TCP port; None if there is no other, or if the system does not say whose it is."""
    import psutil  # takes 20 ms, for an error that is rare

    try:
        pids = [each.pid for each in psutil.net_connections("tcp") if _listens(each, port)]
    except (psutil.AccessDenied, OSError):  # macOS shows only one's own processes
        pids = [each.pid for each in psutil.process_iter() if _owns(each, port)]
    for pid in pids:
        if pid not in (None, os.getpid()):
            try:
                return Process(pid, describe_command(psutil.Process(pid).cmdline()) or psutil.Process(pid).name())
            except psutil.Error:
                continue
    return None if os.getpid() in pids else _of_another_user(port)


def _of_another_user(port: int) -> Process | None:
    """Linux shows every user which sockets listen, and to whom they belong, but not the process."""
    for table in _TABLES_OF_SOCKETS:
        with contextlib.suppress(OSError), open(table) as lines:
            for line in itertools.islice(lines, 1, None):
                _, local, _, state, _, _, _, uid, *_ = line.split()
                if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                    return Process(None, f"a process of user {_user_name(int(uid))}")
    return None


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def describe_command(words: list[str]) -> str:
    """The program of a command line, and what it runs.

    Of an interpreter, the module or class matters: `java -Xmx1G kafka.Kafka FILE` is "java kafka.Kafka".
    """
    if not words:
        return ""
    program = _base(words[0])
    rest = words[1:]
    if program.startswith("python"):
        rest = _of_python(rest)
        if rest and _base(rest[0]) in ("pk", "pykafka_cli"):
            program, rest = "pk", rest[1:]
    elif program == "java":
        rest = _of_java(rest)
    shown: list[str] = []
    for word in rest:
        if word.startswith("-") or len(shown) == _WORDS_SHOWN - 1:
            break
        shown.append(_base(word))
    return " ".join([program, *shown])


def _of_python(words: list[str]) -> list[str]:
    """What comes from the script's or the module's name on."""
    for number, word in enumerate(words):
        if word == "-m":
            return words[number + 1 :]
        if word == "-c":
            return []
        if not word.startswith("-"):
            return words[number:]
    return []


def _of_java(words: list[str]) -> list[str]:
    """The class or the jar file, without its arguments."""
    rest = iter(words)
    for word in rest:
        if word == "-jar" or not word.startswith(("-", "@")):
            return [next(rest, "") if word == "-jar" else word]
        if word in ("-cp", "-classpath", "--class-path"):
            next(rest, None)
    return []


def _base(word: str) -> str:
    return word.rsplit("/", 1)[-1]


def _listens(connection: Any, port: int) -> bool:
    import psutil

    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port)


def _owns(process: Any, port: int) -> bool:
    import psutil

    try:
        return any(_listens(each, port) for each in process.net_connections("tcp"))
    except psutil.Error:
        return False
