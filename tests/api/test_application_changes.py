"""Who may change an application: nobody gets at more than they have by changing what others trust."""

import httpx
import pytest

from tests.api.harness import Client, Service, parties, refused
from tests.api.test_applications import PLAIN, application

LESS = "applications:read applications:write"
BOTH = ["applications:write", "customers:write"]
FEW, MORE = {"scopes": ["applications:write"]}, {"scopes": ["applications:write", "customers:read"]}


def fine(answer: httpx.Response, status: int = 200) -> None:
    assert answer.status_code == status, answer.text


async def test_a_live_one_is_led_nowhere_else_by_who_has_less_than_it(service: Service, api: Client) -> None:
    """People who agreed to it are led there with codes, and codes are worth what it may do."""
    path = await application(api, scopes=BOTH)
    await api.moved(path, "live", scopes=BOTH)
    less = await service.caller(LESS)
    uri = {"redirectUris": ["https://elsewhere.example/cb"]}
    told = refused(await less.change(path, uri), 403, "insufficient-scope")
    assert told["requiredScope"] == "customers:write"
    fine(await less.change(path, {"name": "Another name", "redirectUris": []}))
    more = await service.caller(f"{LESS} customers:write")
    fine(await more.change(path, uri))


async def test_a_scope_that_comes_after_a_live_secret_needs_that_scope(service: Service, api: Client) -> None:
    """Else who holds the secret would wait for what they may not have."""
    path = await application(api, **FEW)
    less = await service.caller(LESS)
    fine(await less.change(path, MORE))
    fine(await less.change(path, FEW))
    fine(await less.post(f"{path}/secrets", json={"environment": "live"}), 201)
    told = refused(await less.change(path, MORE), 403, "insufficient-scope")
    assert told["requiredScope"] == "customers:read"
    fine(await api.change(path, MORE))


async def test_the_operators_own_keeps_its_name(service: Service) -> None:
    """People read it where they are asked to agree."""
    api, _ = await parties(service)
    refused(await api.change("/applications/app_operator", {"name": "Evil"}), 409, "operators-own")


async def test_an_organization_has_enough_of_them_some_time(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    api, partner = await parties(service)
    there = len(await partner.ids("/applications"))
    monkeypatch.setattr("engage_api.access.applications.service.MOST", there + 1)
    fine(await partner.post("/applications", json=PLAIN), 201)
    refused(await partner.post("/applications", json=PLAIN), 409, "too-many-applications")
    fine(await api.post("/applications", json=PLAIN | {"organizationId": f"org_{service.world.partner.id}"}), 201)
