"""What the description says is what is answered, and leaves clients room."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engage_api
from engage_api.app import create_api
from engage_api.core.problem import Problem
from engage_api.http import openapi

DOCUMENT: dict[str, Any] = openapi.build(create_api())
PROBLEM = DOCUMENT["components"]["schemas"]["Problem"]
NOT_SCHEMAS = {"example", "examples", "default"}


def said_by_some() -> set[str]:
    """The members that the sources give to problems as `more=`, wherever they are literal."""
    found, kinds = set(), {kind.__name__ for kind in Problem.known.values()}
    for path in Path(engage_api.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in kinds:
                for given in (word.value for word in node.keywords if word.arg == "more"):
                    found |= {str(key.value) for key in getattr(given, "keys", ()) if isinstance(key, ast.Constant)}
    return found


def schemas(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for name, inner in part.items():
            if name not in NOT_SCHEMAS:
                yield from schemas(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from schemas(inner)


def test_every_member_of_a_problem_is_described() -> None:
    assert {"requiredScope", "state", "allowed"} <= said_by_some()
    assert said_by_some() <= PROBLEM["properties"].keys()
    for code, example in DOCUMENT["components"]["examples"].items():
        assert example["value"].keys() <= PROBLEM["properties"].keys(), code
    assert DOCUMENT["components"]["examples"]["invalid-transition"]["value"]["allowed"]
    assert DOCUMENT["components"]["examples"]["insufficient-scope"]["value"]["requiredScope"]


def test_a_new_kind_of_problem_breaks_no_client() -> None:
    assert "enum" not in PROBLEM["properties"]["code"]
    assert set(PROBLEM["properties"]["code"]["x-extensible-enum"]) == set(Problem.known)


def test_no_schema_has_a_title_that_a_generator_made_of_its_name() -> None:
    parts = [DOCUMENT["paths"], DOCUMENT["components"]]
    assert [part["title"] for part in schemas(parts) if isinstance(part.get("title"), str)] == []


def test_every_field_of_a_resource_says_what_it_is() -> None:
    found = DOCUMENT["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name in (
            "Customer",
            "Case",
            "Task",
            "Decision",
            "Participant",
            "InformationNeeded",
            "ContactPoint",
            "Context",
        )
        for field, says in found[name]["properties"].items()
        if "description" not in says and "description" not in says.get("anyOf", [{}])[0]
    ]
    assert silent == []


def test_operations_are_found_by_the_words_that_people_search_for() -> None:
    words = {"create": "Create ", "update": "Update ", "list": "List ", "delete": "Delete ", "rotate": "Rotate "}
    words |= {"transition": "Transition ", "put": "Create or replace "}
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            verb = operation["operationId"].split("_")[0]
            assert operation["summary"].startswith(words.get(verb, "")), operation["operationId"]


def test_examples_name_the_default_address_and_nobody_elses() -> None:
    text = json.dumps(DOCUMENT)
    assert "api.example.org" not in text
    assert "http://127.0.0.1:8000/problems/not-found/" in text
