"""The two methods that every path has of itself (RFC 9110 sections 9.3.2 and 9.3.7), and what `Allow` says."""

from collections.abc import Iterable

from fastapi import Request, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Answers HEAD as GET without the content."""

    __slots__ = ("_app",)

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            scope["method"] = "HEAD"  # whoever stands outside expects no content, whatever `Content-Length` says
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        scope["method"] = "GET"
        try:
            await self._app(scope, receive, bare)
        finally:
            scope["method"] = "HEAD"


def allowed(routes: Iterable[BaseRoute], request: Request) -> list[str]:
    """All methods of a path; the router itself names those of one route (section 10.2.1 wants them all)."""
    found = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    methods = {method for route in found for method in getattr(route, "methods", None) or ()}
    return sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))


def options(methods: Iterable[str]) -> Response:
    """The answer to OPTIONS."""
    return Response(status_code=204, headers={"Allow": ", ".join(methods)})
