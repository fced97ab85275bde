"""zookeeper-shell.sh: what its commands print."""

import sys
import time
from collections.abc import Iterable

from pykafka_cli.output.events import print_document
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.zookeeper_shell import Call
from pykafka_cli.zookeeper.protocol.records import Stat


class Screen:
    """Prints results to stdout; the script's other lines go to stderr if results are documents."""

    def __init__(self, form: OutputFormat | None) -> None:
        self._form = form
        self.shows_documents = form is not None and form.is_document

    def answer(self, call: Call, script_text: str, **document: object) -> None:
        """Print a command's result: the script's text, or a document."""
        if self.shows_documents:
            print_document({"command": call.words[0], **document}, self._form)
        else:
            sys.stdout.write(script_text)

    def event(self, state: str, kind: str, path: str | None) -> None:
        """Print a fired watch; without a path, the session has changed."""
        if path is not None and self.shows_documents:
            print_document({"event": kind, "state": state, "path": path}, self._form)
        else:
            self.out(event_line(state, kind, path))
            sys.stdout.flush()

    def out(self, remark: str) -> None:
        """Print to stdout what the script prints in addition to a result."""
        if self.shows_documents:
            self.err(remark)
        else:
            sys.stdout.write(remark)

    def leave_line(self) -> None:
        """After a prompt that has not been answered."""
        sys.stdout.write("\n")

    def err(self, remark: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(remark)
        sys.stderr.flush()


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


def event_line(state: str, kind: str, path: str | None) -> str:
    return f"\nWATCHER::\n\nWatchedEvent state:{state} type:{kind} path:{'null' if path is None else path}\n"


def _hexadecimal(number: int) -> str:
    return f"0x{number & 0xFFFF_FFFF_FFFF_FFFF:x}"


def _date(ms: int) -> str:
    """As java.util.Date writes it, in the local time zone."""
    return time.strftime("%a %b %d %H:%M:%S %Z %Y", time.localtime(ms // 1000))
