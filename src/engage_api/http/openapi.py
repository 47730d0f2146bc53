"""The description of the API (OpenAPI 3.2), generated from the routes and completed by rule.

A route says what is its own: path, models, summary. What follows from the rules of the house is added here: security
from the guard, errors from what the operation takes, headers from what every answer carries.
"""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from engage_api.core.model import EXTERNAL_ID
from engage_api.core.problem import (
    AlreadyExists,
    BodyTooLarge,
    Changed,
    InsufficientScope,
    InternalError,
    InvalidCursor,
    InvalidJson,
    InvalidRequest,
    InvalidTransition,
    KeyReused,
    NotFound,
    PreconditionRequired,
    Problem,
    StaleVersion,
    StillRunning,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnknownReference,
    UnsupportedMediaType,
)
from engage_api.core.world import SandboxBusy, SandboxFull
from engage_api.http import examples, samples
from engage_api.http.components import HEADERS, PARAMETERS, problem_schema, stream_item
from engage_api.http.walk import EVENT_STREAM, Operation, operations

JSON, PROBLEM, PATCH = "application/json", "application/problem+json", "application/merge-patch+json"
SCHEMA_VERSION, OLDER_VERSION = "3.2.0", "3.1.0"

CONTACT = {
    "name": "The operator of this service",
    "url": f"{samples.HERE}/support/",
    "email": "operator@example.org",
}
"""In the committed description; where it is served, what its operator has set takes the place."""
OWN_ID = "Your own id for the resource."


