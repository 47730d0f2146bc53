"""Lists: their order, their pages and what they refuse. The oracle sorts the whole list in Python."""

import unicodedata
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.harness import Client, answered, places, refused
from tests.api.samples import SAMPLES, Body

ROWS = 9
NAMES = ["Zoë", "zoe b", "Åsa", "asa", "Bram", "bram", "Élan", "Ez", "a"]
DUE = ["2026-12-24T10:00:00.000Z", None, "2026-11-30T23:59:59.999Z", None, "2027-01-01T00:00:00.000Z"]
LISTS: dict[str, tuple[list[str], str]] = {
    "customers": (["createdAt", "updatedAt", "displayName"], "-createdAt"),
    "cases": (["createdAt", "updatedAt", "dueAt"], "-createdAt"),
    "tasks": (["createdAt", "updatedAt", "dueAt"], "createdAt"),
    "offers": (["createdAt", "updatedAt"], "-createdAt"),
    "api-keys": (["createdAt", "updatedAt"], "-createdAt"),
}
SORTS = [(name, sign + sort) for name, (sorts, _) in LISTS.items() for sort in sorts for sign in ("", "-")]


def place(sort: str) -> Callable[[Body], tuple[Any, str]]:
    """Where a document stands: names without case and accents, what has no due date after everything."""

    def of(document: Body) -> tuple[Any, str]:
        value = document[sort]
        if sort == "displayName":
            apart = unicodedata.normalize("NFD", value).lower()
            value = "".join(c for c in apart if not unicodedata.combining(c))
        return value if value is not None else "9999", document["id"]

    return of


def ordered(documents: list[Body], sort: str) -> list[str]:
    found = sorted(documents, key=place(sort.lstrip("-")), reverse=sort.startswith("-"))
    return [document["id"] for document in found]


async def fill(api: Client, name: str, rows: int = ROWS) -> None:
    """Some rows, and then some of them changed, so that no two orders are the same."""
    if name == "api-keys":
        for n in range(rows - 1):  # the caller's own is there
            await api.made("/api-keys", {"name": str(n), "scopes": ["cases:read"]})
        return
    sample = SAMPLES[name.rstrip("s")]
    home = await sample.home(api)
    for n in range(rows):
        own = {"displayName": NAMES[n % len(NAMES)]} if name == "customers" else {"title": f"Row {n}"}
        due = {"dueAt": DUE[n % len(DUE)]} if name in {"cases", "tasks"} else {}
        made = await api.made(home, sample.least | own | due)
        if n % 3 == 1:
            answered(await api.change(sample.at(made), {"metadata": {"changed": "yes"}}), 200)


async def pages(api: Client, path: str, **params: Any) -> list[list[str]]:
    """The ids of every page, by following `nextCursor`."""
    found, cursor = [], None
    while True:
        page = await api.read(path, **params, **({"cursor": cursor} if cursor else {}))
        found.append([item["id"] for item in page["items"]])
        cursor = page["nextCursor"]
        if cursor is None:
            return found


# ── order and pages ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "sort"), SORTS)
async def test_every_sort_is_kept_and_every_page_size_gives_the_whole_list(api: Client, name: str, sort: str) -> None:
    await fill(api, name)
    whole = (await api.read(f"/{name}", limit=200))["items"]
    assert len(whole) == ROWS
    expected = ordered(whole, sort)
    for limit in range(1, ROWS + 2):
        found = await pages(api, f"/{name}", sort=sort, limit=limit)
        assert [row for page in found for row in page] == expected
        assert {len(page) for page in found[:-1]} <= {limit}
        assert found[-1], "an empty page at the end"


@pytest.mark.parametrize("name", LISTS)
async def test_the_usual_order_and_size(api: Client, name: str) -> None:
    await fill(api, name, 52)
    page = await api.read(f"/{name}")
    whole = (await api.read(f"/{name}", limit=200))["items"]
    assert page.keys() == {"items", "nextCursor"}
    assert [item["id"] for item in page["items"]] == ordered(whole, LISTS[name][1])[:50]


async def test_the_tasks_of_a_case_are_those_of_that_case(api: Client) -> None:
    await SAMPLES["task"].make(api)
    case = await api.made("/cases", {"type": "any", "title": "A", "tasks": [{"title": str(n)} for n in range(ROWS)]})
    for limit in (1, 4, ROWS):
        found = await pages(api, f"/cases/{case['id']}/tasks", limit=limit)
        assert [row for page in found for row in page] == await api.ids("/tasks", caseId=case["id"], limit=200)
    titles = [task["title"] for task in (await api.read(f"/cases/{case['id']}/tasks"))["items"]]
    assert sorted(titles) == [str(n) for n in range(ROWS)]


