"""What the description says of webhooks is what the service does, and what it refuses it explains."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.harness import Client, Service, make_settings, places, refused, serving
from tests.webhooks.sent import AT

URL = "https://hooks.example.org/engage"


@pytest.fixture
async def service(module_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """As in production: no request to this machine."""
    async with serving(make_settings(module_sqlite_url, tmp_path)) as running:
        yield running


async def test_a_url_is_taken_just_when_it_fits_the_pattern_of_the_description(api: Client) -> None:
    schemas = (await api.read("/openapi.json"))["components"]["schemas"]
    pattern = schemas["WebhookEndpointCreate"]["properties"]["url"]["pattern"]
    assert "pattern" not in schemas["WebhookEndpoint"]["properties"]["url"]
    made = await api.made(AT, {"url": URL})
    taken = [URL, "https://a.example:443/", "https://a.example:8443?x=%20", "https://xn--bcher-kva.example"]
    others = [
        "https://8.8.8.8/",
        "https://[2606:4700::1]/",
        "https://10.0.0.1/x",
        "https://intern/",
        "http://a.example/",
    ]
    others += ["https://a.example:80/", "https://bücher.example/", "https://my_host.example/", "https://a.example/é"]
    for url in taken + others:
        answer = await api.change(f"{AT}/{made['id']}", {"url": url})
        assert (answer.status_code == 200) == (url in taken) == bool(re.search(pattern, url)), url


async def test_whoever_wants_a_receiver_on_their_machine_is_told_how(api: Client) -> None:
    for url in ("http://localhost:9911/hook", "https://localhost:9911/hook", "https://127.0.0.1/", "https://[::1]/"):
        [error] = refused(await api.post(AT, json={"url": url}), 400, "invalid-request")["errors"]
        assert "engage webhooks listen" in error["detail"]
        assert "ENGAGE_OUTBOUND_LOOPBACK" in error["detail"]


async def test_a_type_that_no_event_can_have_is_refused(api: Client) -> None:
    at = f"{AT}/{(await api.made(AT, {'url': URL}))['id']}"
    span = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    for type_ in ("engage.case", "foo", "foo.*", "engage.case.delivered", "engage.case.created.v2"):
        answers = [
            await api.post(AT, json={"url": URL, "types": ["*", type_]}),
            await api.change(at, {"types": [type_]}),
            await api.post(f"{at}/replays", json={**span, "types": [type_]}),
            await api.get("/events", params={"type": type_}),
            await api.get("/events/stream", params={"type": type_}),
        ]
        for answer in answers:
            assert {one["code"] for one in refused(answer, 400, "invalid-request")["errors"]} == {"unknown-type"}
    for type_ in ("*", "engage.*", "engage.case.*", "engage.case.created.v1", "x.*", "x.org_else.what.ever"):
        assert (await api.change(at, {"types": [type_]})).status_code == 200
        await api.read("/events", type=type_)


async def test_a_body_that_may_be_empty_may_be_left_out(api: Client) -> None:
    at = f"{AT}/{(await api.made(AT, {'url': URL}))['id']}"
    paths = (await api.read("/openapi.json"))["paths"]
    for name in ("secrets", "test-deliveries"):
        assert (await api.post(f"{at}/{name}")).status_code == 201
        assert (await api.post(f"{at}/{name}", headers={"Content-Type": "application/json"})).status_code == 201
        refused(await api.post(f"{at}/{name}", content=b"{}"), 415, "unsupported-media-type")
        assert not paths[f"{AT}/{{endpoint_id}}/{name}"]["post"]["requestBody"].get("required")
    assert len(await api.ids(f"{at}/secrets")) == 2
    refused(await api.post(f"{at}/transitions"), 415, "unsupported-media-type")


async def test_refusals_say_what_to_do(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    blind = await service.caller("webhooks:write")
    told = refused(await blind.post(AT, json={"url": URL}), 403, "insufficient-scope")
    assert (told["requiredScope"], told["detail"]) == (
        "events:read",
        "A webhook endpoint is sent events, so it needs events:read, too.",
    )
    monkeypatch.setattr("engage_api.events.webhooks.service.MOST", 0)
    assert "delete one" in refused(await api.post(AT, json={"url": URL}), 409, "too-many-endpoints")["detail"]
    assert places(refused(await api.post(AT, json={}), 400, "invalid-request")) == {"/url"}
