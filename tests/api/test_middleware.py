"""What every answer carries, whatever kind it is; and who may read it in a browser."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.types import ASGIApp

from engage_api import __version__
from engage_api.db import reader
from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings, serving
from tests.api.samples import SAMPLES

ROOT = "http://engage.test"
APP, ELSEWHERE = "https://app.example", "https://evil.example"
EVERYWHERE = {
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
Ask = Callable[[Client], Awaitable[httpx.Response]]
PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization, if-match"}
API: dict[str, tuple[Ask, int]] = {
    "200": (lambda api: api.get("/offers"), 200),
    "200 of one": (lambda api: api.get("/offers/external/own"), 200),
    "200 to HEAD": (lambda api: api.head("/offers"), 200),
    "201": (lambda api: api.post("/offers", json={"title": "A"}), 201),
    "204": (lambda api: api.post("/api-keys/leaked", json={"key": "none"}), 204),
    "204 to OPTIONS": (lambda api: api.options("/offers"), 204),
    "304": (lambda api: api.get("/offers/external/own", headers={"If-None-Match": "*"}), 304),
    "400": (lambda api: api.post("/offers", json={}), 400),
    "400 for NUL": (lambda api: api.get("/offers?search=%00"), 400),
    "401": (lambda api: api.get("/offers", headers={"Authorization": "none"}), 401),
    "404": (lambda api: api.get("/offers/none"), 404),
    "404 of no path": (lambda api: api.get("/nothing"), 404),
    "404 for NUL": (lambda api: api.get("/offers/%00"), 404),
    "405": (lambda api: api.put("/offers"), 405),
    "413": (lambda api: api.post("/offers", content=b" " * 2_000_000), 413),
    "415": (lambda api: api.post("/offers", content=b"x"), 415),
    "the description": (lambda api: api.get("/openapi.json"), 200),
    "a preflight": (lambda api: api.options("/offers", headers=PREFLIGHT | {"Origin": APP}), 200),
}
PAGES: dict[str, tuple[Ask, int]] = {
    "livez": (lambda api: api.get(f"{ROOT}/livez"), 200),
    "readyz": (lambda api: api.get(f"{ROOT}/readyz"), 200),
    "metrics": (lambda api: api.get(f"{ROOT}/metrics"), 200),
    "a well-known document": (lambda api: api.get(f"{ROOT}/.well-known/oauth-protected-resource"), 200),
    "no page": (lambda api: api.get(f"{ROOT}/nothing"), 404),
}


@pytest.fixture(params=["sqlite"])  # no database takes part
def settings(request: pytest.FixtureRequest, module_sqlite_url: str, tmp_path: Path) -> Settings:
    return make_settings(module_sqlite_url, tmp_path, cors_origins=(APP,), outer_limit=20)


def once(answer: httpx.Response) -> dict[str, str]:
    """The headers; none of them may be there twice."""
    names = [name for name, _ in answer.headers.multi_items()]
    assert len(names) == len(set(names)), names
    return dict(answer.headers)


# ── headers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", API)
async def test_every_answer_of_the_api_has_the_headers(api: Client, kind: str) -> None:
    await SAMPLES["offer"].make(api, externalId="own")
    ask, status = API[kind]
    answer = await ask(api)
    assert answer.status_code == status
    headers = once(answer)
    assert headers.items() >= EVERYWHERE.items()
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["api-version"] == __version__
    assert headers["cache-control"] == ("public, max-age=300" if kind == "the description" else "no-store")
    assert str(UUID(headers["x-request-id"])) == headers["x-request-id"]
    assert "server" not in headers


@pytest.mark.parametrize("kind", PAGES)
async def test_every_other_answer_has_them_too(api: Client, kind: str) -> None:
    ask, status = PAGES[kind]
    answer = await ask(api)
    assert answer.status_code == status
    headers = once(answer)
    assert headers.items() >= EVERYWHERE.items()
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert str(UUID(headers["x-request-id"])) == headers["x-request-id"]


async def test_faults_of_ours_have_them_too(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "page", None)
    answer = await api.get("/offers")
    assert answer.status_code == 500
    assert once(answer).items() >= EVERYWHERE.items()
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "given", ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", str(UUID(int=0))]
)
async def test_a_request_id_that_is_a_uuid_is_kept(api: Client, given: str) -> None:
    for path in ("/offers", "/nothing", f"{ROOT}/livez"):
        assert (await api.get(path, headers={"X-Request-Id": given})).headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        "f81d4fae7dec11d0a76500a0c91e6bf6",
        "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
        "é" * 36,
        "a" * 10_000,
    ],
)
async def test_any_other_request_id_is_replaced(api: Client, given: str) -> None:
    answers = [await api.get("/offers", headers=[(b"X-Request-Id", given.encode())]) for _ in range(2)]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len({UUID(one) for one in ids}) == 2
    assert given not in ids


async def test_no_header_is_made_of_what_a_caller_sent(api: Client) -> None:
    for path in ("/offers", "/nothing"):
        plain = await api.get(path)
        odd = await api.get(
            path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "x"}
        )
        assert "evil" not in str(odd.headers) + odd.text
        assert odd.status_code == plain.status_code


async def ended(app: ASGIApp, scope: dict[str, Any], first: Awaitable[Any]) -> list[dict[str, Any]]:
    """What is sent to a request whose body does not come, when the service ends."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return await first

    task: asyncio.Task[None] = asyncio.ensure_future(app(scope, receive, send))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    return sent


