"""Exceptions become problems (RFC 9457), whatever room they come from."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from engage_api.core.problem import (
    BodyTooLarge,
    Changed,
    Fault,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooManyRequests,
    Unavailable,
)
from engage_api.db.errors import Conflict
from engage_api.db.errors import Unavailable as DatabaseUnavailable
from engage_api.http import methods
from engage_api.http.strict import MOST_FAULTS

MEDIA_TYPE = "application/problem+json"
LONGEST_POINTER = 200
CLIENT_GONE = 499  # as nginx logs it: it went away before its request was complete
_BY_STATUS: Mapping[int, type[Problem]] = {404: NotFound, 413: BodyTooLarge, 400: InvalidRequest}
_log = structlog.get_logger("engage.problem")


def render(problem: Problem, request_id: str, base_url: str) -> Response:
    """The answer for a problem. `instance` is the request's id, which also stands in the log."""
    body: dict[str, Any] = {
        "type": f"{base_url}/problems/{problem.code}/",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{request_id}",
        "code": problem.code,
        **problem.more,
    }
    if problem.errors:
        body["errors"] = [fault.as_json() for fault in problem.errors]
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def faults(errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Pydantic's errors as ours: where and what, never the value."""
    return [_fault(error["loc"], error["type"], error["msg"]) for error in errors]


def invalid(error: ValidationError) -> InvalidRequest:
    """The problem for a model that was validated by hand; the places are pointers into the body. Those of the first
    thousand: nobody reads more, and what is small must not make a huge answer.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)[:MOST_FAULTS]
    return InvalidRequest(errors=[_fault(("body", *e["loc"]), e["type"], e["msg"]) for e in found])


def install(app: FastAPI, base_url: str) -> None:
    """Answer every exception of this application with a problem."""

    def answer(request: Request, problem: Problem) -> Response:
        return render(problem, request.scope["state"]["request_id"], base_url)

    async def known(request: Request, error: Exception) -> Response:
        return answer(request, error if isinstance(error, Problem) else InternalError())

    async def validation(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else ()
        return answer(request, InvalidRequest(errors=faults(found)))

    async def http(request: Request, error: Exception) -> Response:
        found = _unrouted(app, request, error.status_code if isinstance(error, HTTPException) else 500)
        return answer(request, found) if isinstance(found, Problem) else found

    async def conflict(request: Request, _: Exception) -> Response:
        """A rule of the database that no service has put into words: what a request relied on went away meanwhile."""
        return answer(request, Changed())

    async def database(request: Request, error: Exception) -> Response:
        _log.warning(
            "database unavailable", request_id=request.scope["state"]["request_id"], error=repr(error.__cause__)
        )
        return answer(request, Unavailable(headers={"Retry-After": "1"}))

    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("unexpected", request_id=request.scope["state"]["request_id"], exc_info=error)
        return answer(request, InternalError())

    app.add_exception_handler(Problem, known)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Conflict, conflict)
    app.add_exception_handler(DatabaseUnavailable, database)
    app.add_exception_handler(Exception, unexpected)


async def _gone(_: Request, __: Exception) -> Response:
    """Nobody hears this; the log and the figures do not take it for a fault of ours."""
    return Response(status_code=CLIENT_GONE)


def _unrouted(app: FastAPI, request: Request, status: int) -> Problem | Response:
    """What the router says before anybody has looked at the credential, which therefore lets nobody ask on and on."""
    state = request.scope["state"]
    if wait := state["blocked_for"](request.scope):
        return TooManyRequests(headers={"Retry-After": str(wait)})
    if status != 405:
        return _BY_STATUS.get(status, InvalidRequest)()
    allowed = methods.allowed(app.routes, request)
    if request.method == "OPTIONS":
        state["counted"] = True
        return methods.options(allowed)
    return MethodNotAllowed(headers={"Allow": ", ".join(allowed)})


def _fault(place: Sequence[str | int], code: str, detail: str) -> Fault:
    where, *path = place
    detail = "It should be a JSON object" if code == "model_type" else detail  # pydantic's names our class
    if where == "body":
        pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path if part != "[key]")
        return Fault(code.replace("_", "-"), detail, pointer=pointer[:LONGEST_POINTER])
    return Fault(code.replace("_", "-"), detail, parameter=str(path[0])[:LONGEST_POINTER] if path else str(where))
