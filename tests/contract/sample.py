"""A small contract that every judge accepts, so that what a judge says of a planted fault is about the fault."""

from typing import Any

HEADERS = {"API-Version": {"description": "Version in full.", "schema": {"type": "string"}}}
THING = {"id": "thg_1", "name": "First"}


def problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "headers": HEADERS, "content": content}


def answer(description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}, "example": THING}}
    return {"description": description, "headers": HEADERS, "content": content}


def operation(name: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    errors = {"400": "Invalid", "401": "Who?", "403": "No", "404": "Unknown", "429": "Too often", "500": "Our fault"}
    return {
        "operationId": name,
        "summary": summary,
        "description": f"{summary}, and nothing else.",
        "tags": ["things"],
        "security": [{"bearer": []}],
        "responses": responses | {status: problem(text) for status, text in errors.items()},
    }


def schemas() -> dict[str, Any]:
    text = {"type": "string", "maxLength": 100}
    members = {"type": text, "title": text, "status": {"type": "integer", "format": "int32"}, "detail": text}
    return {
        "NewThing": {
            "description": "A thing to make.",
            "type": "object",
            "required": ["name"],
            "properties": {"name": text, "madeAt": {"type": "string", "format": "date-time"}},
        },
        "Thing": {
            "description": "A thing.",
            "type": "object",
            "required": ["id", "name"],
            "properties": {"id": text, "name": text, "colour": {"type": ["string", "null"], "maxLength": 20}},
        },
        "Problem": {"description": "RFC 9457.", "type": "object", "required": list(members), "properties": members},
    }


def sample(version: str) -> dict[str, Any]:
    """The contract as OpenAPI `version`, a fresh one each time."""
    made = operation("create_thing", "Make a thing", {"201": answer("Made")})
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}, "example": {"name": "First"}}}
    made["requestBody"] = {"required": True, "content": body}
    got = operation("get_thing", "Get a thing", {"200": answer("It")})
    named = {"name": "id", "in": "path", "required": True, "description": "Its id.", "schema": {"type": "string"}}
    asked = {"name": "withColour", "in": "query", "description": "With it.", "schema": {"type": "boolean"}}
    return {
        "openapi": version,
        "info": {
            "title": "Sample",
            "version": "0.1.0",
            "description": "A sample.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "contact": {"name": "Nobody", "url": "https://example.org", "email": "nobody@example.org"},
        },
        "servers": [{"url": "/v1"}],
        "tags": [{"name": "things", "description": "Things."}],
        "paths": {"/things": {"post": made}, "/things/{id}": {"get": got | {"parameters": [named, asked]}}},
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "A key."}},
        },
    }