async def test_a_body_that_comes_too_slowly_for_the_end_is_503(service: Service) -> None:
    never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    headers = [(b"content-type", b"application/json"), (b"host", b"engage.test")]
    target = {"method": "POST", "path": "/v1/api-keys/leaked", "query_string": b"", "headers": headers}
    start, body = await ended(service.app, {"type": "http", "client": ("127.0.0.1", 1), **target}, never)
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"1"
    assert b'"code":"unavailable"' in body["body"]


async def test_nothing_but_http_is_spoken(service: Service) -> None:
    never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    assert await ended(service.app, {"type": "websocket", "path": "/v1/customers", "headers": []}, never) == [
        {"type": "websocket.close", "code": 1003}
    ]


# ── browsers on other origins ────────────────────────────────────────────────────────────────────────────────────────


def cross(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def test_a_preflight_of_an_allowed_origin_is_answered(nobody: Client) -> None:
    answer = await nobody.options("/offers/x", headers=PREFLIGHT | {"Origin": APP})
    headers = cross(answer)
    assert answer.status_code == 200
    assert headers["access-control-allow-origin"] == APP
    methods = set(headers["access-control-allow-methods"].split(", "))
    assert methods == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    named = headers["access-control-allow-headers"].lower()
    assert all(name in named for name in ("authorization", "content-type", "idempotency-key", "if-match"))
    assert "access-control-allow-credentials" not in headers
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin", [ELSEWHERE, "null", f"{APP}.evil.example", "http://app.example", f"{APP}:8443", APP.upper()]
)
async def test_other_origins_get_no_leave(api: Client, origin: str) -> None:
    refused = await api.options("/offers", headers=PREFLIGHT | {"Origin": origin})
    assert refused.status_code == 400
    for answer in (refused, await api.get("/offers", headers={"Origin": origin})):
        assert "access-control-allow-origin" not in cross(answer)
    assert (await api.get("/offers", headers={"Origin": origin})).status_code == 200, "the browser enforces it"


@pytest.mark.parametrize("kind", [kind for kind in API if kind not in ("a preflight", "the description")])
async def test_an_allowed_origin_may_read_every_answer(api: Client, kind: str) -> None:
    await SAMPLES["offer"].make(api, externalId="own")
    api.headers["Origin"] = APP
    answer = await API[kind][0](api)
    headers = cross(answer)
    assert headers["access-control-allow-origin"] == APP
    shown = {name.strip().lower() for name in headers["access-control-expose-headers"].split(",")}
    assert shown >= {"etag", "link", "location", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"}
    assert "access-control-allow-credentials" not in headers


async def test_an_allowed_origin_may_read_that_it_asks_too_often(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = await service.client(address="192.0.2.1")
    answers = [await stranger.get("/offers", headers={"Origin": APP}) for _ in range(25)]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert {cross(answer).get("access-control-allow-origin") for answer in answers} == {APP}


async def test_the_description_may_be_read_from_anywhere(nobody: Client) -> None:
    for path in ("/openapi.json", "/openapi-3.1.json", "/asyncapi.json"):
        answer = await nobody.get(path, headers={"Origin": ELSEWHERE})
        assert cross(answer)["access-control-allow-origin"] == "*"


async def test_where_no_origin_is_allowed_nothing_is_said(module_sqlite_url: str, tmp_path: Path) -> None:
    async with serving(make_settings(module_sqlite_url, tmp_path)) as service:
        api = await service.caller()
        for answer in (
            await api.get("/offers", headers={"Origin": APP}),
            await api.options("/offers", headers=PREFLIGHT | {"Origin": APP}),
        ):
            assert cross(answer) == {}
