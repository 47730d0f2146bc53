"""Examples for the description, put together from the examples that stand beside each field."""

from typing import Any

DEEPEST = 8


def of(schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> Any:
    """A value that fits the schema: its own example or default where it has one, else one made of its parts."""
    if "$ref" in schema:
        return of(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for name in ("example", "default", "const"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return of(next(one for one in schema["anyOf"] if one.get("type") != "null"), schemas, depth)
    return _by_type(schema, schemas, depth)


def _by_type(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    match schema.get("type"):
        case "object":
            parts = schema.get("properties", {}) if depth < DEEPEST else {}
            return {name: of(part, schemas, depth + 1) for name, part in parts.items()}
        case "array":
            return [of(schema["items"], schemas, depth + 1)] if depth < DEEPEST else []
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return True
        case _:
            return "text"
