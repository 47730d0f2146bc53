"""The parts of the description that operations share: headers, parameters, and the problem."""

from typing import Any

from engage_api.core.problem import Problem

TEXT = {"type": "string"}
TAG = '"k1Xv2mQ9bT4cR7wZpL0s"'

HEADERS: dict[str, dict[str, Any]] = {
    "Api-Version": {"description": "The version of the API.", "schema": TEXT, "example": "0.1.0"},
    "X-Request-Id": {"description": "The id of this request; also in our log.", "schema": TEXT | {"format": "uuid"}},
    "ETag": {"description": "The version of what is answered.", "schema": TEXT, "example": TAG},
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
        # No example: who tries the API out would send it with every request, and be given the first answer again.
        "schema": TEXT | {"minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
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
        "example": TAG,
    },
    "If-None-Match-Any": {
        "name": "If-None-Match",
        "in": "header",
        "description": "`*`: only make it; when there is something already, the answer is 412.",
        "schema": TEXT | {"enum": ["*"]},
    },
    "Last-Event-ID": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The id of the last event that you have: go on after it.",
        "schema": TEXT | {"maxLength": 100},
    },
}
SAID_BY_SOME: dict[str, dict[str, Any]] = {
    "requiredScope": TEXT | {"description": "With `insufficient-scope`: the scope that is missing."},
    "state": TEXT | {"description": "With `invalid-transition`: the state that the resource is in."},
    "allowed": {
        "type": "array",
        "items": dict(TEXT),
        "description": "With `invalid-transition`: the states that it can go to.",
    },
    "advance": TEXT | {"description": "With `advance-under-way`: the id of the advance that is under way."},
    "line": {"type": "integer", "minimum": 0, "description": "With `broken-file`: the line of the file, from 1 on."},
    "key": TEXT | {"description": "With `not-rotatable`: the id of the key that took its place, if one did."},
}
"""Members that only some problems have."""


def problem_schema() -> dict[str, Any]:
    """What every problem looks like."""
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
            "code": TEXT
            | {
                "description": "The type as one word. There may be new ones: pass over what you do not know.",
                "examples": ["invalid-request"],
                "x-extensible-enum": sorted(Problem.known),
            },
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
            **SAID_BY_SOME,
        },
    }


def stream_item(schema: str) -> dict[str, Any]:
    """One server-sent event whose data is of this schema (OpenAPI 3.2, section 4.14.4)."""
    data = TEXT | {
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": f"#/components/schemas/{schema}"},
    }
    return {
        "type": "object",
        "properties": {
            "data": data,
            "id": TEXT | {"description": "The id of the event."},
            "event": TEXT | {"description": "`problem` on the last message, if something is wrong: a Problem."},
            "retry": {"type": "integer", "minimum": 0, "description": "Milliseconds to wait before you come back."},
        },
    }
