"""The page of each operation: its parameters, the fields of its body and answer, and the errors that it can give."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from engage_api.app import create_api
from engage_api.http import openapi
from portal.generated.api import Door, doors
from portal.generated.tables import table

DEEPEST = 4  # objects in objects that are told of
OF_THEIR_OWN = {"Customer": "get-customer", "Case": "get-case", "Task": "get-task"}
"""Resources inside others are not told of twice: their own page does."""

Row = tuple[str, str, str]


@cache
def document() -> dict[str, Any]:
    """The description of the API."""
    return openapi.build(create_api())


def pages() -> Iterator[tuple[str, str, str, str]]:
    """For each operation its tag, its title, the path of its page and the Markdown."""
    for door in doors():
        yield door.tag, door.summary, path(door), _page(door)


def path(door: Door) -> str:
    """Where its page is."""
    return f"operations/{door.operation.name.replace('_', '-')}.md"


def _page(door: Door) -> str:
    one = door.operation
    says = document()["paths"][one.path][one.method]
    head = {
        "title": door.summary,
        "description": f"{one.method.upper()} /v1{one.path}: parameters, fields, answers, errors.",
    }
    parts = [
        "---\n" + "".join(f"{name}: {json.dumps(text)}\n" for name, text in head.items()) + "---",
        f"# {door.summary}",
        f"`{one.method.upper()} /v1{one.path}`{{ .operation .{one.method} }}",
        says["description"].replace(f"Scope: `{one.scope}`.", f"Scope: [`{one.scope}`](../scopes.md)."),
        *_parameters(says.get("parameters", ())),
        *_body(says.get("requestBody")),
        *(part for status, answer in says["responses"].items() if status < "400" for part in _answer(status, answer)),
        "## Errors",
        table(("Status", "Code", "What it says"), _errors(door)),
        "[All operations](../operations.md)",
    ]
    return "\n\n".join(parts) + "\n"


def _parameters(given: Any) -> Iterator[str]:
    if given:
        found = [_resolved(parameter) for parameter in given]
        rows = (
            (
                f"`{one['name']}`",
                f"{one['in']}, {_kind(one['schema'])}",
                _sentence(one.get("description", ""), needed=one.get("required", False)),
            )
            for one in found
        )
        yield "## Parameters"
        yield table(("Name", "Where and what", "About"), rows)


def _body(body: Any) -> Iterator[str]:
    if body:
        yield "## Body"
        yield " or ".join(f"`{media_type}`" for media_type in body["content"])
        yield from _shown(next(iter(body["content"].values())))


def _answer(status: str, answer: dict[str, Any]) -> Iterator[str]:
    yield f"## Answer {status}"
    yield answer["description"]
    yield "Headers: " + ", ".join(f"`{name}`" for name in answer["headers"]) + "."
    for content in answer.get("content", {}).values():
        yield from _shown(content)


def _shown(content: dict[str, Any]) -> Iterator[str]:
    if "itemSchema" in content:
        yield "A stream of these (`text/event-stream`):"
    yield table(("Field", "What", "About"), _fields(content.get("schema") or content["itemSchema"]))
    if "example" in content:
        yield "```json\n" + json.dumps(content["example"], indent=2, ensure_ascii=False) + "\n```"


def _errors(door: Door) -> Iterator[Row]:
    kinds = {kind.code: kind for kind in openapi.problems_of(door.operation)}
    for kind in sorted(kinds.values(), key=lambda kind: (kind.status, kind.code)):
        yield str(kind.status), f"[`{kind.code}`](../problems/{kind.code}.md)", f"{kind.title}."


def _fields(schema: dict[str, Any], before: str = "", depth: int = 0) -> Iterator[Row]:
    """A row for each field, and for the fields of an object inside: `contactPoints[].type`."""
    whole = _resolved(schema)
    for name, part in whole.get("properties", {}).items():
        place = f"{before}{name}"
        needed = name in whole.get("required", ())
        yield f"`{place}`", _kind(part), _sentence(_about(part), needed=needed)
        inner, listed = _inside(part)
        if depth < DEEPEST and (_name(inner) not in OF_THEIR_OWN or place == "items"):
            yield from _fields(inner, f"{place}{'[]' if listed else ''}.", depth + 1)


def _inside(part: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """What a field holds, null aside, and whether it holds a list of it."""
    real = _real(part)
    whole = _resolved(real)
    return (_real(whole["items"]), True) if whole.get("type") == "array" else (real, False)


def _kind(part: dict[str, Any]) -> str:
    """The kind of a value in a few words."""
    inner, listed = _inside(part)
    name = _name(inner)
    whole = _resolved(inner)
    if "enum" in whole:
        text = ", ".join(f"`{value}`" for value in whole["enum"])
        text = f"one of {text}" if len(whole["enum"]) > 1 else text
    elif name in OF_THEIR_OWN:
        text = f"[{name.lower()}]({OF_THEIR_OWN[name]}.md)"
    else:
        text = {"string": "text"}.get(whole.get("type", ""), whole.get("type", "any")) + _bounds(whole)
    null = " or null" if {"type": "null"} in part.get("anyOf", ()) else ""
    default = part.get("default")
    begins = f"; left out: `{json.dumps(default)}`" if default not in (None, [], {}) else ""
    return f"{'list of: ' if listed else ''}{text}{null}{begins}"


def _bounds(whole: dict[str, Any]) -> str:
    found = [str(whole["format"])] if "format" in whole else []
    if "maxLength" in whole:
        found.append(f"{whole.get('minLength', 0)}–{whole['maxLength']:,} characters")
    if "minimum" in whole:
        found.append(
            f"{_plain(whole['minimum'])}–{_plain(whole['maximum'])}"
            if "maximum" in whole
            else f"from {_plain(whole['minimum'])}"
        )
    if "pattern" in whole:
        found.append(f"like `{whole['pattern']}`")
    return "".join(f", {one}" for one in found)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _sentence(about: str, *, needed: bool) -> str:
    return f"{'**Needed.** ' if needed else ''}{' '.join(about.split())}".strip()


def _about(part: dict[str, Any]) -> str:
    real = _real(part)
    return str(part.get("description") or real.get("description") or _resolved(real).get("description", ""))


def _real(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next((one for one in part.get("anyOf", ()) if one != {"type": "null"}), part)
    return found


def _name(part: dict[str, Any]) -> str:
    return str(part.get("$ref", "")).rpartition("/")[2]


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: dict[str, Any] = document()
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found
