"""Filters one by one and in pairs. The oracle asks the documents themselves."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from tests.api.harness import Client, answered, places, refused
from tests.api.samples import Body

Rule = Callable[[Body, str], bool]
Filters = dict[str, tuple[Rule, list[str]]]


def same(field: str) -> Rule:
    return lambda document, value: bool(document[field] == value)


def since(field: str) -> Rule:
    return lambda document, value: document[field] is not None and bool(document[field] >= value)


def before(field: str) -> Rule:
    return lambda document, value: document[field] is not None and bool(document[field] < value)


def identified(document: Body, value: str) -> bool:
    return any(value in (one["value"], f"{one['scheme']}:{one['value']}") for one in document["identifiers"])


def reached(document: Body, value: str) -> bool:
    return any(one["value"].lower() == value.lower() for one in document["contactPoints"])


def valid(document: Body, value: str) -> bool:
    start, end = document["validFrom"], document["validUntil"]
    return document["state"] == "active" and (start is None or start <= value) and (end is None or value < end)


COMMON: Filters = {
    "externalId": (same("externalId"), ["own:2", "own:none"]),
    "metadataKey": (lambda document, value: value in document["metadata"], ["colour", "size", "none"]),
}
LONG = "x" * 320
FILTERS: dict[str, Filters] = {
    "customers": {
        "state": (same("state"), ["prospect", "active", "closed"]),
        "kind": (same("kind"), ["person", "organization"]),
        "segment": (lambda document, value: value in document["segments"], ["vip", "home-owner", "none"]),
        "identifier": (identified, ["12", "kvk:12", "bsn:12", LONG, f"bsn:{LONG}"]),
        "contactPoint": (reached, ["A@example.org", "a@EXAMPLE.org", "+31 30", "a@example"]),
    },
    "cases": {
        "state": (same("state"), ["received", "accepted", "waiting"]),
        "type": (same("type"), ["permit", "Permit"]),
        "channel": (same("channel"), ["web", "desk", "letter"]),
        "triage": (same("triage"), ["standard", "tailored"]),
        "dueFrom": (since("dueAt"), ["2026-12-01T00:00:00.000Z"]),
        "dueUntil": (before("dueAt"), ["2026-12-01T00:00:00.000Z", "2027-12-01T00:00:00.000Z"]),
    },
    "tasks": {
        "state": (same("state"), ["available", "active", "failed"]),
        "kind": (same("kind"), ["routine", "call"]),
        "mode": (same("mode"), ["manual", "automatic"]),
        "assignee": (same("assignee"), ["Team A", "team a", "Team"]),
        "dueFrom": (since("dueAt"), ["2026-12-01T00:00:00.000Z"]),
        "dueUntil": (before("dueAt"), ["2026-12-01T00:00:00.000Z", "2027-12-01T00:00:00.000Z"]),
    },
    "offers": {
        "state": (same("state"), ["draft", "active", "retired"]),
        "channel": (lambda document, value: value in document["channels"], ["web", "desk", "chat"]),
        "validAt": (valid, ["2096-06-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"]),
    },
}
DUE = [None, "2026-12-01T00:00:00.000Z", "2026-11-30T23:59:59.999Z", "2027-01-01T00:00:00.000Z"]


def bodies(name: str) -> list[Body]:
    """Twelve, in which every filter has something to find and something to leave out."""
    made = []
    for n in range(12):
        common = {
            "externalId": f"own:{n}",
            "metadata": {"colour": "red" if n % 2 else "blue"} if n % 3 else {"size": "L"},
        }
        made.append(common | OWN[name](n))
    return made


OWN: dict[str, Callable[[int], Body]] = {
    "customers": lambda n: {
        "kind": "organization" if n % 4 == 1 else "person",
        "displayName": f"Name {n}",
        "segments": [["vip"], ["vip", "home-owner"], []][n % 3],
        "identifiers": [{"scheme": "bsn" if n % 2 else "kvk", "value": ["12", "13", LONG][n % 3]}],
        "contactPoints": [{"type": "email", "value": f"{'aAb'[n % 3]}@Example.org"}] if n % 5 else [],
    },
    "cases": lambda n: {
        "type": "permit" if n % 3 else "Permit",
        "title": f"Case {n}",
        "channel": ["web", "desk", "phone"][n % 3],
        "triage": "tailored" if n % 4 == 1 else "standard",
        "dueAt": DUE[n % len(DUE)],
    },
    "tasks": lambda n: {
        "title": f"Task {n}",
        "kind": "call" if n % 3 == 1 else "routine",
        "mode": "automatic" if n % 4 == 1 else "manual",
        "assignee": ["Team A", "team a", None][n % 3],
        "dueAt": DUE[n % len(DUE)],
    },
    "offers": lambda n: {
        "title": f"Offer {n}",
        "channels": [["web"], ["desk", "web"], []][n % 3],
        "validFrom": "2026-01-01T00:00:00.000Z" if n % 2 else None,
        "validUntil": "2096-06-01T00:00:00.000Z" if n % 5 == 1 else None,
    },
}
MOVES = {"customers": "active", "cases": "accepted", "tasks": "active", "offers": "active"}


async def filled(api: Client, name: str) -> list[Body]:
    """The documents, a third of them in their second state."""
    home = "/cases"
    if name == "tasks":
        case = await api.made("/cases", {"type": "any", "title": "Holder"})
        home = f"/cases/{case['id']}/tasks"
    for n, body in enumerate(bodies(name)):
        made = await api.made(home if name == "tasks" else f"/{name}", body)
        if n % 3 == 2:
            await api.moved(f"/{name}/{made['id']}", MOVES[name])
    found: list[Body] = (await api.read(f"/{name}", limit=200))["items"]
    return found


def ranges(documents: list[Body]) -> Filters:
    """Bounds in the midst of what there is: the value itself is in for `From` and out for `Until`."""
    made: Filters = {}
    for field in ("createdAt", "updatedAt"):
        middle = sorted(document[field] for document in documents)[len(documents) // 2]
        short = field.removesuffix("At")
        made[f"{short}From"] = (since(field), [middle])
        made[f"{short}Until"] = (before(field), [middle, middle.replace("Z", "+00:00")])
    made["createdUntil"][1].pop()
    made["updatedUntil"][1].pop()
    return made


async def agree(api: Client, name: str, documents: list[Body], given: list[tuple[str, Rule, str]]) -> int:
    """How many are found; they must be those that the oracle finds, counted and in pages too."""
    params = {parameter: value for parameter, _, value in given}
    expected = [one["id"] for one in documents if all(rule(one, value) for _, rule, value in given)]
    page = await api.read(f"/{name}", limit=200, count="true", **params)
    found = [item["id"] for item in page["items"]]
    assert sorted(found) == sorted(expected), params
    assert page["count"] == len(expected), params
    return len(found)


@pytest.mark.parametrize("name", FILTERS)
async def test_filters_alone_and_in_pairs_find_what_the_documents_say(api: Client, name: str) -> None:
    documents = await filled(api, name)
    filters = COMMON | FILTERS[name] | ranges(documents)
    alone = [(parameter, rule, value) for parameter, (rule, values) in filters.items() for value in values]
    hits: dict[str, int] = {}
    for one in alone:
        hits[one[0]] = hits.get(one[0], 0) + await agree(api, name, documents, [one])
    assert all(hits.values()), f"a filter that finds nothing shows nothing: {hits}"
    together = 0
    for first, second in combinations([next(one for one in alone if one[0] == parameter) for parameter in filters], 2):
        together += await agree(api, name, documents, [first, second])
    assert together


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_and_a_sort_and_pages_go_together(api: Client, name: str) -> None:
    documents = await filled(api, name)
    for parameter, value in (("metadataKey", "colour"), ("state", documents[0]["state"])):
        for sort in ("createdAt", "-createdAt", "updatedAt", "-updatedAt"):
            whole = await api.ids(f"/{name}", sort=sort, limit=200, **{parameter: value})
            found: list[str] = []
            more: dict[str, Any] = {}
            while len(found) < len(whole):
                page = await api.read(f"/{name}", sort=sort, limit=3, **{parameter: value}, **more)
                found += [item["id"] for item in page["items"]]
                more = {"cursor": page["nextCursor"]}
            assert found == whole
            assert more["cursor"] is None


@pytest.mark.parametrize("name", FILTERS)
async def test_metadata_is_found_by_key_and_value(api: Client, name: str) -> None:
    documents = await filled(api, name)
    for value in ("red", "blue", "re", ""):
        expected = [one["id"] for one in documents if one["metadata"].get("colour") == value]
        found = await api.ids(f"/{name}", metadataKey="colour", metadataValue=value)
        assert sorted(found) == sorted(expected)
    problem = refused(await api.get(f"/{name}", params={"metadataValue": "red"}), 400, "invalid-request")
    assert places(problem) == {"metadataKey"}


async def test_what_changes_is_found_by_what_it_is_now(api: Client) -> None:
    body = {"kind": "person", "displayName": "A", "segments": ["old"], "metadata": {"k": "old"}}
    made = await api.made("/customers", body)
    changed = {"segments": ["new"], "metadata": {"k": "new"}}
    answered(await api.change(f"/customers/{made['id']}", changed), 200)
    for params in ({"segment": "{}"}, {"metadataKey": "k", "metadataValue": "{}"}):
        for value, expected in (("old", []), ("new", [made["id"]])):
            asked = {name: text.format(value) for name, text in params.items()}
            assert await api.ids("/customers", **asked) == expected
    await api.delete(f"/customers/{made['id']}", headers={"If-Match": "*"})
    assert await api.ids("/customers", segment="new") == []


async def test_an_offer_holds_while_it_is_active(api: Client) -> None:
    made, now = await api.made("/offers", {"title": "A"}), {"validAt": "2026-11-22T00:00:00Z"}
    assert await api.ids("/offers", **now) == []
    await api.moved(f"/offers/{made['id']}", "active")
    assert await api.ids("/offers", **now) == [made["id"]]
    assert await api.ids("/offers", state="draft", **now) == []
    await api.moved(f"/offers/{made['id']}", "retired")
    assert await api.ids("/offers", **now) == []


async def test_the_references_of_a_case_are_filters(api: Client) -> None:
    customer = await api.made("/customers", {"kind": "person", "displayName": "A"})
    parent = await api.made("/cases", {"type": "any", "title": "Whole"})
    part = {"type": "any", "title": "Part", "customerId": customer["id"], "parentId": parent["id"]}
    made = [(await api.made("/cases", part))["id"] for _ in range(3)]
    for params in ({"customerId": customer["id"]}, {"parentId": parent["id"]}):
        assert sorted(await api.ids("/cases", **params)) == made
        assert await api.ids("/cases", **dict.fromkeys(params, "cas_nobody")) == []
