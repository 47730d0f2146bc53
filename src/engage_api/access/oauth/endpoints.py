"""The three doors of the authorization server: `/oauth/token`, `/oauth/revoke` and `/oauth/introspect`."""

from collections.abc import Awaitable, Callable

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engage_api.access.oauth import clients, forms, metadata, server, tokens
from engage_api.access.oauth.forms import Asked, Refused
from engage_api.access.oauth.server import Answer, Found, Server
from engage_api.core import secret
from engage_api.db.errors import Conflict, Unavailable
from engage_api.http import methods
from engage_api.http.call import Services
from engage_api.http.problems import CLIENT_GONE
from engage_api.http.windows import Seconds

EACH_CLIENT = Seconds(600, 60, "oauth-client")
"""Requests of one client. Only those with the right secret are counted, so that nobody can use up somebody else's; and
guessing a secret of 178 bits is hopeless at any pace."""

Decide = Callable[[Asked, Services], Awaitable[Answer]]


class Endpoint:
    """POST with a form, answered in the JSON of RFC 6749, also when it is refused."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["state"]
        response = await self._respond(Request(scope, receive))
        if 400 <= response.status_code < 500 and response.status_code != CLIENT_GONE:
            state["counted"] = True
            if wait := state["blocked_for"](scope):
                response = _shown(_later(429, wait))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            request.scope["state"]["counted"] = True
            return methods.options(["OPTIONS", "POST"])
        if request.method != "POST":
            return _shown(server.refusal(Refused("invalid_request", "Use POST.", 405)), {"Allow": "OPTIONS, POST"})
        try:
            asked = await forms.read(request)
            return _shown(await self._decide(asked, request.scope["state"]["services"]))
        except OAuth2Error as error:
            return _shown(server.refusal(error))
        except Unavailable:
            return _shown(_later(503, 1))
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)


async def token(asked: Asked, services: Services) -> Answer:
    """A token for a grant (RFC 6749 section 3.2). It is written before it is answered."""
    if "grant_type" not in asked.form:
        raise Refused("invalid_request", "The parameter grant_type is missing.")
    client, mark = await _client(asked, services)
    resource = asked.form.get("resource")
    workspace = await clients.workspace(services.db, client, services.base_url, resource)
    deciding = Server(Found(client, mark, workspace))
    answer: Answer = deciding.create_token_response(asked)
    if too_many := await _too_many(deciding, services):
        return too_many
    if deciding.issued is not None:
        try:
            await tokens.issue(services.db, services.pepper, *deciding.issued)
        except Conflict:  # its secret was deleted since we looked
            return server.refusal(InvalidClientError())
    return answer


async def revoke(asked: Asked, services: Services) -> Answer:
    """The end of a token (RFC 7009). The answer is the same whether there was anything to end."""
    deciding = await _of_token(asked, services)
    answer: Answer = deciding.create_endpoint_response(server.REVOKE, asked)
    if too_many := await _too_many(deciding, services):
        return too_many
    if deciding.revoked is not None:
        await tokens.revoke(services.db, deciding.revoked.workspace, deciding.revoked.id)
        services.doorkeeper.forget(deciding.revoked.id)
    return answer


async def introspect(asked: Asked, services: Services) -> Answer:
    """What a token may still do (RFC 7662)."""
    deciding = await _of_token(asked, services)
    answer: Answer = deciding.create_endpoint_response(server.INTROSPECT, asked)
    return await _too_many(deciding, services) or answer


async def _client(asked: Asked, services: Services) -> tuple[clients.Client, bytes]:
    """Who it says that it is, and the fingerprint of what it shows. Who shows nothing is looked up like anybody."""
    client_id, shown = ("", "") if asked.shown is None else (asked.shown.client_id, asked.shown.secret.reveal())
    return await clients.find(services.db, client_id), secret.fingerprint(services.pepper, shown)


async def _of_token(asked: Asked, services: Services) -> Server:
    client, mark = await _client(asked, services)
    text = asked.form.get("token", "")
    found = await tokens.find(services.db, secret.fingerprint(services.pepper, text))
    return Server(Found(client, mark, token=found), services.base_url)


async def _too_many(deciding: Server, services: Services) -> Answer | None:
    if deciding.client is None:
        return None
    wait = await services.limits.spend_address(EACH_CLIENT, deciding.client.id)
    return _later(429, wait) if wait else None


def _later(status: int, wait: int) -> Answer:
    told = "Too many requests: wait." if status == 429 else "The service cannot answer now: try again."
    body = {"error": "temporarily_unavailable", "error_description": told}
    return Answer(status, body, {"Cache-Control": "no-store", "Retry-After": str(wait)})


def _shown(answer: Answer, more: dict[str, str] | None = None) -> Response:
    return JSONResponse(answer.body, answer.status, answer.headers | (more or {}))


_DECIDES = {metadata.TOKEN: token, metadata.REVOKE: revoke, metadata.INTROSPECT: introspect}
DOORS = frozenset(_DECIDES)
"""They refuse in the words of RFC 6749, whoever it is."""


def routes(base_url: str) -> list[Route]:
    """What stands outside the versioned API."""
    document = metadata.document(base_url)

    async def show(_: Request) -> Response:
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=3600"})

    return [Route(metadata.PATH, show), *(Route(path, Endpoint(decide)) for path, decide in _DECIDES.items())]
