"""What operators and their machines ask of the service: is it alive, is it ready, how is it doing."""

from ipaddress import ip_address
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy import literal, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engage_api.access.credentials import bearer, usable
from engage_api.core.problem import Problem, TooManyRequests, Unauthenticated
from engage_api.core.scopes import Scope
from engage_api.db.errors import Unavailable
from engage_api.db.sql import Query
from engage_api.http import problems
from engage_api.http.call import Services
from engage_api.http.meter import Meter

PASSED_ON = ("x-forwarded-for", "forwarded", "x-real-ip", "via")  # what proxies say of themselves
_PING = Query(select(literal(1).label("one")))


async def livez(_: Request) -> Response:
    """The process answers. Restart it when it does not."""
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> Response:
    """The process can serve: its database answers.

    A shared limit store that is away is told, and is no reason to stay away.
    """
    services: Services = request.scope["state"]["services"]
    try:
        await services.db.one_raw(_PING, None)
    except Unavailable:
        return JSONResponse({"status": "unavailable", "database": "away"}, 503, {"Retry-After": "1"})
    return JSONResponse({"status": "degraded" if services.limits.degraded else "ready", "database": "ready"})


def metrics(meter: Meter, *, behind_proxy: bool) -> Any:
    """The figures for Prometheus: to a key of the operator with `operations:read`; without a proxy, also to loopback.

    Behind a proxy a request of this machine cannot be told from one that was passed on.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(meter)

    async def show(request: Request) -> Response:
        if (behind_proxy or not is_local(request)) and not await _may(request):
            return _closed(request)
        await request.scope["state"]["services"].jobs.look()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return show


def protected_resource(base_url: str) -> Any:
    """How to get in (RFC 9728)."""
    document = {
        "resource": f"{base_url}/v1",
        "authorization_servers": [base_url],
        "bearer_methods_supported": ["header"],
        "scopes_supported": [scope.value for scope in Scope],
        "resource_documentation": f"{base_url}/authentication/",
    }

    async def show(_: Request) -> Response:
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=3600"})

    return show


def routes(meter: Meter, base_url: str, *, behind_proxy: bool = False) -> list[Route]:
    """The routes outside the versioned API."""
    return [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/metrics", metrics(meter, behind_proxy=behind_proxy)),
        Route("/.well-known/oauth-protected-resource", protected_resource(base_url)),
        Route("/.well-known/oauth-protected-resource/v1", protected_resource(base_url)),  # where RFC 9728 looks for it
    ]


def is_local(request: Request) -> bool:
    """From this machine, and not passed on by a proxy on it that nobody told us of."""
    if request.client is None or any(name in request.headers for name in PASSED_ON):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _may(request: Request) -> bool:
    """With a key of the operator: what a developer may see of a sandbox says nothing about the whole service."""
    token = bearer(request.scope["headers"])
    services: Services = request.scope["state"]["services"]
    who = await services.doorkeeper.recognise(token) if token else None
    if who is None or not (who.live and who.sees_workspace) or Scope.OPERATIONS_READ not in who.scopes:
        return False
    return usable(who, request.scope["client"])


def _closed(request: Request) -> Response:
    state = request.scope["state"]
    needed: Problem = Unauthenticated(
        "A key of the operator with operations:read is needed.", headers={"WWW-Authenticate": 'Bearer realm="engage"'}
    )
    if wait := state["blocked_for"](request.scope):
        needed = TooManyRequests(headers={"Retry-After": str(wait)})
    return problems.render(needed, state["request_id"], state["services"].base_url)
