"""`pk zookeeper-shell`: zookeeper-shell.sh, commands to a ZooKeeper server from the command line or line by line.

At a terminal, readline edits, remembers and completes lines, unlike the script; otherwise it is the script's dialog,
without a prompt. With --output, which comes before the address, every command that succeeds prints one document, and
so does a watch when it fires; everything else goes to stderr.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated

import typer

from pykafka_cli.model import Seconds, in_seconds
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.output.zookeeper_shell import Screen
from pykafka_cli.procedures.zookeeper_security import security_of
from pykafka_cli.procedures.zookeeper_verbs import VERBS, answer_of
from pykafka_cli.properties.grammar import without_login
from pykafka_cli.rules.zookeeper_shell import OTHERS, USAGE, Call, ShellProblem, number, understood, words_of
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import Ended, ScriptError
from pykafka_cli.script.grammar import Parsed, Spec, Takes, parse_jopt
from pykafka_cli.script.options import StreamOutput
from pykafka_cli.zookeeper.client_security import ClientSecurity
from pykafka_cli.zookeeper.protocol.requests import OpCode, WatchableRequest
from pykafka_cli.zookeeper.shell_session import Rejected, ShellSession

COMMAND_NOT_FOUND = 127
SESSION_TIMEOUT_MS = 30_000
CONNECTION_WITHIN_S = Seconds(5.0)
HISTORY_SHOWN = 10
TLS_FILE = "-zk-tls-config-file"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ZooKeeperShellCommand(ScriptCommand):
    has_version = False

    def parse(self, words: Sequence[str], specs: Sequence[Spec]) -> Parsed:
        """Keep all words for the shell, except --help and --output before the address."""
        name, _, attached = (words[0] if words else "").partition("=")
        spec = next((spec for spec in specs if f"--{spec.name}" == name), None)
        if spec is None:
            return Parsed([], list(words))
        taken = 2 if spec.takes is Takes.VALUE and not attached else 1
        given = parse_jopt(words[:taken], specs).options
        return Parsed(given, list(words[taken:]))


@app.command(cls=ZooKeeperShellCommand)
def zookeeper_shell(
    ctx: ScriptContext,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar=f"HOST:PORT[/PATH] [{TLS_FILE} FILE] [COMMAND ...]",
            help="ZooKeeper server, and a command to run; without a command, read commands from standard input.",
            show_default=False,
        ),
    ] = None,
    output: StreamOutput = None,
) -> None:
    """Show and change znodes."""
    if not words:
        raise ScriptError(
            f"USAGE: {ctx.command_path} zookeeper_host:port[/path] [{TLS_FILE} file] [args...]", on_stdout=True
        )
    connect, rest = words[0], list(words[1:])
    security = _security(rest)
    timeout_ms, command = _options(rest)
    shell = Shell(connect, timeout_ms=timeout_ms, security=security, form=output)
    shell.greet(f"Connecting to {without_login(connect)}\n")
    try:
        if command:
            shell.connect(connect)
            shell.run(command)
        else:
            shell.greet(f"Welcome to ZooKeeper!\nJLine support is {'enabled' if shell.has_terminal else 'disabled'}\n")
            shell.connect(connect)
            shell.interact()
    finally:
        shell.leave()
    if shell.status:
        raise Ended(shell.status)


def _security(words: list[str]) -> ClientSecurity:
    """TLS and login, by a file of ZooKeeper's keys and by KAFKA_OPTS; takes the option out of the words.

    raises    ScriptError
    """
    if TLS_FILE not in words:
        return security_of(None)
    at = words.index(TLS_FILE)
    if at == len(words) - 1:
        raise ScriptError(f"Error: no filename provided with option {TLS_FILE}")
    file = words[at + 1]
    del words[at : at + 2]
    return security_of(file)


def _options(words: list[str]) -> tuple[int, list[str]]:
    """(session timeout in ms, the command), after the options that ZooKeeper's shell takes before a command."""
    timeout_ms, at = SESSION_TIMEOUT_MS, 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] in ("-timeout", "-server", "-client-configuration"):
            at += 1
            if at == len(words):
                raise ScriptError(f"Error: no argument found for option {words[at - 1]}")
            if words[at - 1] == "-timeout":
                try:
                    timeout_ms = number(words[at])
                except ShellProblem as problem:
                    raise ScriptError(str(problem)) from None
        at += 1
    return timeout_ms, words[at:]


