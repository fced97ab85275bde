"""How commands connect to a cluster, and read files that options name.

Every session with a cluster is created here (`tests/conventions/test_sessions.py`).
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from types import MappingProxyType

from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import BadAddress, BadClientSetting, ClientSettings, parse_addresses, read_settings
from pykafka_cli.model import Seconds
from pykafka_cli.script.errors import ScriptError, UsageError

ADMIN_FAILED = "Failed to create new KafkaAdminClient"
PRODUCER_FAILED = "Failed to construct kafka producer"
CONSUMER_FAILED = "Failed to construct kafka consumer"
SHARE_CONSUMER_FAILED = "Failed to construct Kafka share consumer"

NONE: Mapping[str, str] = MappingProxyType({})


class NoClient(ScriptError):
    """None of the addresses can be resolved; the hint says why."""


def check_resolvable(bootstrap: str, patience: Seconds) -> None:
    """Check that at least one host can be resolved, as Java's clients do first.

    patience    seconds for all lookups, of which one alone may take longer if no name server responds
    raises      BadAddress
    """
    addresses = parse_addresses(bootstrap)
    found: SimpleQueue[bool] = SimpleQueue()

    def look_up() -> None:
        for host, port in addresses:
            with contextlib.suppress(OSError, UnicodeError):
                socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                found.put(True)
                return
        found.put(False)

    # Python does not wait for a daemon thread at its end, and Ctrl-C does not interrupt a lookup.
    threading.Thread(target=look_up, name=f"look up {bootstrap}", daemon=True).start()
    try:
        if found.get(timeout=patience):
            return
    except Empty:
        raise BadAddress(f"No name server responded within {patience:g} s for bootstrap.servers: {bootstrap}") from None
    raise BadAddress(f"No resolvable bootstrap urls given in bootstrap.servers: {bootstrap}")


def unchecked_session(bootstrap: str, settings: ClientSettings) -> Session:
    """Create a session, which the caller enters, with addresses that need not be resolvable yet; it prints no warnings.

    For callers that retry, or that show by themselves what does not respond. Raises BadAddress.
    """
    return Session(bootstrap, settings)


def session_with(
    bootstrap: str, settings: ClientSettings, failed: str = ADMIN_FAILED, *, controllers: bool = False
) -> Session:
    """Create a session, which the caller enters.

    failed         the script's error for addresses that cannot be resolved
    controllers    the addresses are those of KRaft controllers
    raises         NoClient
    """
    try:
        check_resolvable(bootstrap, settings.connect_timeout)
        return Session(bootstrap, settings, controllers=controllers, warn=_log_warning)
    except BadAddress as error:
        raise NoClient(failed, hint=str(error)) from None


def new_session(
    bootstrap: str,
    command_config: str | None,
    *,
    defaults: Mapping[str, str] = NONE,
    overrides: Mapping[str, str] = NONE,
    controllers: bool = False,
    unreadable: Callable[[str], str] | None = None,
    warn: Callable[[str], None] | None = None,
) -> Session:
    """Create a session with the properties of a file, which the caller enters.

    defaults      set by the script if the file does not; `overrides` take precedence over the file
    unreadable    the script's error for a file that cannot be read, by its name
    warn          called with each property that has no effect; logs them as the scripts do by default
    raises        ScriptError
    """
    if unreadable and command_config is not None and not os.access(command_config, os.R_OK):
        raise ScriptError(unreadable(command_config))
    try:
        settings = read_settings(command_config, defaults, warn or _log_warning)
    except BadClientSetting as error:
        raise ScriptError(str(error)) from None
    settings = ClientSettings({**settings.properties, **overrides})
    return session_with(bootstrap, settings, controllers=controllers)


def own_session(bootstrap: str, command_config: str | None) -> Session:
    """Create a session for a command that Kafka does not have, which the caller enters.

    raises    UsageError where addresses or properties are wrong, NoClient where no address belongs to a host
    """
    try:
        parse_addresses(bootstrap)
        settings = read_settings(command_config, warn=_log_warning)
    except BadClientSetting as error:
        raise UsageError(str(error)) from None
    return session_with(bootstrap, settings)


def _log_warning(message: str) -> None:
    from pykafka_cli.console.log_lines import warn

    warn(message)


def java_exception(file: str) -> str:
    """Java's exception for a file that cannot be read."""
    return f"java.nio.file.{'AccessDenied' if os.path.exists(file) else 'NoSuchFile'}Exception: {file}"


def read_plan(file: str) -> str:
    """The text of a file that an option names.

    raises    ScriptError
    """
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ScriptError(f"Unable to read file {file}") from None
