"""What the commands that start servers share: their command line, settings, daemons, logs, and stopping on a signal.

    pk zookeeper-server-start [-daemon] FILE [--override KEY=VALUE]...

The command line is that of bin/*-server-start.sh.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.properties import system_properties
from pykafka_cli.properties.grammar import MalformedProperties, Property, read_properties
from pykafka_cli.properties.keys import BadProperty, ConfigError, Settings
from pykafka_cli.properties.system_properties import Meaning
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers import log_output
from pykafka_cli.servers.log_output import LINE, console_handler, open_locked
from pykafka_cli.servers.program import own_command
from pykafka_cli.servers.standstill import beat_if_asked

_PIECE = 4096
LOG_DIRECTORY_VARIABLE = "LOG_DIR"
SWITCH_INTERVAL_S = 0.001
"""Seconds that a thread which cleans a log or writes a snapshot may delay the event loop, which yields at each
system call. With Python's default of 5 ms, a request takes more than 10 ms while such work runs."""

GARBAGE_THRESHOLD = 10_000
"""New objects before the garbage collector runs, which stops everything else for about 2 ms."""

_STATUS = {
    signal.SIGHUP: ExitStatus.HUNG_UP,  # the terminal was closed
    signal.SIGINT: ExitStatus.INTERRUPTED,
    signal.SIGTERM: ExitStatus.TERMINATED,
}


class Words(NamedTuple):
    """A start command's words."""

    daemon: bool
    file: Path
    overrides: list[Property]


def parse_words(words: Sequence[str], usage: str) -> Words:
    """Parse the words; raises ScriptError, with the usage on stdout if no file is given."""
    rest = list(words)
    daemon = rest[:1] == ["-daemon"]
    if daemon:
        del rest[0]
    if not rest:
        raise ScriptError(usage, on_stdout=True)
    file, overrides, strays = Path(rest.pop(0)), [], []
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if option != "--override":
            strays.append(word)
            continue
        if not equals and not rest:
            raise ScriptError("Option override requires an argument", hint=usage)
        key, _, text = (value if equals else rest.pop(0)).partition("=")
        overrides.append(Property(key, text, 0))
    if strays:
        raise ScriptError(f"Found non argument parameters: {','.join(strays)}", hint=usage)
    return Words(daemon, file, overrides)


def read_system_properties(meaning_of: Callable[[Mapping[str, str]], Meaning]) -> Meaning:
    """The system properties in KAFKA_OPTS; raises ScriptError."""
    try:
        return meaning_of(system_properties.given())
    except ConfigError as error:
        raise ScriptError(str(error)) from None


def read_settings(settings: Callable[[list[Property]], Any], words: Words, of_java: Sequence[Property] = ()) -> Any:
    """The settings: overrides win over the file, and the file over Java's system properties.

    raises    ScriptError, which names line, key and value if one of them is invalid
    """
    try:
        properties = [*of_java, *read_properties(words.file.read_bytes()), *words.overrides]
        return settings(list({each.key: each for each in properties}.values()))
    except OSError as error:
        raise ScriptError(f"{words.file} cannot be read: {error.strerror}") from None
    except BadProperty as error:
        beside = f"--override {error.key}"
        if any(each.key == error.key for each in of_java) and all(each.key != error.key for each in words.overrides):
            beside = system_properties.VARIABLE
        where = f"{words.file}, line {error.line}" if error.line else beside
        raise ScriptError(f"{where}: {error}") from None
    except (MalformedProperties, ConfigError) as error:
        raise ScriptError(f"{words.file}: {error}") from None


def warn_of(
    settings: Settings, without_effect: Iterable[str], words: Words, of_java: Meaning, log: logging.Logger
) -> None:
    """Log which properties of the file and of KAFKA_OPTS have no effect."""
    file = words.file
    if of_java.ignored:
        log.warning("%s: ignored: -D%s", system_properties.VARIABLE, ", -D".join(of_java.ignored))
    for warning in settings.warnings:
        log.warning("%s: %s", file, warning)
    if names := list(without_effect):
        log.warning("%s: accepted without effect: %s", file, ", ".join(names))


def start_daemon(command: str, words: Sequence[str], output: str, own_suffix: str) -> None:
    """Run `pk COMMAND WORDS` detached from this terminal; its output goes to $LOG_DIR/OUTPUT.

    own_suffix    is appended to the file's name if another server writes to that file
    raises        ScriptError if the file cannot be written
    """
    directory = Path(os.environ.get(LOG_DIRECTORY_VARIABLE, "logs"))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path, log = open_locked(directory, output, own_suffix)
        with log:
            subprocess.Popen(
                [*own_command(), command, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, log_output.VARIABLE: str(path.absolute())},
            )
    except OSError as error:
        raise ScriptError(f"Cannot write {error.filename}: {error.strerror}") from None


def log_to_stdout() -> None:
    """Log to stdout in the form that Kafka's config/log4j.properties configures."""
    handler = console_handler()
    handler.setFormatter(logging.Formatter(LINE))
    logging.addLevelName(logging.WARNING, "WARN")
    logging.addLevelName(logging.CRITICAL, "FATAL")
    logging.getLogger().addHandler(handler)
    for name in ("pykafka_cli", "kafka"):
        logging.getLogger(name).setLevel(logging.INFO)


def run_until_signalled(
    serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]], by: Collection[signal.Signals] = tuple(_STATUS)
) -> ExitStatus:
    """Run `serve` and set its event on the first of these signals; the status shows which one it was."""
    received: list[signal.Signals] = []
    prepare_process()

    async def main() -> None:
        stop = asyncio.Event()

        def stop_by(received_signal: signal.Signals) -> None:
            received.append(received_signal)
            stop.set()

        for each in by:
            if each is signal.SIGHUP and signal.getsignal(each) is signal.SIG_IGN:
                continue  # as nohup requests
            asyncio.get_running_loop().add_signal_handler(each, stop_by, each)
        beat_if_asked()
        await serve(stop)
        if received:
            _ignore_further_signals(by)

    try:
        from uvloop import run
    except ImportError:
        asyncio.run(main())
    else:
        run(main())
    return _STATUS[received[0]] if received else ExitStatus.SUCCESS


def call_at_eof(at_end: Callable[[], object]) -> None:
    """Read standard input, and call `at_end` on this event loop at its end; a pipe ends when its last writer exits."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(OSError):  # standard input, or the terminal behind it, is closed
            while os.read(0, _PIECE):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(at_end)

    threading.Thread(target=read, name="stop-at-eof", daemon=True).start()


def prepare_process() -> None:
    """Set the limits of a server's process, and keep the garbage collector away from all objects loaded so far: forked
    processes then share their memory."""
    with contextlib.suppress(ImportError):
        import_module("uvloop")
    _allow_many_files()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def _ignore_further_signals(signals: Iterable[signal.Signals]) -> None:
    """Ignore further signals, so that the process can stop as the first one requires.

    A closing event loop would restore their default effect, which is to kill the process.
    """
    for each in signals:
        asyncio.get_running_loop().remove_signal_handler(each)
        signal.signal(each, signal.SIG_IGN)


def _allow_many_files() -> None:
    """Raise the limit of open files as far as allowed: a broker holds one to three for each partition."""
    try:
        import resource
    except ImportError:  # this system has no limits
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
