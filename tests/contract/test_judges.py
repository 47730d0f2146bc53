"""Judges from outside accept the contract; and each of them can say no."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract import judges
from tests.contract.sample import sample

pytestmark = pytest.mark.node

NEW, OLD = "3.2.0", "3.1.0"
CONTRACTS = {NEW: judges.ROOT / "openapi" / "v1.json", OLD: judges.ROOT / "openapi" / "v1-3.1.json"}
SAT = [
    (judges.specification, NEW),
    (judges.specification, OLD),
    (judges.design_rules, NEW),
    (judges.design_rules, OLD),
    (judges.our_rules, NEW),
    (judges.redocly, NEW),
    (judges.redocly, OLD),
    (judges.typescript, OLD),
    (judges.python_client, OLD),
]


def name(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("judge", "version"), SAT, ids=name)
def test_the_contract_is_accepted(judge: judges.Judge, version: str, tmp_path: Path) -> None:
    found = judge(CONTRACTS[version], tmp_path)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("judge", "version"), SAT, ids=name)
def test_a_sound_sample_is_accepted(judge: judges.Judge, version: str, tmp_path: Path) -> None:
    found = judge(written(sample(version), tmp_path), tmp_path)
    assert not found, "\n".join(found)


def written(document: dict[str, Any], folder: Path) -> Path:
    path = folder / "contract.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def without(*way: str | int) -> Callable[[dict[str, Any]], None]:
    """A fault: what lies at the end of the way is missing."""

    def plant(document: Any) -> None:
        for step in way[:-1]:
            document = document[step]
        del document[way[-1]]

    return plant


def put(value: object, *way: str | int) -> Callable[[dict[str, Any]], None]:
    """A fault: the value stands at the end of the way."""

    def plant(document: Any) -> None:
        for step in way[:-1]:
            document = document[step]
        document[way[-1]] = value

    return plant


POST = ("paths", "/things", "post")
GET = ("paths", "/things/{id}", "get")
PLAIN = {"application/json": {"schema": {"type": "object"}}}
FAULTS = [
    (judges.specification, without(*POST, "responses", "201", "description"), "description"),
    (judges.specification, without(*GET, "parameters"), "id"),
    (judges.design_rules, without("info", "contact"), "info-contact"),
    (judges.design_rules, without(*GET, "responses", "200", "headers"), "missing-header"),
    (judges.design_rules, put("/api", "servers", 0, "url"), "major-version"),
    (judges.our_rules, without(*GET, "summary"), "engage:summary"),
    (judges.our_rules, put("Gets it.", *GET, "summary"), "engage:summary"),
    (judges.our_rules, without(*GET, "description"), "engage:description"),
    (judges.our_rules, put("getThing", *GET, "operationId"), "engage:operation-id"),
    (judges.our_rules, put([], *GET, "tags"), "engage:one-tag"),
    (judges.our_rules, without(*GET, "security"), "engage:security"),
    (judges.our_rules, without(*GET, "parameters", 0, "description"), "engage:parameter-description"),
    (judges.our_rules, without(*POST, "requestBody", "content", "application/json", "example"), "request-example"),
    (judges.our_rules, without(*GET, "responses", "200", "content", "application/json", "example"), "answer-example"),
    (judges.our_rules, put(PLAIN, *GET, "responses", "404", "content"), "engage:problems"),
    (judges.our_rules, without(*GET, "responses", "404", "content"), "engage:problems-have-content"),
    (judges.our_rules, put({"description": "No"}, *GET, "responses", "422"), "engage:no-422"),
    (judges.our_rules, without("components", "schemas", "Thing", "description"), "engage:schema-description"),
    (judges.our_rules, without(*GET, "responses", "429"), "rate-limit-responses-429"),
    (judges.our_rules, put([], *POST, "security"), "write-restricted"),
    (judges.redocly, without(*POST, "summary"), "operation-summary"),
    (judges.redocly, put("create_thing", *GET, "operationId"), "operation-operationId-unique"),
    (judges.typescript, put({"$ref": "#/components/schemas/Lost"}, "components", "schemas", "Thing"), "resolve $ref"),
    (judges.typescript, put("create_thing", *GET, "operationId"), "Duplicate identifier"),
    (judges.python_client, put({"$ref": "#/components/schemas/Lost"}, "components", "schemas", "Thing"), "Lost"),
]


@pytest.mark.parametrize(("judge", "plant", "told"), FAULTS, ids=[f"{name(j)}-{told}" for j, _, told in FAULTS])
def test_a_planted_fault_is_found(
    judge: judges.Judge, plant: Callable[[dict[str, Any]], None], told: str, tmp_path: Path
) -> None:
    document = sample(OLD)
    plant(document)
    found = judge(written(document, tmp_path), tmp_path)
    assert any(told in line for line in found), "\n".join(found)
