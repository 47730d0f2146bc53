"""The description of the API (OpenAPI 3.2), generated from the routes and completed by rule.

A route says what is its own: path, models, summary. What follows from the rules of the house is added here: security
from the guard, errors from what the operation takes, headers from what every answer carries.
"""

import copy
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from engage_api.core.problem import (
    AlreadyExists,
    BodyTooLarge,
    Changed,
    InsufficientScope,
    InternalError,
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
from engage_api.http import examples
from engage_api.http.walk import Operation, operations

JSON, PROBLEM, PATCH = "application/json", "application/problem+json", "application/merge-patch+json"
SCHEMA_VERSION, OLDER_VERSION = "3.2.0", "3.1.0"
TEXT = {"type": "string"}

HEADERS: dict[str, dict[str, Any]] = {
    "Api-Version": {"description": "The version of the API.", "schema": TEXT, "example": "0.1.0"},
    "X-Request-Id": {"description": "The id of this request; also in our log.", "schema": TEXT | {"format": "uuid"}},
    "ETag": {"description": "The version of what is answered.", "schema": TEXT, "example": '"5q2x…"'},
    "Location": {"description": "Where the new resource is.", "schema": TEXT | {"format": "uri-reference"}},
    "Link": {"description": 'The next page, `rel="next"` (RFC 8288).', "schema": TEXT},
    "RateLimit": {"description": "What is left of the limit.", "schema": TEXT, "example": '"window";r=599;t=60'},
    "RateLimit-Policy": {"description": "The limits.", "schema": TEXT, "example": '"window";q=600;w=60'},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}, "example": 12},
    "WWW-Authenticate": {"description": "Which credential is needed (RFC 6750, RFC 9728).", "schema": TEXT},
    "Idempotent-Replayed": {"description": "`true` when this is the first answer again.", "schema": TEXT},
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes a repetition safe: the same key and request have one effect and one answer, for a day.",
        "schema": TEXT | {"minLength": 1, "maxLength": 255},
        "example": "2f1f2f6e-7a3c-4d8a-9b1e-0c5d7e9a1b2c",
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "description": "The `ETag` of the version that the change is based on.",
        "schema": TEXT | {"maxLength": 1000},
        "example": "*",
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` that you have: if it is still right, the answer is 304 without a body.",
        "schema": TEXT | {"maxLength": 1000},
        "example": '"5q2x…"',
    },
}


def build(app: FastAPI) -> dict[str, Any]:
    """The whole description, as OpenAPI 3.2."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=SCHEMA_VERSION,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        servers=[{"url": "/v1"}],
        contact=app.contact,
        license_info=app.license_info,
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: `eng_live_key_…` or `eng_test_key_…`.",
        }
    }
    components["headers"] = copy.deepcopy(HEADERS)
    components["parameters"] = {name.replace("-", ""): copy.deepcopy(value) for name, value in PARAMETERS.items()}
    components["examples"] = {kind.code: {"value": _problem_example(kind)} for kind in Problem.known.values()}
    schemas = components["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _problem_schema()
    for operation in operations(app):
        _complete(document["paths"][operation.path][operation.method], operation, schemas)
    return document


def older(document: dict[str, Any]) -> dict[str, Any]:
    """The same as OpenAPI 3.1, for generators that do not know 3.2 yet. Nothing in it is new since 3.1."""
    return {**copy.deepcopy(document), "openapi": OLDER_VERSION}


def problems_of(operation: Operation) -> list[type[Problem]]:
    """Every problem that an operation can answer with, besides its own."""
    known: list[type[Problem]] = [InvalidRequest, TooManyRequests, InternalError, Unavailable]
    if operation.scope is not None:
        known += [Unauthenticated, InsufficientScope]
    if "{" in operation.path:
        known += [NotFound]
    if operation.has_body:
        known += [InvalidJson, BodyTooLarge, UnsupportedMediaType]
    if operation.preconditioned:
        known += [PreconditionRequired, StaleVersion, Changed]
    if operation.idempotent:
        known += [StillRunning, KeyReused, StaleVersion] if operation.acts else [StillRunning, KeyReused]
    if operation.acts:
        known += [InvalidTransition, Changed]
    if operation.names_external_id:
        known += [AlreadyExists, UnknownReference]
    return known + [Problem.known[code] for code in operation.problems]


def _complete(found: dict[str, Any], operation: Operation, schemas: dict[str, Any]) -> None:
    for ours in ("x-problems", "x-example"):
        found.pop(ours, None)
    found["security"] = [{"bearer": [operation.scope.value]}] if operation.scope else []
    if operation.scope:
        found["description"] = f"{found.get('description', '')}\n\nScope: `{operation.scope.value}`.".strip()
    parameters = found.setdefault("parameters", [])
    parameters += [{"$ref": f"#/components/parameters/{name.replace('-', '')}"} for name in _headers_in(operation)]
    if not parameters:
        del found["parameters"]
    for parameter in parameters:
        if "schema" in parameter and "example" not in parameter and "examples" not in parameter:
            parameter["schema"].pop("title", None)
    responses = found["responses"]
    responses.pop("422", None)
    for status, answer in responses.items():
        _success(answer, int(status), operation, schemas)
    if operation.method == "get" and operation.shows_one:
        responses["304"] = {"description": "You have it already.", "headers": _refs("ETag", "X-Request-Id")}
    for status, kinds in _by_status(problems_of(operation)):
        responses[str(status)] = _refusal(status, kinds)
    found["responses"] = {status: responses[status] for status in sorted(responses)}
    if "requestBody" in found:
        _body(found["requestBody"], operation, schemas)


def _headers_in(operation: Operation) -> Iterator[str]:
    if operation.idempotent:
        yield "Idempotency-Key"
    if operation.preconditioned or operation.acts:
        yield "If-Match"
    if operation.method == "get" and operation.shows_one:
        yield "If-None-Match"


def _success(answer: dict[str, Any], status: int, operation: Operation, schemas: dict[str, Any]) -> None:
    names = ["Api-Version", "X-Request-Id"]
    names += ["RateLimit", "RateLimit-Policy"] if operation.scope else []
    names += ["ETag"] if operation.shows_one and status != 204 else []
    names += ["Location"] if status == 201 else []
    names += ["Idempotent-Replayed"] if operation.idempotent else []
    names += ["Link"] if operation.method == "get" and not operation.shows_one else []
    answer["headers"] = _refs(*names)
    answer["description"] = {200: "As asked.", 201: "Made.", 204: "Done; there is nothing to show."}[status]
    content = answer.get("content", {}).get(JSON)
    if content is not None:
        content["example"] = examples.of(content["schema"], schemas)


def _body(body: dict[str, Any], operation: Operation, schemas: dict[str, Any]) -> None:
    content = body["content"][JSON]
    shown = operation.example or examples.of(content["schema"], schemas)
    content["example"] = shown
    if operation.method == "patch":
        body["content"] = {PATCH: copy.deepcopy(content), JSON: content}


def _refusal(status: int, kinds: list[type[Problem]]) -> dict[str, Any]:
    names = [
        "X-Request-Id",
        *(["Retry-After"] if status in (429, 503) else []),
        *(["WWW-Authenticate"] if status == 401 else []),
    ]
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


def _problem_example(kind: type[Problem]) -> dict[str, Any]:
    return {
        "type": f"https://api.example.org/problems/{kind.code}/",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.title,
        "instance": "urn:uuid:5f0c2f4e-5d0e-4b8e-9f57-0a7c3f1f9f10",
        "code": kind.code,
    }


def _problem_schema() -> dict[str, Any]:
    return {
        "title": "Problem",
        "description": "What went wrong (RFC 9457). `type` leads to a page that says what to do.",
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance", "code"],
        "properties": {
            "type": TEXT | {"format": "uri"},
            "title": dict(TEXT),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": dict(TEXT),
            "instance": TEXT | {"format": "uri", "description": "The id of the request."},
            "code": TEXT | {"enum": sorted(Problem.known)},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["code", "detail"],
                    "properties": {
                        "code": dict(TEXT),
                        "detail": dict(TEXT),
                        "pointer": TEXT | {"description": "JSON Pointer into the body (RFC 6901)."},
                        "parameter": TEXT | {"description": "Name of a query parameter or header."},
                    },
                },
            },
        },
    }