class Shell:
    """One dialog: the session, the lines typed, and the status of the last command."""

    def __init__(self, host: str, *, timeout_ms: int, security: ClientSecurity, form: OutputFormat | None) -> None:
        self._host = host
        self._timeout_ms = timeout_ms
        self._security = security
        self._session: ShellSession | None = None
        self._history: list[str] = []
        self._prints_watches = True
        self._is_quiet = False
        self._screen = Screen(form)
        self.has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self._has_quit = False
        self.status = 0

    def connect(self, host: str) -> None:
        """Open a session, in place of the one that is open. raises ScriptError."""
        if self._session and self._session.is_alive:
            self._session.close()
        self._host = host
        self._session = ShellSession(
            host, timeout_s=in_seconds(self._timeout_ms), on_event=self._event, security=self._security
        )
        try:
            self._session.open(CONNECTION_WITHIN_S)
        except Rejected as refused:
            raise ScriptError(
                answer_of(refused)[0],
                hint=self._session.last_failure
                or f"No ZooKeeper server at {without_login(host)} responded within {CONNECTION_WITHIN_S:g} s.",
            ) from None

    def leave(self) -> None:
        sys.stdout.flush()
        self._is_quiet = True
        if self._session and self._session.is_alive:
            self._session.close()

    def greet(self, text: str) -> None:
        self._screen.out(text)
        sys.stdout.flush()

    def interact(self) -> None:
        """Run what is typed, up to `quit` or the end."""
        for line in self._typed() if self.has_terminal else map(_without_end, sys.stdin):
            words = words_of(line)
            if words:
                self._history.append(line)
                self.run(words)
            if self._has_quit:
                return

    def _typed(self) -> Iterator[str]:
        """Lines edited with readline; Ctrl-C drops one, Ctrl-D ends."""
        with suppress(ImportError):
            import readline

            readline.parse_and_bind("tab: complete")
            readline.set_completer_delims(" ")
            readline.set_completer(lambda start, nth: next(iter(self._completions(start)[nth : nth + 1]), None))
        while True:
            try:
                yield input(
                    f"[zk: {self._host}({self._session.state if self._session else 'CLOSED'}) {len(self._history)}] "
                )
            except KeyboardInterrupt:
                self._screen.leave_line()
            except EOFError:
                self._screen.leave_line()
                return

    def _completions(self, start: str) -> list[str]:
        """Commands, or znodes if a path is being typed."""
        if not start.startswith("/"):
            return [name for name in sorted({*VERBS, *OTHERS}) if name.startswith(start)]
        parent, _, name = start.rpartition("/")
        if self._session is None:
            return []
        try:
            found = self._session.ask(OpCode.GET_CHILDREN2, WatchableRequest(parent or "/", False))
        except Rejected:
            return []
        return [f"{parent}/{child}" for child in sorted(found.children) if child.startswith(name)]

    def run(self, words: Sequence[str]) -> None:
        """Run one command, and keep its status."""
        try:
            self._do(words)
        except (ShellProblem, Rejected) as problem:
            message, self.status = answer_of(problem)
            self._screen.err(f"{message}\n")
        else:
            if not self._has_quit:
                self.status = 0
        sys.stdout.flush()

    def _do(self, words: Sequence[str]) -> None:
        """raises  ShellProblem, Rejected"""
        name = words[0]
        if name not in VERBS and name not in OTHERS:
            self._screen.err(f"ZooKeeper -server host:port [{TLS_FILE} <file>] cmd args\n{USAGE}")
            raise ShellProblem(f"Command not found: Command not found {name}", COMMAND_NOT_FOUND)
        if name == "quit":
            self._has_quit = True
            if self._session and self._session.is_alive:
                self._session.close()
            return
        if name == "redo" and len(words) > 1:
            self._redo(number(words[1]))
        elif name == "history":
            first = max(0, len(self._history) - 1 - HISTORY_SHOWN)
            said = "".join(f"{place} - {line}\n" for place, line in enumerate(self._history[first:], first))
            self._screen.answer(Call((name,), {}), said, first=first, lines=self._history[first:])
        elif name == "printwatches":
            if len(words) > 1:
                self._prints_watches = words[1] == "on"
            said = "" if len(words) > 1 else f"printwatches is {'on' if self._prints_watches else 'off'}\n"
            self._screen.answer(Call((name,), {}), said, prints_watches=self._prints_watches)
        elif name == "connect":
            self.connect(words[1] if len(words) > 1 else self._host)
        if self._session is None or not self._session.is_alive:
            self._screen.out("Not connected\n")
        elif name in VERBS:
            VERBS[name](self._session, understood(words), self._screen)

    def _redo(self, place: int) -> None:
        last = len(self._history) - 1  # which is this redo
        if not 0 <= place < last:
            raise ShellProblem("Command index out of range")
        words = words_of(self._history[place])
        if words[0] == "redo":
            raise ShellProblem("No redoing redos")
        self._history[last] = self._history[place]
        self.run(words)

    def _event(self, state: str, kind: str, path: str | None) -> None:
        """Called in the session's thread."""
        if self._prints_watches and not self._is_quiet:
            self._screen.event(state, kind, path)


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")
