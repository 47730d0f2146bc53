"""Customers' sessions: a short token that opens what is the customer's, and nothing else."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from engage_api.access.customer_sessions import service as sessions
from engage_api.app import KINDS
from engage_api.core import secret
from engage_api.core.principal import Principal
from engage_api.customers.audience import Me
from engage_api.customers.models import CUSTOMER
from engage_api.db import reader
from engage_api.http.limits import principal_key
from tests.api.harness import Client, Service, parties, refused, serving
from tests.api.samples import SAMPLES
from tests.api.test_http import PATHS, concrete

FULL = SAMPLES["customer"].full


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 11, 21, 20, tzinfo=UTC), tick=False) as traveller:
        yield traveller


async def let_in(service: Service, api: Client, customer: str, **body: Any) -> Client:
    """The customer at their front end."""
    made = await api.made(f"/customers/{customer}/sessions", body)
    return await service.client(made["token"])


async def customer(api: Client, **fields: Any) -> str:
    made = await api.made("/customers", {"kind": "person", "displayName": "Zoë"} | fields)
    return str(made["id"])


async def status(who: Client) -> int:
    return (await who.get("/me")).status_code


async def test_a_customer_reads_themselves_with_the_fields_that_they_may_have(service: Service, api: Client) -> None:
    made = await api.made("/customers", FULL)
    answer = await api.post(f"/customers/{made['id']}/sessions", json={})
    session = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert set(session) == {"id", "customerId", "createdAt", "expiresAt", "token"}
    assert session["customerId"] == made["id"]
    assert secret.kind(session["token"]) == "customer"
    who = await service.client(session["token"])
    me = await who.read("/me")
    kept = {field.alias or name for name, field in Me.model_fields.items()}
    assert me == {name: made[name] for name in made if name in kept}
    assert set(made) - set(me) == {
        "externalId", "context", "segments", "metadata", "updatedAt", "version", "mergedInto",
    }  # fmt: skip
    tag = (await who.get("/me")).headers["ETag"]
    assert (await who.get("/me", headers={"If-None-Match": tag})).status_code == 304
    await api.change(f"/customers/{made['id']}", {"segments": ["vip"], "metadata": {"note": "rude"}})
    assert (await who.get("/me")).headers["ETag"] == tag, "a customer can tell that somebody wrote about them"
    await api.change(f"/customers/{made['id']}", {"displayName": "Zoë Jansen"})
    assert (await who.read("/me"))["displayName"] == "Zoë Jansen"


async def test_a_customers_token_opens_nothing_else(service: Service, api: Client) -> None:
    """Every operation of the description but `/me`, and those that are open to all."""
    who, refusals = await let_in(service, api, await customer(api)), 0
    for path, methods in PATHS.items():
        for method in methods:
            if path in {"/me", "/api-keys/leaked", "/scenarios"}:
                continue
            answer = await who.request(method.upper(), concrete(path), json={} if method in {"post", "put"} else None)
            refused(answer, 403, "insufficient-scope")
            refusals += 1
    assert refusals > 40
    assert (await who.get("/me")).status_code == 200


async def everything_seen(service: Service, api: Client, who: Principal) -> dict[str, int]:
    """How many rows of each kind a principal gets through the read door, by page and by number."""
    seen = {}
    for kind in KINDS:
        ask = reader.Ask({}, None, "createdAt", None, 200)
        page = await reader.page(service.db, who, kind, ask)
        assert len(page.documents) == await reader.count(service.db, who, kind, ask)
        seen[kind.name] = len(page.documents)
    return seen


async def test_the_one_rule_shows_a_customer_their_own_row_and_nothing_else(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, foreign = await customer(api), await customer(api)
    await api.made("/cases", {"type": "x", "title": "x", "customerId": own})
    await api.made("/offers", {"title": "x"})
    token = (await api.made(f"/customers/{own}/sessions", {}))["token"]
    principal = await service.services.doorkeeper.recognise(token)
    assert principal
    assert principal.actor == f"customer:{own}"
    for sees_workspace in (False, True):  # being a customer counts for more
        who = replace(principal, sees_workspace=sees_workspace)
        assert {name: n for name, n in (await everything_seen(service, api, who)).items() if n} == {"customer": 1}
        assert await reader.document(service.db, who, CUSTOMER, own)
        assert await reader.document(service.db, who, CUSTOMER, foreign) is None
    planted = replace(principal, customer="", sees_workspace=True)
    assert sum((await everything_seen(service, api, planted)).values()) > 4, "the test would not find a fault"


async def test_who_is_no_customer_is_told_so(service: Service, api: Client) -> None:
    refused(await api.get("/me"), 403, "needs-customer")
    refused(await (await service.caller("cases:read")).get("/me"), 403, "insufficient-scope")


async def test_who_may_let_customers_in(service: Service, api: Client, other: Client, partner: Client) -> None:
    own = await customer(api)
    for caller in (other, partner):
        for method in ("POST", "DELETE"):
            for there in (own, "cus_none"):
                body: Any = {} if method == "POST" else None
                refused(await caller.request(method, f"/customers/{there}/sessions", json=body), 404, "not-found")
    reader_only = await service.caller("customers:read customers:write me:read")
    refused(await reader_only.post(f"/customers/{own}/sessions", json={}), 403, "insufficient-scope")
    theirs = await customer(partner)
    assert await status(await let_in(service, partner, theirs)) == 200


async def test_a_session_is_a_minute_to_an_hour(api: Client) -> None:
    own = await customer(api)
    for lifetime in ("PT0M", "PT61M", "PT99M", "PT2H", "P1D", "PT", "", "15", 900, None):
        answer = await api.post(f"/customers/{own}/sessions", json={"lifetime": lifetime})
        refused(answer, 400, "invalid-request")


async def test_a_session_ends_by_itself(service: Service, api: Client, clock: time_machine.Traveller) -> None:
    own = await customer(api)
    usual, short, long = [await let_in(service, api, own, **body) for body in ({}, _for("PT1M"), _for("PT1H"))]
    for seconds, expected in ((59, [200, 200, 200]), (2, [200, 401, 200]), (840, [401, 401, 200]), (2700, [401] * 3)):
        clock.shift(seconds)
        assert [await status(who) for who in (usual, short, long)] == expected
    await sessions.sweep(service.db)
    assert (await api.delete(f"/customers/{own}/sessions")).status_code == 204


def _for(lifetime: str) -> dict[str, str]:
    return {"lifetime": lifetime}


async def test_sessions_end_with_the_very_next_call(service: Service, api: Client) -> None:
    """By hand, with the customer's state, and with the customer; nobody else's do."""
    bystander = await let_in(service, api, await customer(api))
    for end in ("sessions", "closed", "deleted"):
        own = await customer(api)
        both = [await let_in(service, api, own) for _ in range(2)]
        assert [await status(who) for who in both] == [200, 200]
        if end == "closed":
            await api.moved(f"/customers/{own}", "closed")
            refused(await api.post(f"/customers/{own}/sessions", json={}), 409, "customer-closed")
        else:
            path = f"/customers/{own}/sessions" if end == "sessions" else f"/customers/{own}"
            assert (await api.delete(path, headers={"If-Match": "*"})).status_code == 204
        assert [await status(who) for who in both] == [401, 401], end
    assert await status(bystander) == 200


async def test_sessions_end_with_the_key_and_with_the_application_that_began_them(service: Service) -> None:
    operator, partner = await parties(service)
    key = (await partner.get("/api-keys")).json()["items"][0]["id"]
    own = await customer(partner)
    by_key = await let_in(service, partner, own)
    assert await status(by_key) == 200
    await operator.delete(f"/api-keys/{key}")
    service.services.doorkeeper.forget_all()  # as a second does
    assert await status(by_key) == 401
    application = service.world.partner
    again = await service.caller(who=application._replace(workspace="live"))
    who = await let_in(service, again, own)
    assert await status(who) == 200
    at = f"/applications/{application.id}"
    await operator.moved(at, "live", scopes=["customers:read"])
    assert await status(who) == 401, "an application without the scope lets nobody in"
    await operator.moved(at, "live", scopes=["customers:sessions"])
    assert await status(who) == 200
    await operator.moved(f"/organizations/org_{application.id}", "suspended")
    assert await status(who) == 401


async def test_a_reported_token_ends(service: Service, api: Client, nobody: Client) -> None:
    who = await let_in(service, api, await customer(api))
    assert await status(who) == 200
    assert (await nobody.post("/api-keys/leaked", json={"key": who.key})).status_code == 204
    assert await status(who) == 401


async def test_another_process_hears_of_the_end_within_a_second(service: Service, api: Client) -> None:
    async with serving(service.settings, service.world, processes=2) as second:
        own = await customer(api)
        who = await let_in(service, api, own)
        there = await second.client(who.key)
        assert await status(there) == 200
        await api.delete(f"/customers/{own}/sessions")
        await asyncio.sleep(1.05)
        assert await status(there) == 401


async def test_a_repetition_shows_the_first_token_and_only_to_who_got_it(service: Service, api: Client) -> None:
    own, same = await customer(api), {"Idempotency-Key": "once"}
    first, again = [await api.post(f"/customers/{own}/sessions", json={}, headers=same) for _ in range(2)]
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    second = await service.caller()
    refused(await second.post(f"/customers/{own}/sessions", json={}, headers=same), 422, "idempotency-key-reused")


async def test_closing_and_letting_in_at_once_leaves_no_session(service: Service, api: Client) -> None:
    for _ in range(5):
        own = await customer(api)
        answers = await asyncio.gather(
            *(api.post(f"/customers/{own}/sessions", json={}) for _ in range(8)),
            api.post(f"/customers/{own}/transitions", json={"to": "closed"}),
        )
        tokens = [answer.json()["token"] for answer in answers[:-1] if answer.status_code == 201]
        assert {answer.status_code for answer in answers[:-1]} <= {201, 409}
        assert [await status(await service.client(token)) for token in tokens] == [401] * len(tokens)


async def test_customers_are_counted_apart(service: Service, api: Client) -> None:
    keys = [(await let_in(service, api, await customer(api))).key for _ in range(2)]
    who = [await service.services.doorkeeper.recognise(key) for key in keys]
    assert len({principal_key(one) for one in who if one}) == 2
