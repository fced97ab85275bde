"""Opens the page for commands: checks the libraries of the extra `ui`, the cluster, and the port.

Nothing is imported before it is needed: the extra may not be installed.
"""

import socket
from typing import TYPE_CHECKING

from pykafka_cli.clients.settings import BadClientSetting, parse_addresses, read_settings
from pykafka_cli.console.log_lines import warn
from pykafka_cli.script.errors import ScriptError, UsageError
from pykafka_cli.servers.occupied_ports import hint_of

if TYPE_CHECKING:
    from pykafka_cli.ui.app import Ui

HOST = "127.0.0.1"
_OF_THE_EXTRA = frozenset({"jinja2", "starlette", "uvicorn"})


def ensure_installed() -> None:
    """raises    ScriptError if a library of the extra `ui` is missing"""
    try:
        import pykafka_cli.ui.app
        import pykafka_cli.ui.server  # noqa: F401
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _OF_THE_EXTRA:
            raise
        raise ScriptError(
            f"The web page needs {missing.name}, which is not installed.",
            hint="pip install 'pk-kafka[ui]' installs it.",
        ) from None


def new_ui(
    bootstrap: str, command_config: str | None, *, zookeeper: str | None = None, allow_changes: bool = False
) -> "Ui":
    """Create the pages of a cluster, without contacting it yet.

    raises    ScriptError
    """
    ensure_installed()
    from pykafka_cli.security.sasl import Logins
    from pykafka_cli.security.settings import security_settings
    from pykafka_cli.security.tls import tls_context
    from pykafka_cli.ui.app import Ui
    from pykafka_cli.ui.connection import PATIENCE, ClusterConnection

    try:
        parse_addresses(bootstrap)
        settings = read_settings(command_config, PATIENCE, warn)
        security = security_settings(settings.properties)
        tls_context(security)
        Logins(security)
    except BadClientSetting as error:
        raise UsageError(str(error)) from None
    return Ui(ClusterConnection(bootstrap, settings, zookeeper), command_config, allow_changes)


def listen(port: int, option: str) -> socket.socket:
    """Listen on a port of the loopback interface, on any free one for 0.

    option    the option that chooses the port
    raises    ScriptError, which names the process that has the port
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "\n".join(filter(None, (hint_of(OSError(reason), [port]), f"{option} 0 chooses a free port.")))
        raise ScriptError(f"Cannot listen on {HOST}:{port}: {reason}", hint=hint) from None
