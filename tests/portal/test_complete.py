"""Nothing is missing: every problem, scope, setting, event type, operation and state has its place in the portal."""

import ast
import gc
import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from inspect import getdoc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mkdocs.exceptions import PluginError

import engage_api
from engage_api.app import create_api
from engage_api.core.problem import Problem
from engage_api.core.scopes import Scope
from engage_api.db.kind import Kind
from engage_api.http import openapi
from engage_api.http.samples import SAMPLES
from engage_api.settings import Settings
from portal import hooks
from portal.generated.api import KINDS, events
from portal.generated.problems import AGAIN
from tests.portal.pages import SITE, page

SOURCES = Path(engage_api.__file__).parent


def absent(names: Iterator[str], text: str) -> list[str]:
    return [name for name in names if name not in text]


def problems_without_a_page(site: Path) -> list[str]:
    return [code for code in Problem.known if not (site / "problems" / code / "index.html").is_file()]


def event_types() -> Iterator[str]:
    """From the sources, by another way than the portal goes: what each kind can be told to have happened."""
    for kind in (one for one in gc.get_objects() if type(one) is Kind):  # a proxy would look for what it stood for
        yield f"engage.{kind.name}.created.v1"
    machines = {id(machine): (kind.name, machine) for kind, _, machine in KINDS}
    for name, machine in transitions():
        assert id(machine) in machines, f"{name} is a state machine that the portal does not know"
        kind_name, _ = machines[id(machine)]
        yield from (f"engage.{kind_name}.{to}.v1" for following in machine.values() for to in following)


def transitions() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for module in pkgutil.walk_packages(engage_api.__path__, "engage_api."):
        if module.name.endswith(".service"):
            found = importlib.import_module(module.name)
            if hasattr(found, "TRANSITIONS"):
                yield module.name, found.TRANSITIONS


def words_of_events() -> set[str]:
    """The words that the sources give to `Happened(…)` or `happened=`, wherever they are literal."""
    words = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                given = [
                    *(node.args[:1] if name == "Happened" else []),
                    *(k.value for k in node.keywords if k.arg == "happened"),
                ]
                words |= {str(value.value) for value in given if isinstance(value, ast.Constant)}
    return words


def test_every_problem_has_a_page_that_says_what_the_code_says() -> None:
    assert problems_without_a_page(SITE) == []
    for code, kind in Problem.known.items():
        found = page(f"/problems/{code}/")
        prose = " ".join(found.words.split())
        assert kind.title in prose
        assert str(kind.status) in prose
        for line in (getdoc(kind) or "").replace("`", "").split("\n\n"):
            assert " ".join(line.split()) in prose, code


def test_every_problem_is_in_the_list_of_all() -> None:
    links = page("/errors/").links
    assert [code for code in Problem.known if f"../problems/{code}/" not in links] == []


def test_what_is_said_of_single_problems_is_said_of_some_that_exist() -> None:
    assert set(AGAIN) | set(SAMPLES) <= set(Problem.known)


def test_every_scope_has_a_line() -> None:
    text = page("/scopes/").words
    assert absent((scope.value for scope in Scope), text) == []
    assert absent((scope.sentence for scope in Scope), text) == []


def test_every_setting_has_a_line() -> None:
    names = (f"ENGAGE_{name.upper()}" for name in Settings.model_fields)
    assert absent(names, page("/settings/").words) == []
    assert all(field.description for field in Settings.model_fields.values())


def test_every_operation_has_a_heading() -> None:
    found = page("/operations/")
    paths = openapi.build(create_api())["paths"]
    assert sum(len(methods) for methods in paths.values()) > 30
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation["operationId"].replace("_", "-") in found.ids
            assert f"{method.upper()} /v1{path}" in found.words


def test_every_operation_has_a_page_with_its_parameters_fields_answers_and_errors() -> None:
    description = openapi.build(create_api())
    schemas = description["components"]["schemas"]
    for methods in description["paths"].values():
        for operation in methods.values():
            found = page(f"/operations/{operation['operationId'].replace('_', '-')}/")
            names = [one["name"] for one in operation.get("parameters", ()) if "name" in one]
            for part in (operation.get("requestBody", {}), operation["responses"].get("200", {})):
                for content in part.get("content", {}).values():
                    schema = content.get("schema") or content["itemSchema"]
                    names += schemas.get(schema.get("$ref", "").rpartition("/")[2], schema).get("properties", ())
            codes = [
                code
                for status, one in operation["responses"].items()
                if status > "399"
                for code in one["content"]["application/problem+json"]["examples"]
            ]
            assert absent(iter([*names, *codes]), found.words) == [], found.where
            assert operation["summary"] in page("/operations/").words


def test_every_event_type_has_a_line() -> None:
    text = page("/events/").words
    types = set(event_types())
    assert len(types) > 20
    assert absent(iter(types), text) == []
    assert absent((name for name, _ in events()), text) == []


def test_every_event_type_has_a_heading_a_sentence_and_an_example() -> None:
    for kind, _, _ in KINDS:
        found = page(f"/event-types/{kind.name}/")
        assert f'"type": "{kind.event("created")}"' in found.words
        for name, sentence in kind.events():
            assert name.replace(".", "-") in found.ids
            assert sentence.replace("`", "") in found.words, name
            assert found.words.count(f'"{name}"') == 1
    assert '"x.org_demo.meter.exceeded"' in page("/event-types/signal/").words


def test_every_word_for_what_happened_is_told() -> None:
    told = {name.split(".")[2] for name, _ in events()}
    assert "leaked" in words_of_events()
    assert words_of_events() <= told


def test_every_state_has_a_line() -> None:
    text = page("/states/").words
    states = {state for _, machine in transitions() for state in machine}
    assert absent(iter(states), text) == []


def test_every_mapping_has_a_line() -> None:
    names = [path.stem for path in (SOURCES / "imports" / "mappings").glob("*.yaml")]
    assert "wabo-receipt" in names
    assert absent(iter(names), page("/import/").words) == []


def test_the_summary_for_language_models_has_every_page() -> None:
    text = (SITE / "llms.txt").read_text(encoding="utf-8")
    places = [
        entry["location"]
        for entry in json.loads((SITE / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
        if "#" not in entry["location"]
    ]
    assert len(places) > 40
    assert absent((f"](/{place})" for place in places), text) == []


def test_a_planted_problem_is_missed() -> None:
    class Planted(Problem):
        """Nobody wrote a page."""

        code, status, title = "planted", 400, "Planted"

    try:
        assert problems_without_a_page(SITE) == ["planted"]
    finally:
        del Problem.known[Planted.code]


@pytest.mark.parametrize("place", ["/scopes/", "/settings/", "/events/", "/states/"])
def test_a_planted_name_is_missed(place: str) -> None:
    assert absent(iter(["planted:name"]), page(place).words) == ["planted:name"]


def test_a_place_that_nothing_fills_stops_the_build() -> None:
    nowhere: Any = SimpleNamespace(file=SimpleNamespace(src_uri="x.md"))
    with pytest.raises(PluginError, match="nothing generates"):
        hooks.on_page_markdown("<!-- generated: nothing -->", page=nowhere)
