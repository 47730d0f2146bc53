"""Many at once, and too many."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from engage_api.access.oauth import endpoints
from engage_api.core import clock
from engage_api.db import errors
from engage_api.http.windows import Seconds
from tests.counts import Count
from tests.oauth.parties import FORM, GRANT, INTROSPECT, REVOKE, TOKEN, Credential, Party, introspected, post, token
from tests.oauth.test_ends import opens
from tests.oauth.test_refused import issued
from tests.running import Service
from tests.running import service as running

ROUNDS, AT_ONCE = 4, 50


async def test_fifty_at_once_get_fifty_tokens(service: Service, ours: Party, count: Count) -> None:
    for _ in range(ROUNDS):
        before = await issued(service)
        got = await asyncio.gather(*(token(service, ours.test) for _ in range(AT_ONCE)))
        assert len(set(got)) == AT_ONCE == await issued(service) - before
        assert all([await opens(service, key) for key in got])
    count("OAuth races", tokens=ROUNDS * AT_ONCE)


async def test_fifty_who_end_one_token_end_it_once(service: Service, ours: Party) -> None:
    key, before = await token(service, ours.test), await issued(service)
    ends = [post(service, REVOKE, {"token": key}, ours.test) for _ in range(AT_ONCE)]
    uses = [service.ask("GET", "/v1/customers", key=key) for _ in range(AT_ONCE)]
    answers = await asyncio.gather(*ends, *uses)
    assert {answer.status for answer in answers[:AT_ONCE]} == {200}
    assert {answer.status for answer in answers[AT_ONCE:]} <= {200, 401}
    assert not await opens(service, key)
    assert await issued(service) == before - 1


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def clock_stands() -> Iterator[None]:
    with time_machine.travel(clock.host(), tick=False):
        yield


async def test_a_client_asks_so_often_and_no_more(
    service: Service, ours: Party, theirs: Party, monkeypatch: pytest.MonkeyPatch, clock_stands: None
) -> None:
    monkeypatch.setattr(endpoints, "EACH_CLIENT", Seconds(3, 60, "few"))
    wrong = Credential(ours.test.id, theirs.test.secret)
    for _ in range(10):  # nobody uses up what is somebody else's
        assert (await post(service, TOKEN, {"grant_type": GRANT}, wrong)).status == 401
    last, *_ = [await token(service, ours.test) for _ in range(3)]
    before = await issued(service)
    for path in (TOKEN, REVOKE, INTROSPECT):
        refused = await post(service, path, {"grant_type": GRANT, "token": last}, ours.test)
        assert (refused.status, refused.json["error"]) == (429, "temporarily_unavailable")
        assert 1 <= int(refused.header("retry-after") or 0) <= 60
    assert await issued(service) == before
    assert await opens(service, last)
    assert await token(service, theirs.test)
    assert await token(service, ours.live)


async def test_processes_count_a_client_together(
    service: Service, ours: Party, monkeypatch: pytest.MonkeyPatch, valkey_url: str
) -> None:
    monkeypatch.setattr(endpoints, "EACH_CLIENT", Seconds(3, 3_600, "few"))
    url = service.settings.database
    async with running(url, redis_url=valkey_url) as one, running(url, redis_url=valkey_url) as other:
        asked = [await post(which, TOKEN, {"grant_type": GRANT}, ours.test) for which in (one, other, one, other, one)]
        assert [answer.status for answer in asked] == [200] * 3 + [429] * 2


@pytest.mark.usefixtures("within_a_minute")
async def test_an_address_that_is_refused_too_often_learns_no_more(service: Service, ours: Party) -> None:
    async with running(service.settings.database, outer_limit=5) as strict:
        nobody = Credential(ours.test.id, "x")
        told = [(await post(strict, TOKEN, {"grant_type": GRANT}, nobody)).status for _ in range(6)]
        assert told == [401] * 6
        for form, who in (({"grant_type": GRANT}, nobody), ({"grant_type": "x"}, ours.test), ({}, None)):
            refused = await post(strict, TOKEN, form, who)
            assert (refused.status, refused.json["error"]) == (429, "temporarily_unavailable")
            assert int(refused.header("retry-after") or 0) >= 1
        assert (await strict.ask("GET", "/nothing")).status == 429
        assert await opens(strict, await token(strict, ours.test))  # whoever has the right secret is served


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize("form", [{"grant_type": "x"}, {"grant_type": GRANT, "scope": "x"}, {"a": "\0"}])
async def test_every_refusal_counts(service: Service, ours: Party, form: dict[str, str]) -> None:
    async with running(service.settings.database, outer_limit=5) as strict:
        told = [(await post(strict, TOKEN, form, ours.test)).status for _ in range(8)]
        assert told == [400] * 6 + [429] * 2


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_its_database_it_says_when_to_try_again(
    service: Service, ours: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise errors.Unavailable("away")

    key = await token(service, ours.test)
    for name in ("issue", "revoke"):
        monkeypatch.setattr(f"engage_api.access.oauth.tokens.{name}", away)
    for path, form in ((TOKEN, {"grant_type": GRANT}), (REVOKE, {"token": key})):
        answer = await post(service, path, form, ours.test)
        assert (answer.status, answer.header("retry-after")) == (503, "1")
        assert answer.json["error"] == "temporarily_unavailable"
    assert (await introspected(service, ours.test, key))["active"] is True


async def test_who_hangs_up_is_no_fault_of_ours(service: Service, ours: Party) -> None:
    """Nobody hears the answer; the log says what nginx would."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": TOKEN,
        "raw_path": TOKEN.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in (FORM, ours.test.basic)],
        "client": ("127.0.0.1", 1),
    }
    said: list[Any] = []

    async def hang_up() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def hear(message: Any) -> None:
        said.append(message)

    await service.app(scope, hang_up, hear)
    assert said[0]["status"] == 499
