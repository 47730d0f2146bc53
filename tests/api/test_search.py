"""Full-text search: the same words find the same on both databases."""

import pytest

from tests.api.harness import Client, answered, places, refused

PEOPLE: dict[str, dict[str, object]] = {
    "zoe": {"displayName": "Zoë de Vries", "identifiers": [{"scheme": "kvk", "value": "12345678"}]},
    "zoo": {"displayName": "ZOOLOGISCH museum", "contactPoints": [{"type": "email", "value": "Vries@Example.org"}]},
    "oneill": {"displayName": "O'Neill & Sons", "identifiers": [{"scheme": "vat", "value": "NL-001.234"}]},
    "street": {"displayName": "Straßenbau Größe", "contactPoints": [{"type": "phone", "value": "+31 (30) 123-4567"}]},
    "greek": {"displayName": "Ωμέγα ΑΒΓ", "identifiers": []},
    "office": {"displayName": "Oﬃce №5 ①", "identifiers": []},
    "korean": {"displayName": "서울 특별시", "identifiers": []},
    "long": {"displayName": "x" * 150 + " end", "identifiers": []},
    "marks": {"displayName": "!!! --- ¤live¤customer", "identifiers": []},
}
FOUND: list[tuple[str, set[str]]] = [
    ("zoe", {"zoe"}),
    ("ZOË", {"zoe"}),
    ("zo", {"zoe", "zoo"}),
    ("z", {"zoe", "zoo"}),
    ("vries zoe", {"zoe"}),
    ("de  \t vries", {"zoe"}),
    ("vri", {"zoe", "zoo"}),
    ("ries", set()),  # the beginning of a word, not its midst
    ("zoe museum", set()),  # every word
    ("zoe zoe ZOE", {"zoe"}),
    ("12345678", {"zoe"}),
    ("1234", {"zoe"}),
    ("kvk", set()),  # the scheme is no word of the customer's
    ("neill", {"oneill"}),
    ("O'Neill", {"oneill"}),
    ("o’neill", {"oneill"}),
    ("oneill", set()),
    ("nl-001.234", {"oneill"}),
    ("001 234", {"oneill"}),
    ("strasse", {"street"}),
    ("STRASSENBAU", {"street"}),
    ("große", {"street"}),
    ("größe", {"street"}),
    ("grosse", {"street"}),
    ("vries@example.org", {"zoo"}),
    ("example", {"zoo"}),
    ("30 123", {"street"}),
    ("ωμεγα", {"greek"}),
    ("ΩΜΈΓΑ αβ", {"greek"}),
    ("office", {"office"}),
    ("no5", {"office"}),
    ("1", {"zoe", "office", "street"}),
    ("서울", {"korean"}),
    ("x" * 150, {"long"}),
    ("x" * 70 + "y", {"long"}),  # words are told apart by their first 64 characters
    ("live", {"marks"}),
]
NO_WORD = ["!!!", "---", "*", '"', "'", "()", ":", " ", "\t", "¤", "¤¤", "&|!", "́", "…", "€"]
OTHERS_SYNTAX = [
    "zoe OR museum",
    "NOT museum",
    "zoe AND vries",
    "zoe NEAR vries",
    "NEAR(zoe vries)",
    "words:zoe",
    "resource_id:zoe",
    "search MATCH zoe",
    "zoe' | 'museum",
    "zoe | museum",
    "!museum",
    "zoe <-> vries",
    "'; DROP TABLE customer; --",
    "%",
    "z%e",
    "^museum",
    "{words} : zoe",
]


@pytest.fixture
async def people(api: Client) -> dict[str, str]:
    """The names by id."""
    return {(await api.made("/customers", {"kind": "person"} | body))["id"]: name for name, body in PEOPLE.items()}


async def test_words_are_found_by_their_beginnings_without_case_and_accents(
    api: Client, people: dict[str, str]
) -> None:
    for words, expected in FOUND:
        assert {people[row] for row in await api.ids("/customers", search=words)} == expected, words


async def test_without_a_letter_or_a_digit_nothing_is_found(api: Client, people: dict[str, str]) -> None:
    for words in NO_WORD:
        page = await api.read("/customers", search=words, count="true")
        assert page == {"items": [], "nextCursor": None, "count": 0}, words