def build(app: FastAPI) -> dict[str, Any]:
    """The whole description, as OpenAPI 3.2."""
    plain = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=SCHEMA_VERSION,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        servers=[{"url": "/v1"}],
        license_info=app.license_info,
    )
    document: dict[str, Any] = json.loads(re.sub(r"Page_(\w+?)_(?=\")|Page\[(\w+)\]", r"\1\2Page", json.dumps(plain)))
    document["info"]["contact"] = CONTACT
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (it begins with `eng_live_key_` or, in a sandbox, `eng_test_key_`) or an OAuth "
            "access token (`eng_live_token_`, `eng_test_token_`; `/.well-known/oauth-authorization-server`).",
        }
    }
    components["examples"] = {}
    components["headers"] = copy.deepcopy(HEADERS)
    components["parameters"] = {name.replace("-", ""): copy.deepcopy(value) for name, value in PARAMETERS.items()}
    schemas = components["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = problem_schema()
    for operation in operations(app):
        _complete(document["paths"][operation.path][operation.method], operation, schemas)
        for kind in problems_of(operation):
            components["examples"][kind.code] = {"value": samples.body(kind)}
    for add in getattr(app.state, "additions", ()):  # what those told it who composed the service
        add(document)
    _untitle([document["paths"], components])
    return document


def _untitle(part: Any) -> None:
    """Drop the titles that the generator makes of names, such as `Externalid`."""
    if isinstance(part, list):
        for one in part:
            _untitle(one)
    elif isinstance(part, dict):
        if isinstance(part.get("title"), str):
            del part["title"]
        for name in part.keys() - {"example", "examples", "default"}:
            _untitle(part[name])


def older(document: dict[str, Any]) -> dict[str, Any]:
    """The same as OpenAPI 3.1, for generators that do not know 3.2 yet. Only what a stream consists of is new since."""
    made = {**copy.deepcopy(document), "openapi": OLDER_VERSION}
    for methods in made["paths"].values():
        for operation in methods.values():
            if stream := operation["responses"].get("200", {}).get("content", {}).get(EVENT_STREAM):
                stream.clear()
                stream["schema"] = {"type": "string"}
    return made


def problems_of(operation: Operation) -> list[type[Problem]]:
    """Every problem that an operation can answer with, besides its own."""
    known: list[type[Problem]] = [InvalidRequest, TooManyRequests, InternalError, Unavailable]
    if operation.scope is not None:
        known += [Unauthenticated, InsufficientScope]
    if "{" in operation.path:
        known += [NotFound]
    if operation.has_body:
        known += [InvalidJson, BodyTooLarge, UnsupportedMediaType]
    known += [InvalidCursor] if operation.lists else []
    if operation.preconditioned:
        known += [PreconditionRequired, StaleVersion, Changed]
    if operation.idempotent:
        known += [StillRunning, KeyReused, StaleVersion] if operation.acts else [StillRunning, KeyReused]
    if operation.acts:
        known += [InvalidTransition, Changed]
    if operation.upserts:
        known += [StaleVersion, Changed]
    if operation.names_external_id:
        known += [AlreadyExists, UnknownReference]
    if operation.writes_inside:
        known += [SandboxBusy, SandboxFull] if operation.makes_more else [SandboxBusy]
    return known + [Problem.known[code] for code in operation.problems]


def _complete(found: dict[str, Any], operation: Operation, schemas: dict[str, Any]) -> None:
    found.pop("x-problems", None)
    found["operationId"] = operation.name
    found["security"] = operation.security
    if operation.scope:
        found["description"] = f"{found.get('description', '')}\n\n{operation.needs}".strip()
    parameters = found.setdefault("parameters", [])
    parameters += [{"$ref": f"#/components/parameters/{name.replace('-', '')}"} for name in _headers_in(operation)]
    if not parameters:
        del found["parameters"]
    for parameter in parameters:
        _place(parameter)
    responses = found["responses"]
    responses.pop("422", None)
    if operation.upserts:  # makes it when it is not there
        responses["201"] = copy.deepcopy(responses["200"])
    for status, answer in responses.items():
        _success(answer, int(status), operation, schemas)
    if operation.method == "get" and operation.shows_one:
        responses["304"] = {
            "description": "You have it already.",
            "headers": _refs("Api-Version", "ETag", "X-Request-Id"),
        }
    for status, kinds in _by_status(problems_of(operation)):
        responses[str(status)] = _refusal(status, kinds)
    found["responses"] = {status: responses[status] for status in sorted(responses)}
    if JSON in found.get("requestBody", {}).get("content", ()):  # a file has no example
        _body(found["requestBody"], operation, schemas)


def _place(parameter: dict[str, Any]) -> None:
    """Say what a part of the path is."""
    if parameter.get("name") == "external_id":
        parameter.update(description=OWN_ID, schema={"type": "string", "pattern": EXTERNAL_ID.pattern})
    elif parameter.get("in") == "path":
        parameter["description"] = "The id of the resource."


def _headers_in(operation: Operation) -> Iterator[str]:
    if operation.idempotent:
        yield "Idempotency-Key"
    if operation.preconditioned or operation.acts or operation.upserts:
        yield "If-Match"
    if operation.upserts:
        yield "If-None-Match-Any"
    if operation.method == "get" and operation.shows_one:
        yield "If-None-Match"
    if operation.streams:
        yield "Last-Event-ID"


DONE = {200: "As asked.", 201: "Made.", 202: "Put on its way.", 204: "Done; there is nothing to show."}


def _success(answer: dict[str, Any], status: int, operation: Operation, schemas: dict[str, Any]) -> None:
    names = ["Api-Version", "X-Request-Id"]
    names += ["RateLimit", "RateLimit-Policy"] if operation.scope else []
    names += ["ETag"] if operation.shows_one and operation.placed and status != 204 else []
    names += ["Location"] if status == 201 and operation.placed else []
    names += ["Idempotent-Replayed"] if operation.idempotent else []
    names += ["Link"] if operation.lists else []
    answer["headers"] = _refs(*names)
    answer["description"] = DONE[status]
    if operation.streams:
        answer["content"] = {EVENT_STREAM: {"itemSchema": stream_item("Event")}}
    content = answer.get("content", {}).get(JSON)
    if content is not None:
        content["example"] = examples.of(content["schema"], schemas)


def _body(body: dict[str, Any], operation: Operation, schemas: dict[str, Any]) -> None:
    content = body["content"][JSON]
    content["example"] = examples.of(content["schema"], schemas)
    if operation.method == "put":  # the path names it
        content["example"] = {name: value for name, value in content["example"].items() if name != "externalId"}
    if operation.method == "patch":
        body["content"] = {PATCH: copy.deepcopy(content), JSON: content}


def _refusal(status: int, kinds: list[type[Problem]]) -> dict[str, Any]:
    names = ["X-Request-Id"]
    names += ["Retry-After"] if status in (429, 503) else []
    names += ["WWW-Authenticate"] if status == 401 else []
    return {
        "description": " · ".join(f"`{kind.code}`: {kind.title}." for kind in kinds),
        "headers": _refs(*names),
        "content": {
            PROBLEM: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {kind.code: {"$ref": f"#/components/examples/{kind.code}"} for kind in kinds},
            }
        },
    }


def _by_status(kinds: list[type[Problem]]) -> list[tuple[int, list[type[Problem]]]]:
    found: dict[int, list[type[Problem]]] = {}
    for kind in kinds:
        same = found.setdefault(kind.status, [])
        if kind not in same:
            same.append(kind)
    return sorted(found.items())


def _refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
