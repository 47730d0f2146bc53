"""What is sent is told for machines: by AsyncAPI, and by the webhooks of OpenAPI; from the same catalogue."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes with the judges

from engage_api.app import KINDS, create_api
from engage_api.events import asyncapi, catalogue
from engage_api.http import contract, openapi
from engage_api.settings import Contact
from tests.contract import judges
from tests.contract.test_judges import put, without, written

DESCRIPTION: dict[str, Any] = openapi.build(create_api())
KNOWN: dict[str, Any] = DESCRIPTION["components"]["schemas"]
TYPES = [name for kind in sorted(KINDS, key=lambda kind: kind.name) for name, _ in kind.events()]
CASE = "engage.case.delivered.v1"
FAULTS = [
    (without("info", "version"), "version"),
    (put({"$ref": "#/components/messages/lost"}, "channels", "stream", "messages", CASE), "lost"),
    (put("sends", "operations", "stream_events", "action"), "action"),
    (put("Case", "components", "schemas", "CaseEvent", "properties", "data"), "data"),
]


def fresh() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(asyncapi.build(DESCRIPTION, "https://api.example.org/engage")))
    return made


def small() -> dict[str, Any]:
    """The document with one type of event: the judge reads it in a tenth of the time."""
    document = fresh()
    for part in (*document["channels"].values(), document["components"]):
        part["messages"] = {name: part["messages"][name] for name in (CASE, "problem") if name in part["messages"]}
    named = json.dumps(document["components"]["schemas"]["CaseEvent"])
    wanted = {"CaseEvent", "Case", "Problem", asyncapi.HEADERS, *re.findall(r"schemas/(\w+)", named)}
    wanted |= set(re.findall(r"schemas/(\w+)", json.dumps(document["components"]["schemas"]["Case"])))
    document["components"]["schemas"] = {name: document["components"]["schemas"][name] for name in sorted(wanted)}
    return document


def told_wrong(example: Any, schema: str) -> list[str]:
    """Where an example does not fit the schema of this name."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DESCRIPTION["components"]}
    return [".".join(map(str, error.path)) for error in Draft202012Validator(whole).iter_errors(example)]


@pytest.mark.node
def test_the_makers_of_asyncapi_accept_what_is_committed_and_find_every_planted_fault(tmp_path: Path) -> None:
    files = [judges.ROOT / "openapi" / "asyncapi.json", written(small(), tmp_path)]
    for plant, told in FAULTS:
        document = small()
        plant(document)
        (tmp_path / told).mkdir()
        files.append(written(document, tmp_path / told))
    committed, sound, *planted = judges.asyncapi(*files)
    assert not committed + sound, "\n".join(committed + sound)
    for (_, told), found in zip(FAULTS, planted, strict=True):
        assert any(told in line for line in found), f"{told}: {found}"


def test_every_type_has_its_place_in_both() -> None:
    assert len(TYPES) == len(set(TYPES)) > 40
    assert list(DESCRIPTION["webhooks"]) == [*TYPES, catalogue.SIGNAL]
    document = fresh()
    names = DESCRIPTION["webhooks"].keys()
    assert document["channels"]["webhooks"]["messages"].keys() == names
    assert (
        document["channels"]["stream"]["messages"].keys()
        == names | {"problem"}
        == document["components"]["messages"].keys()
    )
    operations = [one["post"]["operationId"] for one in DESCRIPTION["webhooks"].values()]
    operations += [one["operationId"] for path in DESCRIPTION["paths"].values() for one in path.values()]
    assert len(operations) == len(set(operations))


def test_every_type_has_an_example_that_its_schema_and_its_model_take() -> None:
    for one in catalogue.types():
        shown = DESCRIPTION["webhooks"][one.name]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert shown == catalogue.example(one, KNOWN)
        assert told_wrong(shown, one.schema) == []
        assert told_wrong(shown | {"id": 1}, one.schema) == ["id"]
        if one.name != catalogue.SIGNAL:
            kind = next(kind for kind in KINDS if one.name in dict(kind.events()))
            data = kind.public.model_validate_json(json.dumps(shown["data"]))
            assert json.loads(kind.render(data)).keys() >= shown["data"].keys()
            assert (shown["type"], shown["subject"]) == (one.name, data.id)
            assert data.id.startswith(f"{kind.prefix}_")


def test_a_service_tells_its_own_address_and_operator() -> None:
    text = contract.served(create_api(), "https://api.example.org/engage", Contact("", "https://example.org"))
    document = json.loads(text["asyncapi.json"])
    server = document["servers"]["here"]
    assert (server["host"], server["pathname"], server["protocol"]) == ("api.example.org", "/engage/v1", "https")
    assert document["info"]["contact"]["url"] == "https://example.org"
    assert "email" not in document["info"]["contact"]
