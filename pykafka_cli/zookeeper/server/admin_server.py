"""ZooKeeper's admin server: its commands over HTTP.

    GET /commands                              links to all commands
    GET /commands/stat                         {"version" : ..., "command" : "stats", "error" : null}
    GET /commands/stmk?traceMask=306           arguments are in the query

By TLS, clients are asked to use nothing else from then on, as by ZooKeeper.

Responses have the form of ZooKeeper 3.8's. Source: org.apache.zookeeper.server.admin.{JettyAdminServer, JsonOutputter}
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pykafka_cli.http_endpoint import HttpEndpoint, Response, Tls, called_on, plain
from pykafka_cli.model import in_seconds
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.zookeeper.server.admin_commands import COMMANDS, MONITOR, Answer, Reporting, run_command
from pykafka_cli.zookeeper.server.security import admin_tls_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_MOST_ARGUMENTS = 16
_TLS_ONLY = ("Strict-Transport-Security", "max-age=86400; includeSubDomains")


def admin_server(settings: ZooKeeperSettings, server: Reporting) -> HttpEndpoint:
    """The admin server of a server, by its settings; not started. To be called on the server's event loop.

    raises    ConfigError if its certificates cannot be used
    """

    def answer(name: str, arguments: Mapping[str, str]) -> Answer:
        return run_command(name, arguments, server)

    application = Application(settings.admin_command_url, called_on(asyncio.get_running_loop(), answer))
    patience = in_seconds(settings.admin_idle_timeout)
    context = admin_tls_of(settings)
    tls = None if context is None else Tls(context, is_optional=not settings.admin_force_https)
    return HttpEndpoint(settings.admin_server_address, settings.admin_server_port, application, patience, tls)


class Application:
    """The WSGI application.

    url       where the commands are
    answer    runs a command, given its name and its arguments
    """

    def __init__(self, url: str, answer: Callable[[str, Mapping[str, str]], Answer]) -> None:
        self._url, self._answer = url.rstrip("/"), answer

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        status, headers, body = self._respond(environ)
        start_response(status, [*headers, _TLS_ONLY] if environ.get("HTTPS") == "on" else headers)
        return [body]

    def _respond(self, environ: "WSGIEnvironment") -> Response:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        if path in (self._url, f"{self._url}/"):
            return Response(_status(HTTPStatus.OK), [], self._index().encode())
        if not path.startswith(f"{self._url}/"):
            return plain(HTTPStatus.NOT_FOUND, f"The commands are listed at {self._url}")
        try:
            arguments = parse_qs(
                environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=_MOST_ARGUMENTS
            )
        except ValueError as error:
            return plain(HTTPStatus.BAD_REQUEST, f"The arguments cannot be read: {error}")
        name = path.removeprefix(f"{self._url}/")
        found = self._answer(name, {key: values[0] for key, values in arguments.items()})
        # As in ZooKeeper, where it is the only command that fails while there is no leader.
        failed = name in MONITOR and found["error"] is not None
        status = HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.OK
        body = printed(found).encode(errors="backslashreplace")
        return Response(_status(status), [("Content-Type", "application/json")], body)

    def _index(self) -> str:
        """A link to each command, as lines."""
        names = (command.names[0] for command in COMMANDS)
        return "".join(f'<a href="{self._url}/{name}">{name}</a>\n<br/>\n' for name in names)


def printed(value: Any, indent: str = "") -> str:
    """JSON with the spaces and line ends of ZooKeeper's (Jackson's default)."""
    deeper = f"{indent}  "
    if isinstance(value, Mapping):
        entries = (f"{deeper}{_literal(str(key))} : {printed(each, deeper)}" for key, each in value.items())
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}" if value else "{ }"
    if isinstance(value, list | tuple):
        return "[ " + ", ".join(printed(each, indent) for each in value) + " ]" if value else "[ ]"
    return _literal(value)


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _status(status: HTTPStatus) -> str:
    return f"{status.value} {status.phrase}"
