"""The routes of the server: each page as HTML and as JSON, and errors as both."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pykafka_cli.transport.errors import NoAnswerInTime
from pykafka_cli.ui.connection import MOST_S, ClusterConnection
from pykafka_cli.ui.guard import FormTooLarge, Guard, Token, form_of
from pykafka_cli.ui.history import History
from pykafka_cli.ui.pages import PAGES, Page, View, command_line
from pykafka_cli.ui.problems import PROBLEMS, problem_of
from pykafka_cli.ui.producing import produce
from pykafka_cli.ui.rendering import templates
from pykafka_cli.ui.streams import arriving_events, as_csv, found_events
from pykafka_cli.ui.views import Document, required
from pykafka_cli.ui.views.messages import messages
from pykafka_cli.wall_clock import now_ms

_STATIC = Path(__file__).parent / "static"


@dataclass
class Ui:
    """The parts that all pages share.

    command_config    the file of client properties, as given
    allow_changes     whether records may be sent
    most_s            seconds within which a page responds
    """

    connection: ClusterConnection
    command_config: str | None = None
    allow_changes: bool = False
    most_s: float = MOST_S
    token: Token = field(default_factory=Token)

    def __post_init__(self) -> None:
        self._templates = templates()
        self._history = History()

    def application(self, port: int) -> Starlette:
        """The server's application, for a port of the loopback interface."""
        routes: list[Any] = [route for page in PAGES for route in self._routes(page)]
        routes += [
            Route("/messages.csv", self._messages_as_csv),
            Route("/messages.events", self._found),
            Route("/arriving.events", self._arriving),
            Route("/produce", self._produce, methods=["POST"]),
        ]
        routes.append(Mount("/static", StaticFiles(directory=_STATIC)))
        return Starlette(
            routes=routes,
            middleware=[Middleware(Guard, port=port)],
            exception_handlers={HTTPException: self._show_http_error},
        )

    def _routes(self, page: Page) -> list[Route]:
        async def as_html(request: Request) -> Response:
            document, status = await self.watched(page.view, page, request)
            template = "error.html" if "error" in document else page.template
            return self.html(template, request, document, page, status)

        async def as_json(request: Request) -> Response:
            document, status = await self.watched(page.data or page.view, page, request)
            return JSONResponse(document, status)

        return [Route(page.path, as_html), Route(f"{page.path}.json", as_json)]

    async def watched(self, view: View, page: Page, request: Request) -> tuple[Document, int]:
        """The document of a page, with the changes since it was last shown."""
        source = self.connection.zookeeper if page.is_about_zookeeper else self.connection.session
        document, status = await self.document(view, request, source)
        if "error" not in document:
            query = request.query_params
            name = query.get("name") or query.get("path", "")
            document = self._history.completed(page.path, name, document, now_ms())
        return document, status

    async def document(
        self, view: View, request: Request, source: Callable[[], Awaitable[Any]] | None = None
    ) -> tuple[Document, int]:
        """The document of a page, or its error, and the HTTP status.

        source    the session that the view uses; by default that with the brokers
        """

        async def shown() -> Document:
            return await view(await (source or self.connection.session)(), request.query_params)

        return await answer(shown, self.most_s)

    async def _messages_as_csv(self, request: Request) -> Response:
        document, status = await self.document(messages, request)
        if "error" in document:
            return PlainTextResponse(f"{document['error']}\n", status)
        name = quote(f"{required(request.query_params, 'topic')}.csv")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(as_csv(document["records"]), media_type="text/csv", headers=headers)

    async def _found(self, request: Request) -> Response:
        return StreamingResponse(
            found_events(self.connection, request.query_params, self.part), media_type="text/event-stream"
        )

    async def _arriving(self, request: Request) -> Response:
        return StreamingResponse(
            arriving_events(self.connection, request.query_params, self.part), media_type="text/event-stream"
        )

    async def _produce(self, request: Request) -> Response:
        """Send the record of a form, and redirect to the topic's messages, or respond with JSON if accepted."""
        if not self.allow_changes:
            return PlainTextResponse("This page is read-only: pk ui --allow-changes lets it send records.\n", 403)
        try:
            form = await form_of(request)
        except FormTooLarge:
            return PlainTextResponse("The record is too large for this page: pk console-producer sends it.\n", 413)
        if not self.token.is_in(form):
            return PlainTextResponse("The token is missing or old: reload the page.\n", 403)

        async def sent() -> Document:
            return await produce(await self.connection.session(), form)

        document, status = await answer(sent, self.most_s, changes_nothing=False)
        if "HX-Request" in request.headers:
            return HTMLResponse(self.part("sent.html", {"error": None, "hint": "", **document}))
        return JSONResponse(document, status)

    def part(self, template: str, document: Document) -> str:
        """One part of a page."""
        return self._templates.get_template(template).render(document, allow_changes=self.allow_changes)

    def html(
        self, template: str, request: Request, document: Document, page: Page | None, status: int = 200
    ) -> HTMLResponse:
        query = dict(request.query_params)
        text = self._templates.get_template(template).render(
            document,
            query=query,
            path=request.url.path,
            address=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
            json_address=f"{request.url.path}.json" + (f"?{request.url.query}" if request.url.query else ""),
            command=self._command(page, query, document) if page else None,
            refresh_s=page.refresh_s if page else None,
            bootstrap=self.connection.bootstrap,
            allow_changes=self.allow_changes,
            csrf_token=self.token.text,
        )
        return HTMLResponse(text, status)

    def _command(self, page: Page, query: Document, document: Document) -> str | None:
        if "error" not in document and (whole := page.whole_command(document)):
            return shlex.join(whole)
        words = page.command(query)
        return command_line(words, self.connection.bootstrap, self.command_config) if words else None

    async def _show_http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        document: Document = {"error": error.detail, "hint": ""}
        if request.url.path.endswith(".json"):
            return JSONResponse(document, error.status_code)
        return self.html("error.html", request, document, None, error.status_code)


async def answer(
    view: Callable[[], Awaitable[Document]], most_s: float = MOST_S, *, changes_nothing: bool = True
) -> tuple[Document, int]:
    """The document of a view and status 200, or the document of an error and its status.

    A broker that has not responded in time is left for another one, which is asked once more if that changes nothing.
    """
    try:
        async with asyncio.timeout(most_s):
            try:
                return await view(), 200
            except NoAnswerInTime:
                if not changes_nothing:
                    raise
                return await view(), 200
    except TimeoutError:
        return problem_of(TimeoutError(f"The cluster has not responded within {most_s:g} s"))
    except PROBLEMS as problem:
        return problem_of(problem)
