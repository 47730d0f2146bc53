"""The short way to a route ends where the router's own would."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from engage_api.app import create_api
from engage_api.core.problem import NotFound
from engage_api.http import problems
from engage_api.http.dispatch import Direct
from engage_api.http.rooms import Api
from engage_api.http.route import DirectRoute
from tests.running import ask

Somebody = Annotated[str, Depends(lambda: "somebody")]


def small() -> FastAPI:
    api, router = Api(), APIRouter(route_class=DirectRoute)

    async def who(_: Request) -> str:
        return "somebody"

    @router.get("/things/known")
    async def known(by: Annotated[str, Depends(who)]) -> Response:
        return Response(f"known by {by}")

    @router.get("/things/{thing_id}")
    async def thing(by: Annotated[str, Depends(who)], thing_id: str) -> Response:
        if thing_id == "gone":
            raise NotFound
        if thing_id == "wrong":
            raise LookupError(by)
        return Response(thing_id)

    @router.delete("/things/{thing_id}")
    async def end(by: Annotated[str, Depends(who)], thing_id: str) -> Response:
        return Response(f"{thing_id} ended by {by}")

    api.router.routes += router.routes
    problems.install(api, "http://here.example")
    return api


def stated(app: ASGIApp) -> ASGIApp:
    """With the state that the envelope gives."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"request_id": "1", "blocked_for": lambda _: 0}
        await app(scope, receive, send)

    return inner


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/things/known", 200, b"known by somebody"),
        ("GET", "/things/a", 200, b"a"),
        ("GET", "/things/%61", 200, b"a"),
        ("DELETE", "/things/a", 200, b"a ended by somebody"),
        ("GET", "/things/gone", 404, b"not-found"),
        ("GET", "/things/wrong", 500, b"internal-error"),
        ("GET", "/things/", 404, b"not-found"),
        ("GET", "/things", 404, b"not-found"),
        ("GET", "/things/a/b", 404, b"not-found"),
        ("GET", "/thing/a", 404, b"not-found"),
        ("GET", "/", 404, b"not-found"),
        ("PUT", "/things/a", 405, b"method-not-allowed"),
    ],
)
async def test_it_answers_what_the_router_answers(method: str, path: str, status: int, body: bytes) -> None:
    api = small()
    for app in (api, Direct(api)):
        answer = await ask(stated(app), method, path, [], b"")
        assert answer.status == status
        assert body in answer.body


def test_every_operation_is_found_on_the_short_way() -> None:
    api = create_api()
    direct = Direct(api)
    routes = [route for route in api.routes if isinstance(route, DirectRoute)]
    assert len(routes) > 20
    for route in routes:
        for method in route.methods or ():
            path = "/v1" + route.path.replace("{", "").replace("}", "")
            found = direct._find({"method": method, "path": path, "root_path": "/v1"})
            assert found is route, path


def test_a_parameter_of_several_segments_is_refused() -> None:
    api, router = FastAPI(), APIRouter(route_class=DirectRoute)

    @router.get("/files/{name:path}")
    async def file(by: Somebody, name: str) -> Response:
        return Response(f"{by} {name}")

    api.router.routes += router.routes
    with pytest.raises(TypeError, match="no plain text"):
        Direct(api)
