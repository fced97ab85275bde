"""The routes of the server: each page as HTML and as JSON, and errors as both."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kio.schema.errors import ErrorCode
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pykafka_cli.clients.errors import ApiError, explain
from pykafka_cli.transport.connection import ConnectionFailed, VersionUnsupported
from pykafka_cli.ui.connection import MOST_S, ClusterConnection
from pykafka_cli.ui.guard import Guard
from pykafka_cli.ui.pages import PAGES, Page, command_line
from pykafka_cli.ui.rendering import templates
from pykafka_cli.ui.views import BadQuery, Document

_STATIC = Path(__file__).parent / "static"
_NOT_FOUND = frozenset({ErrorCode.unknown_topic_or_partition, ErrorCode.group_id_not_found})
_FORBIDDEN = frozenset(
    {
        ErrorCode.cluster_authorization_failed,
        ErrorCode.group_authorization_failed,
        ErrorCode.topic_authorization_failed,
        ErrorCode.transactional_id_authorization_failed,
    }
)


@dataclass
class Ui:
    """What all pages have in common.

    command_config    the file of client properties, as it was given
    most_s            seconds that a page may take
    """

    connection: ClusterConnection
    command_config: str | None = None
    most_s: float = MOST_S

    def __post_init__(self) -> None:
        self._templates = templates()

    def application(self, port: int) -> Starlette:
        """The server's application, for who listens on a port of the loopback interface."""
        routes: list[Any] = [route for page in PAGES for route in self._routes(page)]
        routes.append(Mount("/static", StaticFiles(directory=_STATIC)))
        return Starlette(
            routes=routes,
            middleware=[Middleware(Guard, port=port)],
            exception_handlers={HTTPException: self._show_http_error},
        )

    def _routes(self, page: Page) -> list[Route]:
        async def as_html(request: Request) -> Response:
            document, status = await self.document(page, request)
            template = "error.html" if "error" in document else page.template
            return self.html(template, request, document, page, status)

        async def as_json(request: Request) -> Response:
            document, status = await self.document(page, request)
            return JSONResponse(document, status)

        return [Route(page.path, as_html), Route(f"{page.path}.json", as_json)]

    async def document(self, page: Page, request: Request) -> tuple[Document, int]:
        """What a page shows, or its error, with the status of HTTP."""

        async def view() -> Document:
            return await page.view(await self.connection.session(), request.query_params)

        return await answer(view, self.most_s)

    def html(
        self, template: str, request: Request, document: Document, page: Page | None, status: int = 200
    ) -> HTMLResponse:
        query = dict(request.query_params)
        words = page.command(query) if page else []
        text = self._templates.get_template(template).render(
            document,
            query=query,
            path=request.url.path,
            address=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
            json_address=f"{request.url.path}.json" + (f"?{request.url.query}" if request.url.query else ""),
            command=command_line(words, self.connection.bootstrap, self.command_config) if words else None,
            refresh_s=page.refresh_s if page else None,
            bootstrap=self.connection.bootstrap,
        )
        return HTMLResponse(text, status)

    async def _show_http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        document: Document = {"error": error.detail, "hint": ""}
        if request.url.path.endswith(".json"):
            return JSONResponse(document, error.status_code)
        return self.html("error.html", request, document, None, error.status_code)


async def answer(view: Callable[[], Awaitable[Document]], most_s: float = MOST_S) -> tuple[Document, int]:
    """The document of a view with status 200, or what went wrong as a document, with its status."""
    try:
        async with asyncio.timeout(most_s):
            return await view(), 200
    except BadQuery as error:
        return {"error": str(error), "hint": ""}, 400
    except TimeoutError:
        return {
            "error": f"The cluster has not responded within {most_s:g} s",
            "hint": "`pk doctor` finds out why.",
        }, 504
    except VersionUnsupported as error:
        return {"error": str(error), "hint": "This cluster does not offer it."}, 501
    except ConnectionFailed as error:
        problem, hint = explain(error)
        return {"error": problem, "hint": hint}, 502
    except ApiError as error:
        status = 404 if error.code in _NOT_FOUND else 403 if error.code in _FORBIDDEN else 502
        return {"error": str(error), "hint": error.exception.rpartition(".")[2]}, status
