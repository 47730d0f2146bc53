"""The operations that are attacked, taken from the description that the service gives of itself."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from engage_api.app import create_api
from engage_api.http import contract
from tests.attack import jsonl

Schema = dict[str, Any]
FROZEN = {"mode": "frozen", "now": "2026-03-02T09:00:00Z"}
ALSO: dict[str, Schema] = {
    "create_signal": {"type": "x.org_operator.meter.exceeded"},
    "create_sandbox": {"size": "empty", "seed": "attack", "clock": FROZEN},
}


@dataclass(frozen=True)
class Operation:
    """One method on one path. `schema`, `example` and `type` are those of its body, `required`: it must have one."""

    name: str
    method: str
    path: str
    scopes: tuple[str, ...]
    parameters: tuple[str, ...]
    queries: tuple[str, ...]
    schema: Schema | None
    example: Any
    required: bool
    type: str

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def at(self, ids: dict[str, str]) -> str:
        """The path with these values for its parameters."""
        return "/v1" + self.path.format(**ids)

    def __repr__(self) -> str:
        return self.name


@cache
def description() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(contract.documents(create_api())["v1.json"])
    return document


@cache
def operations() -> tuple[Operation, ...]:
    found = []
    for path, methods in description()["paths"].items():
        for method, one in methods.items():
            parameters = [resolved(parameter) for parameter in one.get("parameters", ())]
            contents: dict[str, Schema] = one.get("requestBody", {}).get("content", {})
            kind = next(iter(contents), "application/json")
            content = contents.get(kind, {})
            found.append(
                Operation(
                    one["operationId"],
                    method.upper(),
                    path,
                    tuple(one["security"][0]["bearer"]) if one["security"] else (),
                    tuple(p["name"] for p in parameters if p["in"] == "path"),
                    tuple(p["name"] for p in parameters if p["in"] == "query"),
                    content.get("schema"),
                    _ours(one["operationId"], content.get("example")),
                    one.get("requestBody", {}).get("required", False),
                    kind,
                )
            )
    return tuple(found)


def _ours(name: str, example: Any) -> Any:
    """As whoever attacks would send it: a signal is of the organization that sends it, a file is whole, and a sandbox
    is the same wherever it is made.
    """
    if name == "import_sandbox":
        return jsonl.WHOLE
    return example | ALSO[name] if name in ALSO else example


def writes() -> list[Operation]:
    return [operation for operation in operations() if operation.writes]


def resolved(schema: Schema) -> Schema:
    """What a reference stands for."""
    while "$ref" in schema:
        found: Any = description()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def properties(schema: Schema) -> dict[str, Schema]:
    """The members of an object's schema, by name."""
    found: dict[str, Schema] = resolved(schema).get("properties", {})
    return found


def kinds(schema: Schema) -> list[Schema]:
    """The alternatives of a schema, references followed: `string | null` is two."""
    schema = resolved(schema)
    return [kind for one in schema["anyOf"] for kind in kinds(one)] if "anyOf" in schema else [schema]