@pytest.mark.parametrize("sort", ["createdAt", "-createdAt", "displayName", "-displayName"])
async def test_c2_rows_that_come_and_go_meanwhile_disturb_no_other_row(api: Client, sort: str) -> None:
    def body(n: int) -> Body:
        return {"kind": "person", "displayName": f"{'mz'[n % 2]}{n * 7 % 30:03}"}

    rows = [(await api.made("/customers", body(n)))["id"] for n in range(30)]
    gone, seen, cursor = set(rows[3::10]), [], None
    for turn in range(100):
        page = await api.read("/customers", sort=sort, limit=4, **({"cursor": cursor} if cursor else {}))
        seen += [item["id"] for item in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
        if turn % 2 and gone:
            await api.delete(f"/customers/{gone.pop()}", headers={"If-Match": "*"})
        if turn < 5:  # else the newest come last for ever
            await api.made("/customers", body(turn) | {"displayName": f"{'az'[turn % 2]} new"})
    stayed = set(rows) - set(rows[3::10])
    assert [row for row in seen if row in stayed] == [row for row in dict.fromkeys(seen) if row in stayed]
    assert stayed <= set(seen)
    assert len(seen) == len(set(seen))


async def test_a_page_goes_on_after_a_row_that_is_gone(api: Client) -> None:
    rows = [(await SAMPLES["offer"].make(api))["id"] for _ in range(4)]
    page = await api.read("/offers", sort="createdAt", limit=2)
    await api.delete(f"/offers/{rows[1]}", headers={"If-Match": "*"})
    assert await api.ids("/offers", sort="createdAt", limit=2, cursor=page["nextCursor"]) == rows[2:]


@pytest.mark.parametrize(
    "letter",
    ["\N{HANGUL SYLLABLE GAG} ", "\U00020000", "\N{ARABIC LIGATURE SALLA USED AS KORANIC STOP SIGN ISOLATED FORM} "],
)
async def test_the_longest_names_of_any_script_are_paged(api: Client, letter: str) -> None:
    for n in range(3):
        await api.made("/customers", {"kind": "organization", "displayName": (str(n) + letter * 100)[:200].strip()})
    for sort in ("displayName", "-displayName"):
        assert [len(page) for page in await pages(api, "/customers", sort=sort, limit=1)] == [1, 1, 1]


# ── the way to the next page ─────────────────────────────────────────────────────────────────────────────────────────


async def test_the_link_leads_to_the_next_page_rfc_8288(api: Client) -> None:
    await fill(api, "customers")
    params = {"limit": "2", "sort": "displayName", "metadataKey": "changed"}
    page = await api.get("/customers", params=params)
    seen = [item["id"] for item in page.json()["items"]]
    while "Link" in page.headers:
        link = page.links["next"]["url"]
        assert link.startswith("/v1/customers?"), "no Host header decides where a caller goes"
        assert dict(httpx.URL(link).params).items() >= {"limit": "2", "metadataKey": "changed"}.items()
        assert httpx.URL(link).params["cursor"] == page.json()["nextCursor"]
        page = await api.get(f"http://engage.test{link}")
        seen += [item["id"] for item in page.json()["items"]]
    assert page.json()["nextCursor"] is None
    assert seen == await api.ids("/customers", sort="displayName", metadataKey="changed")


@pytest.mark.parametrize("name", LISTS)
async def test_an_empty_list_is_a_list(other: Client, name: str) -> None:
    if name == "api-keys":
        params = {"createdUntil": "2000-01-01T00:00:00Z"}
        assert await other.read("/api-keys", **params) == {"items": [], "nextCursor": None}
    else:
        page = await other.get(f"/{name}")
        assert (page.content, page.status_code) == (b'{"items":[],"nextCursor":null}', 200)
        assert "Link" not in page.headers


async def test_the_count_is_told_when_it_is_asked_for(api: Client) -> None:
    await fill(api, "customers")
    assert (await api.read("/customers", count="true", limit=2))["count"] == ROWS
    assert (await api.read("/customers", count="true", metadataKey="changed"))["count"] == 3
    assert (await api.read("/customers", count="true", search="zo"))["count"] == 2
    assert (await api.read("/customers", count="true", search="nobody"))["count"] == 0
    assert "count" not in await api.read("/customers", count="false")


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [*LISTS, "events"])
@pytest.mark.parametrize("limit", ["0", "-1", "201", "1000000000", "99999999999999999999", "1.5", "ten", "", " "])
async def test_a_limit_out_of_bounds_is_refused(api: Client, name: str, limit: str) -> None:
    problem = refused(await api.get(f"/{name}", params={"limit": limit}), 400, "invalid-request")
    assert places(problem) == {"limit"}


@pytest.mark.parametrize("name", [*LISTS, "events", "cases/{id}/tasks"])
async def test_all_unknown_parameters_are_named(api: Client, name: str) -> None:
    path = "/" + name.format(id=(await SAMPLES["case"].make(api))["id"])
    params = {"offset": "10", "Sort": "createdAt", "created_from": "2026-01-01T00:00:00Z", "limit": "5"}
    problem = refused(await api.get(path, params=params), 400, "invalid-request")
    assert places(problem) == {"offset", "Sort", "created_from"}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("sort", ["", "id", "createdat", "--createdAt", "+createdAt", "createdAt,id", "document"])
async def test_an_unknown_sort_is_refused(api: Client, name: str, sort: str) -> None:
    assert places(refused(await api.get(f"/{name}", params={"sort": sort}), 400, "invalid-request")) == {"sort"}


async def test_everything_wrong_with_a_query_is_told_at_once(api: Client) -> None:
    params = {"limit": "0", "sort": "x", "state": "odd", "createdFrom": "yesterday", "count": "perhaps", "no": "1"}
    problem = refused(await api.get("/customers", params=params), 400, "invalid-request")
    assert places(problem) == set(params)
