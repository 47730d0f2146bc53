"""The operations that are attacked, taken from the description that the service gives of itself."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from engage_api.app import create_api
from engage_api.http import contract

Schema = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method on one path. `schema` and `example` are those of its body, `required` whether it must have one."""

    name: str
    method: str
    path: str
    scopes: tuple[str, ...]
    parameters: tuple[str, ...]
    queries: tuple[str, ...]
    schema: Schema | None
    example: Any
    required: bool

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
            content: Schema = next(iter(one.get("requestBody", {}).get("content", {}).values()), {})
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
                )
            )
    return tuple(found)


def _ours(name: str, example: Any) -> Any:
    """As whoever attacks would send it: a signal is of the organization that sends it."""
    return example | {"type": "x.org_operator.meter.exceeded"} if name == "create_signal" else example


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
