"""Cursors: good for one workspace, view, list, query and order, and for nobody who makes one up."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from engage_api.settings import Settings
from tests.api.harness import Client, Service, places, refused, serving
from tests.api.samples import SAMPLES


@pytest.fixture
async def cursor(api: Client) -> str:
    """Of the customers, three of them, one on a page."""
    for _ in range(3):
        await SAMPLES["customer"].make(api)
    found: str = (await api.read("/customers", limit=1))["nextCursor"]
    return found


async def denied(api: Client, path: str, cursor: str, **params: Any) -> None:
    problem = refused(await api.get(path, params={**params, "cursor": cursor}), 400, "invalid-cursor")
    assert places(problem) == {"cursor"}


def opened(cursor: str) -> bytearray:
    return bytearray(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def closed(raw: bytes | bytearray) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


async def test_c1_every_flipped_bit_is_seen(api: Client, cursor: str) -> None:
    assert closed(opened(cursor)) == cursor
    for bit in range(len(opened(cursor)) * 8):
        raw = opened(cursor)
        raw[bit // 8] ^= 1 << bit % 8
        await denied(api, "/customers", closed(raw), limit=1)


async def test_c1_every_shorter_and_every_longer_one_is_refused(api: Client, cursor: str) -> None:
    for length in range(1, len(cursor)):
        await denied(api, "/customers", cursor[:length], limit=1)
    spare = {0: "A", 2: "AA", 3: "A"}[len(cursor) % 4]
    for other in (cursor + "=", cursor + spare, cursor + "!", f" {cursor}", f"{cursor}\n", cursor[1:], cursor * 2):
        await denied(api, "/customers", other, limit=1)
    for other in ("!", "é", "-", "0", "AAAA", "None", "null", "{}"):
        await denied(api, "/customers", other, limit=1)


async def test_c1_no_bytes_beside_the_text_are_hidden_in_its_last_character(api: Client, cursor: str) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for letter in letters.replace(cursor[-1], ""):
        await denied(api, "/customers", cursor[:-1] + letter, limit=1)


@pytest.mark.parametrize("length", [0, 1001, 10_000])
async def test_a_cursor_has_a_length(api: Client, length: int) -> None:
    answer = await api.get("/customers", params={"cursor": "A" * length})
    assert places(refused(answer, 400, "invalid-request")) == {"cursor"}


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "createdAt"},
        {"sort": "-updatedAt"},
        {"sort": "displayName"},
        {"state": "prospect"},
        {"kind": "person"},
        {"search": "ann"},
        {"metadataKey": "k"},
        {"createdFrom": "2000-01-01T00:00:00Z"},
    ],
)
async def test_c1_a_cursor_of_another_question_is_refused(api: Client, cursor: str, params: dict[str, str]) -> None:
    await denied(api, "/customers", cursor, limit=1, **params)
    theirs = (await api.read("/customers", limit=1, **params))["nextCursor"]
    if theirs is not None:
        await denied(api, "/customers", theirs, limit=1)
        await api.read("/customers", limit=1, cursor=theirs, **params)


async def test_c1_a_filter_for_another_value_is_another_question(api: Client, cursor: str) -> None:
    for name, one, two in (("kind", "person", "organization"), ("search", "ann", "an"), ("search", "ann", "ANN")):
        theirs = (await api.read("/customers", limit=1, **{name: one}))["nextCursor"]
        await denied(api, "/customers", theirs, limit=1, **{name: two})


async def test_size_and_count_may_change_from_page_to_page(api: Client, cursor: str) -> None:
    for params in ({}, {"limit": 1}, {"limit": 200}, {"count": "true"}, {"sort": "-createdAt"}):
        await api.read("/customers", cursor=cursor, **params)


async def test_c1_a_cursor_of_another_list_is_refused(api: Client, cursor: str) -> None:
    case = await api.made("/cases", {"type": "any", "title": "A", "tasks": [{"title": n} for n in "abc"]})
    second = await api.made("/cases", {"type": "any", "title": "B", "tasks": [{"title": n} for n in "abc"]})
    for path in ("/cases", "/tasks", "/offers", "/api-keys", "/events", f"/cases/{case['id']}/tasks"):
        await denied(api, path, cursor)
    mine = (await api.read(f"/cases/{case['id']}/tasks", limit=1))["nextCursor"]
    await denied(api, f"/cases/{second['id']}/tasks", mine, limit=1)
    await denied(api, "/tasks", mine, limit=1)


async def test_c1_a_cursor_of_another_workspace_or_view_is_refused(
    api: Client, other: Client, partner: Client, cursor: str
) -> None:
    for caller in (other, partner):
        for _ in range(2):
            await SAMPLES["customer"].make(caller)
        theirs = (await caller.read("/customers", limit=1))["nextCursor"]
        await denied(api, "/customers", theirs, limit=1)
        await denied(caller, "/customers", cursor, limit=1)


async def test_a_second_key_of_the_same_application_may_go_on(service: Service, cursor: str) -> None:
    assert len(await (await service.caller()).ids("/customers", cursor=cursor)) == 2


async def test_c1_a_cursor_outlives_the_process_but_not_the_secret(
    service: Service, settings: Settings, cursor: str, tmp_path: Path
) -> None:
    async with serving(settings, service.world) as again:
        assert len(await (await again.caller()).ids("/customers", cursor=cursor)) == 2
    changed = settings.model_copy(update={"secret_key": type(settings.secret_key)("another" * 10)})
    async with serving(changed, service.world) as strange:
        await denied(await strange.caller(), "/customers", cursor)


async def test_a_cursor_says_nothing_that_its_reader_has_not_seen(api: Client, cursor: str) -> None:
    (shown,) = (await api.read("/customers", limit=1))["items"]
    payload = bytes(opened(cursor)[16:])
    assert shown["id"].encode() in payload
    assert b"live_" not in payload
    assert b"app_" not in payload
