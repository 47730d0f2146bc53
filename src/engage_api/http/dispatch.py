"""The short way from the envelope to a route."""

from collections.abc import Iterator

from fastapi import FastAPI, Request
from starlette.convertors import StringConvertor
from starlette.types import Receive, Scope, Send

from engage_api.http.route import DirectRoute

Key = tuple[str, str, int]  # the method, the first segment of the path, and how many segments there are


class Direct:
    """Finds the route by where a path starts and how deep it goes, and calls it with nothing in between.

    The router tries one route after another, behind four callables that hand the request on: a fifth of a read by id.
    Whatever is not found here goes that way, which knows what to say to it (404, 405, OPTIONS). See docs/adr/0005.
    """

    def __init__(self, api: FastAPI) -> None:
        self._api = api
        self._handlers = api.exception_handlers
        self._routes: dict[Key, list[DirectRoute]] = {}
        for route in api.routes:
            if isinstance(route, DirectRoute):
                for key in _keys(route):
                    self._routes.setdefault(key, []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._find(scope) if scope["type"] == "http" else None
        if route is None:
            await self._api(scope, receive, send)
            return
        try:
            await route.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001  # there is a handler for every exception
            handler = next(self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers)
            answer = await handler(Request(scope, receive, send), error)  # type: ignore[misc]  # ours are asynchronous
            await answer(scope, receive, send)

    def _find(self, scope: Scope) -> DirectRoute | None:
        path = scope["path"][len(scope["root_path"]) :]
        for route in self._routes.get((scope["method"], path.split("/", 2)[1], path.count("/")), ()):
            match = route.path_regex.match(path)
            if match:
                scope["path_params"] = match.groupdict()
                scope["route"] = route
                return route
        return None


def _keys(route: DirectRoute) -> Iterator[Key]:
    """TypeError for a path that another text than its own could match: one with a parameter of several segments."""
    if not all(type(convertor) is StringConvertor for convertor in route.param_convertors.values()):
        raise TypeError(f"{route.path} has a parameter that is no plain text")
    for method in route.methods or ():
        yield method, route.path.split("/", 2)[1], route.path.count("/")
