"""The doors for programs: what answers in the words of RFC 6749, whoever asks."""

from collections.abc import Awaitable, Callable
from typing import Any

from authlib.oauth2 import OAuth2Error
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from engage_api.access.oauth import forms
from engage_api.access.oauth.forms import Refused
from engage_api.access.oauth.server import Answer, refusal
from engage_api.db.errors import Unavailable
from engage_api.http import methods
from engage_api.http.call import Services
from engage_api.http.problems import CLIENT_GONE

Decide = Callable[[Any, Services], Awaitable[Answer]]
Read = Callable[[Request], Awaitable[Any]]


class Endpoint:
    """POST with a form, or what else `read` reads, answered in the JSON of RFC 6749, also when it is refused."""

    def __init__(self, decide: Decide, read: Read = forms.read) -> None:
        self._decide = decide
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["state"]
        response = await self._respond(Request(scope, receive))
        if 400 <= response.status_code < 500 and response.status_code != CLIENT_GONE:
            state["counted"] = True
            if wait := state["blocked_for"](scope):
                response = _shown(later(429, wait))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            request.scope["state"]["counted"] = True
            return methods.options(["OPTIONS", "POST"])
        if request.method != "POST":
            return _shown(refusal(Refused("invalid_request", "Use POST.", 405)), {"Allow": "OPTIONS, POST"})
        try:
            asked = await self._read(request)
            return _shown(await self._decide(asked, request.scope["state"]["services"]))
        except OAuth2Error as error:
            return _shown(refusal(error))
        except Unavailable:
            return _shown(later(503, 1))
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)


def later(status: int, wait: int) -> Answer:
    """Not now, but in so many seconds."""
    told = "Too many requests: wait." if status == 429 else "The service cannot answer now: try again."
    body = {"error": "temporarily_unavailable", "error_description": told}
    return Answer(status, body, {"Cache-Control": "no-store", "Retry-After": str(wait)})


def _shown(answer: Answer, more: dict[str, str] | None = None) -> Response:
    return JSONResponse(answer.body, answer.status, answer.headers | (more or {}))
