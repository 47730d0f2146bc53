"""What operators and their machines ask: is it alive, is it ready, how is it doing."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from engage_api.core.scopes import Scope
from engage_api.settings import Settings
from tests.api.harness import Client, Service, eventually, make_settings, refused, serving
from tests.api.samples import SAMPLES

ROOT = "http://engage.test"
AWAY = "192.0.2.1"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A database of each test's own: it will be away."""
    return make_settings(database_url, tmp_path)


@asynccontextmanager
async def database_away(service: Service) -> AsyncIterator[None]:
    """The file is closed; the server lets nobody in any more, until the block is left."""
    url = service.settings.database
    if url.startswith("sqlite"):
        await service.db.close()
        yield
        return
    name = make_url(url).database
    owner = await asyncpg.connect(make_url(url).set(database="postgres").render_as_string(hide_password=False))
    try:
        await owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await owner.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        yield
        await owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    finally:
        await owner.close()


async def test_without_its_database_it_is_alive_but_not_ready(service: Service, api: Client) -> None:
    assert (await api.get(f"{ROOT}/livez")).json() == {"status": "alive"}
    ready = await api.get(f"{ROOT}/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "database": "ready"})
    async with database_away(service):
        assert (await api.get(f"{ROOT}/livez")).status_code == 200
        away = await api.get(f"{ROOT}/readyz")
        assert (away.status_code, away.json()["database"]) == (503, "away")
        assert int(away.headers["Retry-After"]) >= 1
        for answer in (
            await api.get("/offers"),
            await api.get("/offers/none"),
            await api.post("/offers", json={"title": "A"}),
            await api.put("/offers/external/a", json={"title": "A"}),
            await api.post("/offers", json={"title": "A"}, headers={"Idempotency-Key": "a"}),
            await api.get("/events"),
        ):
            refused(answer, 503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
        assert (await api.get("/openapi.json")).status_code == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_when_the_database_is_back_it_is_ready_by_itself(service: Service, api: Client) -> None:
    async with database_away(service):
        refused(await api.get("/offers"), 503, "unavailable")

    async def ready() -> bool | None:
        return True if (await api.get(f"{ROOT}/readyz")).status_code == 200 else None

    await eventually(ready)
    await SAMPLES["offer"].make(api)
    assert len(await api.events(2)) == 2


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def figures(caller: Client) -> int:
    """The status that somebody gets who asks for them."""
    answer = await caller.get(f"{ROOT}/metrics")
    if answer.status_code != 200:
        refused(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    return answer.status_code


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_figures_are_for_this_machine_and_the_operator(service: Service) -> None:
    world, everything = service.world, "*"
    for who, scopes, status in (
        (world.operator, everything, 200),
        (world.operator, Scope.OPERATIONS_READ.value, 200),
        (world.operator, "customers:read", 401),
        (world.partner, everything, 401),
        (world.developer, everything, 401),
    ):
        key = await service.key(scopes, who=who)
        assert await figures(await service.client(key, address=AWAY)) == status, (who, scopes)
    for address, status in {"127.0.0.1": 200, "127.9.9.9": 200, "::1": 200, AWAY: 401, "testclient": 401}.items():
        assert await figures(await service.client(address=address)) == status, address


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_what_a_proxy_on_this_machine_passes_on_is_not_from_here(nobody: Client, name: str) -> None:
    nobody.headers[name] = AWAY
    assert await figures(nobody) == 401


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_behind_a_proxy_figures_need_a_key_wherever_they_are_asked_from(settings: Settings) -> None:
    async with serving(settings.model_copy(update={"trusted_proxies": ("127.0.0.1",)})) as service:
        assert await figures(await service.client()) == 401
        assert await figures(await service.client(await service.key("operations:read"))) == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_key_counts_here_as_it_does_elsewhere(service: Service, api: Client) -> None:
    body = {"name": "Prometheus", "scopes": ["operations:read"], "networks": [f"{AWAY}/32"]}
    made = await api.made("/api-keys", body)
    assert await figures(await service.client(made["key"], address=AWAY)) == 200
    assert await figures(await service.client(made["key"], address="192.0.2.2")) == 401
    await api.delete(f"/api-keys/{made['id']}")
    assert await figures(await service.client(made["key"], address=AWAY)) == 401


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_figures_count_requests_by_route_and_name_nobody(api: Client) -> None:
    for _ in range(3):
        await api.get("/offers")
    made = await SAMPLES["offer"].make(api)
    await api.get(f"/offers/{made['id']}")
    await api.get("/nothing")
    await api.request("BREW", "/offers")
    text = (await api.get(f"{ROOT}/metrics")).text
    found = dict(re.findall(r"^engage_request_seconds_count\{(.+)\} (\d+)\.0$", text, re.MULTILINE))
    assert found['method="GET",route="/offers",status="200"'] == "3"
    assert found['method="GET",route="/offers/{offer_id}",status="200"'] == "1"
    assert found['method="GET",route="-",status="404"'] == "1"
    assert found['method="OTHER",route="/offers",status="405"'] == "1"
    assert made["id"] not in text
    buckets = re.findall(r'_bucket\{le="(.+?)",method="GET",route="/offers",status="200"\} (\d+)\.0', text)
    assert [int(count) for _, count in buckets] == sorted(int(count) for _, count in buckets)
    assert buckets[-1] == ("+Inf", "3")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_rfc_9728_says_how_to_get_in(nobody: Client) -> None:
    document = (await nobody.get(f"{ROOT}/.well-known/oauth-protected-resource")).json()
    assert document["resource"] == f"{ROOT}/v1"
    assert document["bearer_methods_supported"] == ["header"]
    assert set(document["scopes_supported"]) == {scope.value for scope in Scope}
