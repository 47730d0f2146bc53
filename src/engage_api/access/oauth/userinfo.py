"""`/oauth/userinfo`: who somebody is, for an application that they signed in to (OpenID Connect Core section 5.3)."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engage_api.access.credentials import bearer
from engage_api.access.oauth import signed, tokens
from engage_api.core import secret
from engage_api.db.errors import Unavailable
from engage_api.http import methods
from engage_api.http.call import Services
from engage_api.http.windows import Seconds

USERINFO = "/oauth/userinfo"
WAYS = ["GET", "HEAD", "OPTIONS", "POST"]
EACH_PERSON = Seconds(600, 60, "userinfo")


async def answer(request: Request) -> Response:
    """The claims that the scopes of the token open. With GET or with POST, the token in the header either way."""
    state = request.scope["state"]
    if request.method not in WAYS or request.method == "OPTIONS":
        state["counted"] = True
        return methods.options(WAYS) if request.method == "OPTIONS" else _refused(405, "", {"Allow": ", ".join(WAYS)})
    text = bearer(request.scope["headers"])
    try:
        found = await _told(state["services"], text) if text else _refused(401, "")
    except Unavailable:
        return _refused(503, "", {"Retry-After": "1"})
    if found.status_code in (401, 403):
        state["counted"] = True
        if wait := state["blocked_for"](request.scope):
            return _refused(429, "", {"Retry-After": str(wait)})
    return found


async def _told(services: Services, text: str) -> Response:
    mark = secret.fingerprint(services.pepper, text)
    token = await tokens.find(services.db, mark) if secret.kind(text) == secret.TOKEN else None
    if token is None or token.principal is None or token.is_expired() or token.person is None:
        return _refused(401, "invalid_token")
    words = token.scope.split(" ")
    if signed.OPENID not in words:
        return _refused(403, "insufficient_scope")
    if wait := await services.limits.spend_address(EACH_PERSON, f"{token.client_id} {token.person}"):
        return _refused(429, "", {"Retry-After": str(wait)})
    person = await signed.person(services.db, token.person)
    return JSONResponse(person.claims(words)) if person else _refused(401, "invalid_token")


def _refused(status: int, error: str, headers: dict[str, str] | None = None) -> Response:
    """As RFC 6750 section 3 has it."""
    more: dict[str, Any] = {"error": error} if error else {}
    challenge = 'Bearer realm="engage"' + (f', error="{error}"' if error else "")
    scope = ', scope="openid"' if error == "insufficient_scope" else ""
    shown = {"WWW-Authenticate": challenge + scope} if status in (401, 403) else {}
    return JSONResponse(more, status, shown | (headers or {}))


routes = [Route(USERINFO, answer, methods=[*WAYS, "PUT", "PATCH", "DELETE"])]
