"""What is wrong with a body: all of it at once, each place by its JSON Pointer (RFC 6901)."""

import json
from typing import Any

import pytest

from tests.api.harness import Client, places, refused
from tests.api.samples import SAMPLES

SECRET = "zq7Xmark"  # stands in every value that is sent; no answer shows it
WRONG: dict[str, list[tuple[Any, set[str]]]] = {
    "/customers": [
        ({}, {"/kind", "/displayName"}),
        ({"kind": SECRET, "displayName": ""}, {"/kind", "/displayName"}),
        ({"kind": "person", "displayName": " "}, {"/displayName"}),
        ({"kind": "person", "displayName": "\u00a0\t\u2003\u2028\x85\x1f"}, {"/displayName"}),
        ({"kind": "person", "displayName": "A", "context": {"role": "  "}}, {"/context/role"}),
        (
            {
                "kind": 7,
                "displayName": "x" * 201,
                "externalId": f"{SECRET} !",
                "identifiers": [{"scheme": "a", "value": "b"}, {"scheme": f"{SECRET} é", "value": ""}],
                "contactPoints": [{"type": SECRET, "value": "a", "preferred": "yes"}],
                "preferences": {"language": f"{SECRET}_", "channels": ["web", SECRET], "contactable": 1},
                "context": {"role": "", "more": SECRET},
                "segments": ["a", [SECRET]],
                "metadata": {"a": 1, "b": SECRET * 100},
                "state": SECRET,
            },
            {
                "/kind",
                "/displayName",
                "/externalId",
                "/identifiers/1/scheme",
                "/identifiers/1/value",
                "/contactPoints/0/type",
                "/contactPoints/0/preferred",
                "/preferences/language",
                "/preferences/channels/1",
                "/preferences/contactable",
                "/context/role",
                "/context/more",
                "/segments/1",
                "/metadata/a",
                "/metadata/b",
                "/state",
            },
        ),
        ({"kind": "person", "displayName": "A", "a/b": SECRET, "c~d": SECRET}, {"/a~1b", "/c~0d"}),
        ({"kind": "person", "displayName": "A", "metadata": {"a/b~": SECRET}}, {"/metadata/a~1b~0"}),
        ([SECRET], {""}),
        (SECRET, {""}),
        (None, {""}),
    ],
    "/cases": [
        ({"type": "", "title": None, "channel": SECRET}, {"/type", "/title", "/channel"}),
        (
            {
                "type": "a",
                "title": "A",
                "dueAt": SECRET,
                "receivedAt": "2026-01-01",
                "decision": {"result": [SECRET], "decidedAt": 1},
                "participants": [{"role": "r"}, SECRET],
                "tasks": [{"title": "ok", "dueAt": "2026-02-30T00:00:00Z"}, {"assignee": 5}],
            },
            {
                "/dueAt",
                "/receivedAt",
                "/decision/result",
                "/decision/decidedAt",
                "/participants/0/name",
                "/participants/1",
                "/tasks/0/dueAt",
                "/tasks/1/title",
                "/tasks/1/assignee",
            },
        ),
    ],
    "/offers": [
        (
            {
                "title": "A",
                "components": [{"name": "a", "quantity": "7"}, {"name": "b", "quantity": 0, "price": {"amount": 1.5}}],
                "price": {"money": {"amount": f"1{SECRET}", "currency": "eur"}, "period": SECRET},
                "channels": [SECRET],
                "validFrom": "2026-01-01T00:00:00",
            },
            {
                "/components/0/quantity",
                "/components/1/quantity",
                "/components/1/price/amount",
                "/components/1/price/currency",
                "/price/money/amount",
                "/price/money/currency",
                "/price/period",
                "/channels/0",
                "/validFrom",
            },
        ),
        ({"title": "A", "validFrom": "2026-01-02T00:00:00Z", "validUntil": "2026-01-01T00:00:00Z"}, {"/validUntil"}),
    ],
    "/api-keys": [
        ({"name": "", "scopes": [SECRET]}, {"/name", "/scopes/0"}),
        ({"name": "A", "scopes": [], "networks": ["10.0.0.0/8", SECRET]}, {"/scopes", "/networks/1"}),
    ],
}


@pytest.mark.parametrize("path", WRONG)
async def test_everything_wrong_with_a_body_is_told_at_once_by_json_pointers_rfc_6901(api: Client, path: str) -> None:
    for body, expected in WRONG[path]:
        sent = await api.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
        problem = refused(sent, 400, "invalid-request")
        assert places(problem) == expected, body
        assert all(error["code"] and error["detail"] for error in problem["errors"])
        assert SECRET not in json.dumps(problem)


async def test_a_name_is_anything_that_can_be_seen(api: Client) -> None:
    for name in (" Ann ", ".", "é", "李", "🙂"):
        made = await api.made("/customers", {"kind": "person", "displayName": name})
        assert made["displayName"] == name


async def test_what_a_patch_sets_to_null_is_told_as_that(api: Client) -> None:
    for name, patch, where in (
        ("customer", {"displayName": None}, "/displayName"),
        ("case", {"decision": {"result": None}}, "/decision/result"),
        ("offer", {"price": {"money": {"amount": None}}}, "/price/money/amount"),
    ):
        made = await SAMPLES[name].make(api, SAMPLES[name].full)
        [error] = refused(await api.change(SAMPLES[name].at(made), patch), 400, "invalid-request")["errors"]
        assert error == {"code": "null", "detail": "It cannot be null.", "pointer": where}
    made = await SAMPLES["case"].make(api)  # what was never there is missing, not null
    [error] = refused(await api.change(f"/cases/{made['id']}", {"decision": {}}), 400, "invalid-request")["errors"]
    assert (error["code"], error["pointer"]) == ("missing", "/decision/result")


async def test_the_pointers_of_a_patch_are_those_of_the_patch(api: Client) -> None:
    for name, patch, expected in (
        (
            "customer",
            {"displayName": None, "preferences": {"language": SECRET + "_"}},
            {"/displayName", "/preferences/language"},
        ),
        (
            "case",
            {"title": None, "decision": {"result": None, "odd": SECRET}},
            {"/title", "/decision/result", "/decision/odd"},
        ),
        ("task", {"title": None, "metadata": {"a b": SECRET}}, {"/title", "/metadata/a b"}),
        ("offer", {"price": {"money": {"currency": SECRET}}, "components": None}, {"/price/money/currency"}),
    ):
        made = await SAMPLES[name].make(api, SAMPLES[name].full)
        problem = refused(await api.change(SAMPLES[name].at(made), patch), 400, "invalid-request")
        assert places(problem) == expected
        assert SECRET not in json.dumps(problem)
        assert await api.read(SAMPLES[name].at(made)) == made