async def test_the_syntax_of_a_database_is_words_like_any_other(api: Client, people: dict[str, str]) -> None:
    for words in OTHERS_SYNTAX:
        found = {people[row] for row in await api.ids("/customers", search=words)}
        assert found == {"zoe <-> vries": {"zoe"}, "!museum": {"zoo"}, "^museum": {"zoo"}, "z%e": {"zoo"}}.get(
            words, set()
        ), words


async def test_only_the_first_sixteen_words_count_and_the_text_is_bounded(api: Client, people: dict[str, str]) -> None:
    assert len(await api.ids("/customers", search="zoe " * 16 + "nobody")) == 1
    assert await api.ids("/customers", search="zoe " * 15 + "nobody") == []
    assert await api.ids("/customers", search="y" * 500) == []
    for wrong in ("y" * 501, ""):
        problem = refused(await api.get("/customers", params={"search": wrong}), 400, "invalid-request")
        assert places(problem) == {"search"}


async def test_a_search_is_filtered_sorted_paged_and_counted_like_any_list(api: Client) -> None:
    for n in range(20):
        kind = "person" if n % 4 else "organization"
        await api.made("/customers", {"kind": kind, "displayName": f"{'same' if n % 2 else 'other'} {n:02}"})
    whole = await api.ids("/customers", search="same", sort="displayName", kind="person")
    assert len(whole) == 10
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while cursor is not None:
        page = await api.read(
            "/customers", search="same", sort="displayName", kind="person", limit=3, count="true", **cursor
        )
        assert page["count"] == 10
        seen += [item["id"] for item in page["items"]]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == whole


async def test_each_resource_is_found_by_its_own_words_alone(api: Client) -> None:
    customer = await api.made("/customers", {"kind": "person", "displayName": "Shared word"})
    case = await api.made(
        "/cases",
        {
            "type": "any",
            "title": "Shared word",
            "outcome": "granted",
            "description": "hidden",
            "participants": [{"role": "r", "name": "Pieter"}],
            "tasks": [{"title": "Shared word", "assignee": "Anna", "provider": "Planners", "description": "hidden"}],
        },
    )
    (task,) = await api.ids("/tasks")
    offer = await api.made("/offers", {"title": "Shared word", "components": [{"name": "Advice"}]})
    expected = {"customers": customer["id"], "cases": case["id"], "tasks": task, "offers": offer["id"]}
    for name, row in expected.items():
        assert await api.ids(f"/{name}", search="shared word") == [row]
        assert await api.ids(f"/{name}", search="hidden") == []
    for name, words in {"cases": ["granted", "pieter"], "tasks": ["anna", "planners"], "offers": ["advice"]}.items():
        for word in words:
            assert await api.ids(f"/{name}", search=word) == [expected[name]], word
    assert await api.ids(f"/cases/{case['id']}/tasks", search="anna") == [task]


async def test_words_follow_changes_and_go_with_their_resource(api: Client) -> None:
    made = await api.made("/customers", {"kind": "person", "displayName": "Before", "externalId": "w"})
    at = f"/customers/{made['id']}"
    answered(await api.change(at, {"displayName": "Between"}), 200)
    assert await api.ids("/customers", search="before") == []
    assert await api.ids("/customers", search="between") == [made["id"]]
    await api.put("/customers/external/w", json={"kind": "person", "displayName": "After"})
    assert await api.ids("/customers", search="between") == []
    assert await api.ids("/customers", search="after") == [made["id"]]
    await api.delete(at, headers={"If-Match": "*"})
    assert await api.read("/customers", search="after", count="true") == {"items": [], "nextCursor": None, "count": 0}


async def test_the_words_of_another_workspace_are_not_there(api: Client, other: Client, partner: Client) -> None:
    theirs = await other.made("/customers", {"kind": "person", "displayName": "Secretname"})
    ours = await api.made("/customers", {"kind": "person", "displayName": "Secretname"})
    assert await api.ids("/customers", search="secretname") == [ours["id"]]
    assert await other.ids("/customers", search="secretname") == [theirs["id"]]
    assert await partner.read("/customers", search="secretname", count="true") == {
        "items": [],
        "nextCursor": None,
        "count": 0,
    }
