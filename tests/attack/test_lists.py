"""Lists of hostile values go to their end, in one order on both databases; words find the same."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.attack.corpus import TEXTS
from tests.attack.garbage import MARK
from tests.attack.world import Both, World
from tests.counts import Count

LONG = ["\U0002070e" * 200, "\ufdfa" * 200, "ẞ" * 200, "\u1e9b\u0323" * 100, "\U0001d56c" * 200]
NAMES = [text[:200] for text in TEXTS.values()] + LONG
SORTS = ["displayName", "-displayName", "createdAt", "-updatedAt"]


async def walk(world: World, query: str, path: str = "customers") -> list[dict[str, Any]]:
    """All items, one at a time."""
    found: list[dict[str, Any]] = []
    path = f"/v1/{path}?limit=1&{query}"
    for _ in range(2 * len(NAMES)):
        answer = await world.service.ask("GET", path, key=world.key)
        assert answer.status == 200, (path, answer.body)
        found += answer.json["items"]
        link = answer.header("link")
        assert (link is None) == (answer.json["nextCursor"] is None)
        if link is None:
            return found
        path = link.removeprefix("<").removesuffix('>; rel="next"')
    raise AssertionError("the list has no end")


@pytest.fixture
async def filled(twins: Both) -> Both:
    for world in twins:
        for name in NAMES:
            body = {
                "kind": "person",
                "displayName": name,
                "metadata": {"k": name},
                "identifiers": [{"scheme": "x", "value": name}],
            }
            made = await world.service.ask("POST", "/v1/customers", body, key=world.key)
            assert made.status == 201, made.body
    return twins


async def test_every_list_goes_to_its_end(filled: Both, count: Count) -> None:
    for sort in SORTS:
        walks = [await walk(world, f"sort={sort}") for world in filled]
        first, second = ([item["displayName"] for item in items] for items in walks)
        assert sorted(first) == sorted([*NAMES, "Ada"])
        if "displayName" not in sort:
            assert first == second
        count("lists of hostile values", walks=2, items=len(first) + len(second))


async def test_words_and_filters_find_the_same(filled: Both, count: Count) -> None:
    for name in [*NAMES, MARK, MARK[:4], "drop table", "ada", "¤live¤customer"]:
        for parameter in ("search", "identifier", "contactPoint", "metadataValue"):
            query = [
                ("limit", "200"),
                ("count", "true"),
                (parameter, name),
                *([("metadataKey", "k")] if "meta" in parameter else []),
            ]
            text = urlencode(query)
            answers = [await world.service.ask("GET", f"/v1/customers?{text}", key=world.key) for world in filled]
            assert [answer.status for answer in answers] == [200, 200], (parameter, name, answers)
            first, second = (sorted(item["displayName"] for item in answer.json["items"]) for answer in answers)
            assert first == second, (parameter, name)
            assert {answer.json["count"] for answer in answers} == {len(first)}
            if parameter in {"identifier", "metadataValue"} and name in NAMES:
                assert name in first
        count("lists of hostile values", searches=8)


MOMENTS = [
    "0001-01-01T00:00:00.000Z",
    "0001-01-01T00:00:00.001Z",
    "9999-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00.000Z",
]


async def test_a_list_of_extreme_moments_goes_to_its_end(twins: Both, count: Count) -> None:
    for world in twins:
        for moment in MOMENTS:
            body = {"type": "x", "title": moment, "dueAt": moment, "receivedAt": moment}
            made = await world.service.ask("POST", "/v1/cases", body, key=world.key)
            assert (made.status, made.json["dueAt"]) == (201, moment)
        for sort, order in (("dueAt", sorted(MOMENTS)), ("-dueAt", sorted(MOMENTS, reverse=True))):
            items = await walk(world, f"sort={sort}", "cases")
            assert [item["dueAt"] for item in items if item["dueAt"]] == order
            count("lists of hostile values", walks=1, items=len(items))
        for moment in MOMENTS:
            found = await world.service.ask("GET", f"/v1/cases?dueFrom={moment}&limit=200", key=world.key)
            assert {item["dueAt"] for item in found.json["items"]} - {None} == {one for one in MOMENTS if one >= moment}
