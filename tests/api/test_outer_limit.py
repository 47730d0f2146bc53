"""The outer limit: whoever is refused, or asks without a key, is counted by address; whoever has a key is served."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

import httpx
import pytest

from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings, refused

pytestmark = pytest.mark.usefixtures("within_a_minute")

FEW = 6
HERE, THERE = "192.0.2.1", "192.0.2.2"
Ask = Callable[[Client], Awaitable[httpx.Response]]
ROOT = "http://engage.test"

WAYS: dict[str, tuple[Ask, int]] = {
    "401": (lambda caller: caller.get("/customers"), 401),
    "404": (lambda caller: caller.get("/nothing"), 404),
    "405": (lambda caller: caller.put("/customers"), 405),
    "OPTIONS": (lambda caller: caller.options("/customers"), 204),
    "the public operation": (lambda caller: caller.post("/api-keys/leaked", json={"key": "none"}), 204),
    "a page that is not there": (lambda caller: caller.get(f"{ROOT}/nothing"), 404),
    "figures": (lambda caller: caller.get(f"{ROOT}/metrics"), 401),
}


@pytest.fixture(params=["sqlite"])  # no database takes part
def settings(request: pytest.FixtureRequest, module_sqlite_url: str, tmp_path: Path) -> Settings:
    return make_settings(module_sqlite_url, tmp_path, outer_limit=FEW)


async def block(caller: Client) -> None:
    for _ in range(FEW + 1):
        await caller.get("/customers")
    refused(await caller.get("/customers"), 429, "too-many-requests")


@pytest.mark.parametrize("way", WAYS)
async def test_l3_floods_are_answered_429(service: Service, way: str) -> None:
    ask, status = WAYS[way]
    caller = await service.client(address=HERE)
    for _ in range(FEW + 1):
        assert (await ask(caller)).status_code == status
    for _ in range(3):
        answer = await ask(caller)
        refused(answer, 429, "too-many-requests")
        assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert (await ask(await service.client(address=THERE))).status_code == status


async def test_all_ways_are_counted_together(service: Service) -> None:
    caller = await service.client(address=HERE)
    for ask, status in WAYS.values():
        assert (await ask(caller)).status_code == status
    for ask, _ in WAYS.values():
        refused(await ask(caller), 429, "too-many-requests")


async def test_whoever_has_a_key_is_served_at_a_blocked_address(service: Service) -> None:
    await block(await service.client(address=HERE))
    caller = await service.client(await service.key(), address=HERE)
    for _ in range(2 * FEW):
        assert (await caller.get("/customers")).status_code == 200
        assert (await caller.get("/customers/none")).status_code == 404


@pytest.mark.parametrize("key", ["anything", "eng_live_key_" + "0" * 36])
async def test_a_wrong_key_opens_no_blocked_address(service: Service, key: str) -> None:
    await block(await service.client(address=HERE))
    caller = await service.client(key, address=HERE)
    for path in ("/customers", "/nothing"):
        refused(await caller.get(path), 429, "too-many-requests")
    refused(await caller.put("/customers"), 429, "too-many-requests")


@pytest.mark.parametrize("path", [f"{ROOT}/nothing", f"{ROOT}/", f"{ROOT}/metrics", "/%00", "/customers?a=%00"])
async def test_a_wrong_key_is_told_nothing_anywhere(service: Service, path: str) -> None:
    await block(await service.client(address=HERE))
    caller = await service.client("anything", address=HERE)
    for method in ("GET", "DELETE"):
        refused(await caller.request(method, path), 429, "too-many-requests")


async def test_a_key_that_works_reads_the_figures_at_a_blocked_address(service: Service) -> None:
    await block(await service.client(address=HERE))
    caller = await service.client(await service.key("operations:read"), address=HERE)
    assert (await caller.get(f"{ROOT}/metrics")).status_code == 200


async def test_what_a_known_caller_does_not_find_is_not_the_addresss(service: Service) -> None:
    clerk = await service.client(await service.key("cases:read"), address=HERE)
    for _ in range(2 * FEW):
        assert (await clerk.get("/cases/none")).status_code == 404
        assert (await clerk.get("/customers")).status_code == 403
    assert (await (await service.client(address=HERE)).get("/customers")).status_code == 401


async def test_one_subscriber_is_one_address(service: Service) -> None:
    for n in range(FEW + 1):
        assert (await (await service.client(address=f"2001:db8:0:1::{n:x}")).get("/customers")).status_code == 401
    for address, status in (("2001:db8:0:1:ffff::1", 429), ("2001:db8:0:2::1", 401)):
        assert (await (await service.client(address=address)).get("/customers")).status_code == status


async def test_l1_no_header_says_where_a_request_comes_from(service: Service) -> None:
    for n in range(FEW + 1):
        caller = await service.client(address=HERE)
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X_FORWARDED_FOR", "CF-Connecting-IP"):
            caller.headers[name] = f"198.51.100.{n}"
        await caller.get("/customers")
    refused(await (await service.client(address=HERE)).get("/customers"), 429, "too-many-requests")


async def test_after_a_while_the_address_is_heard_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = await service.client(address=HERE)
    await block(caller)
    now = monotonic()
    monkeypatch.setattr("engage_api.http.middleware.monotonic", lambda: now + 62)
    assert (await caller.get("/customers")).status_code == 401


async def test_health_is_answered_to_whoever_shares_an_address_with_an_abuser(service: Service) -> None:
    caller = await service.client(address=HERE)
    await block(caller)
    for page in ("livez", "readyz"):
        assert (await caller.get(f"{ROOT}/{page}")).status_code == 200
