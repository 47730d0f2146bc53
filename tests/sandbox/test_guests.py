"""People without an account: each has a sandbox that no other guest can reach, and there is a bound to them."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engage_api.access import strangers, worlds
from engage_api.access.strangers import WIDER
from engage_api.core import clock
from engage_api.core.problem import Problem
from engage_api.sandbox import guests
from engage_api.sandbox import service as sandboxes
from engage_api.settings import Settings
from tests.api.harness import Client, Service, answered, make_settings, refused
from tests.running import Application

EMPTY = {"size": "empty"}
MOST = 12


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A database of each test's own: guests are counted."""
    return make_settings(database_url, tmp_path, guest_sandboxes=MOST, guest_sandboxes_hourly=5, worker=False)


async def guest(service: Service, address: str, body: dict[str, Any] = EMPTY) -> tuple[dict[str, Any], Client]:
    """A new guest with what they were given."""
    made = await (await service.client(address=address)).made("/sandboxes", body)
    return made, await service.client(made["key"], address=address)


async def test_anybody_gets_a_tiny_one_that_is_filled_and_its_key(service: Service) -> None:
    made, own = await guest(service, "192.0.2.1", {})
    assert (made["state"], made["size"], made["key"][:13]) == ("ready", "tiny", "eng_test_key_")
    lifetime = datetime.fromisoformat(made["expiresAt"]) - datetime.fromisoformat(made["createdAt"])
    assert timedelta(days=3, minutes=-1) < lifetime < timedelta(days=3, minutes=1)
    assert len((await own.read("/customers"))["items"]) >= 5
    assert await own.ids("/sandboxes") == [made["id"]]
    assert made["personas"]


async def test_one_that_cannot_be_filled_now_is_answered_with_its_key(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason: it is there, and a job goes on."""

    async def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("engage_api.sandbox.filling.fill", broken)
    made, own = await guest(service, "192.0.2.1", {})
    assert made["state"] == "seeding"
    assert (await own.get("/customers")).status_code == 200


async def test_guests_have_nothing_in_common(service: Service) -> None:
    (ours, us), (theirs, them) = [await guest(service, f"192.0.2.{n}") for n in (1, 2)]
    customer = await us.made("/customers", {"kind": "person", "displayName": "Ada"})
    for path in (f"/sandboxes/{ours['id']}", f"/customers/{customer['id']}"):
        refused(await them.get(path), 404, "not-found")
    refused(await them.delete(f"/sandboxes/{ours['id']}", headers={"If-Match": "*"}), 404, "not-found")
    assert (await them.ids("/sandboxes"), await them.ids("/customers")) == ([theirs["id"]], [])
    [key] = (await us.read("/api-keys"))["items"]
    refused(await them.delete(f"/api-keys/{key['id']}"), 404, "not-found")
    assert [one["id"] for one in (await them.read("/api-keys"))["items"]] != [key["id"]]
    for path in ("/organizations", "/applications", "/jobs", "/organizations/org_guests/members"):
        assert (await them.get(path)).status_code == 403
    register = {"client_name": "x", "redirect_uris": ["https://a.example/b"]}
    answer = await them.post("http://engage.test/oauth/register", json=register)
    assert answer.status_code == 403
    assert await worlds.sandbox(service.db, worlds.GUESTS) is None
    assert await worlds.sandbox(service.db, worlds.GUESTS, ours["id"]) is None


async def test_a_credential_that_is_wrong_makes_no_guest(service: Service) -> None:
    client = await service.client()
    for value in ("Bearer eng_test_key_0", "Bearer ", "Basic YTpi", "x", "Bearer " + "é"):
        answer = await client.post("/sandboxes", json=EMPTY, headers=[(b"Authorization", value.encode())])
        refused(answer, 401, "unauthenticated")
    only = await service.client(await service.key("customers:read"))
    refused(await only.post("/sandboxes", json=EMPTY), 403, "insufficient-scope")
    operator = await service.caller(who=Application("app_operator", "live"))
    assert await operator.ids("/sandboxes") == []


async def test_a_guest_gets_no_more_than_that(service: Service) -> None:
    client = await service.client()
    for body, pointer in (
        ({"size": "medium"}, "/size"),
        ({"size": "large"}, "/size"),
        ({"lifetime": "P4D"}, "/lifetime"),
    ):
        found = refused(await client.post("/sandboxes", json=body), 400, "invalid-request")
        assert [error["pointer"] for error in found["errors"]] == [pointer]
    made, own = await guest(service, "192.0.2.1")
    path = f"/sandboxes/{made['id']}"
    later = (datetime.fromisoformat(made["createdAt"]) + timedelta(days=4)).isoformat()
    refused(await own.change(path, {"expiresAt": later}), 400, "invalid-request")
    answers = [await own.post("/sandboxes", json=body) for body in (EMPTY, EMPTY, EMPTY, {"size": "large"})]
    assert [answer.status_code for answer in answers] == [201, 201, 409, 400]
    assert answers[2].json()["detail"].startswith("Without an account you have at most 3, with their forks: delete one")
    longest = datetime.fromisoformat(made["createdAt"]) + timedelta(days=3, minutes=1)
    assert all(datetime.fromisoformat(answer.json()["expiresAt"]) < longest for answer in answers[:2])


async def test_an_address_makes_five_in_an_hour(service: Service) -> None:
    client = await service.client(address="192.0.2.7")
    answers = await asyncio.gather(*(client.post("/sandboxes", json=EMPTY) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [429] * 3
    refusal = await client.post("/sandboxes", json=EMPTY)
    told = refused(refusal, 429, "too-many-requests")["detail"]
    assert "make 5 sandboxes in an hour, 50 in three days. With the key" in told
    assert 0 < int(refusal.headers["Retry-After"]) <= 3600
    await guest(service, "192.0.2.8")
    subnet = [await service.client(address=f"2001:db8:0:1::{n}") for n in range(6)]
    codes = [(await one.post("/sandboxes", json=EMPTY)).status_code for one in subnet]
    assert codes == [201] * 5 + [429]


async def test_more_sandboxes_are_no_more_calls(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each guest is another application, and has what one may ask for."""
    monkeypatch.setattr(strangers, "SEVERAL", 0.02)
    (_, us), (_, them) = [await guest(service, "192.0.2.1") for _ in range(2)]
    most = 12
    for _ in range(most // 2):
        assert [(await one.get("/offers")).status_code for one in (us, them)] == [200, 200]
    answer = await us.get("/offers")
    refused(answer, 429, "too-many-requests")
    assert int(answer.headers["Retry-After"]) > 0
    _, elsewhere = await guest(service, "192.0.2.2")
    assert (await elsewhere.get("/offers")).status_code == 200
    developer = await service.caller(who=service.world.developer)
    assert [(await developer.get("/offers")).status_code for _ in range(most + 1)] == [200] * (most + 1)


async def test_an_address_alone_does_not_fill_the_room(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "LONG", 1)
    client, begun = await service.client(address="192.0.2.7"), clock.seconds()
    codes = [(await client.post("/sandboxes", json=EMPTY)).status_code for _ in range(5)]
    monkeypatch.setattr(clock, "seconds", lambda: begun + 3 * guests.HOUR)
    answer = await client.post("/sandboxes", json=EMPTY)
    assert [*codes, answer.status_code] == [201] * 5 + [429]
    assert int(answer.headers["Retry-After"]) > guests.HOUR


async def test_a_network_is_no_way_around_that(service: Service) -> None:
    codes = []
    for subnet in range(WIDER + 1):
        client = await service.client(address=f"2001:db8:7:{subnet}::1")
        codes += [(await client.post("/sandboxes", json=EMPTY)).status_code for _ in range(5)]
    assert 429 not in codes[: WIDER * 5]
    assert set(codes[WIDER * 5 :]) == {429}
    assert (await (await service.client(address="2001:db8:8::1")).post("/sandboxes", json=EMPTY)).status_code == 503


async def test_there_is_room_for_so_many_and_no_more(service: Service) -> None:
    callers = [await service.client(address=f"198.51.100.{n}") for n in range(MOST + 4)]
    answers = await asyncio.gather(*(caller.post("/sandboxes", json=EMPTY) for caller in callers))
    assert sorted(answer.status_code for answer in answers) == [201] * MOST + [503] * 4
    full = await (await service.client(address="203.0.113.1")).post("/sandboxes", json=EMPTY)
    told = refused(full, 503, "no-room-for-guests")["detail"]
    assert told == f"There are {MOST} already. Try again later, or sign up: with an account you can make one now."
    assert int(full.headers["Retry-After"]) > 0
    assert (await (await service.caller(who=service.world.developer)).post("/sandboxes", json=EMPTY)).status_code == 201


async def test_an_operator_can_close_the_door(service: Service) -> None:
    made, own = await guest(service, "192.0.2.1")
    operator = await service.caller(who=Application("app_operator", "live"))
    await operator.moved("/organizations/org_guests", "suspended")
    refused(await own.get("/sandboxes"), 401, "unauthenticated")
    refused(await (await service.client()).post("/sandboxes", json=EMPTY), 503, "no-room-for-guests")
    assert (await operator.read(f"/sandboxes/{made['id']}"))["id"] == made["id"]


async def test_a_guest_may_repeat_what_nobody_else_could_guess(service: Service) -> None:
    ours, theirs = [await service.client(address=f"192.0.2.{n}") for n in (1, 2)]
    found = refused(await ours.post("/sandboxes", json={}, headers={"Idempotency-Key": "1"}), 400, "invalid-request")
    assert found["errors"][0]["parameter"] == "Idempotency-Key"
    keyed = {"Idempotency-Key": "5f0c2f4e-5d0e-4b8e-9f57-0a7c3f1f9f10"}
    first, again = [await ours.post("/sandboxes", json={}, headers=keyed) for _ in range(2)]
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    other = answered(await theirs.post("/sandboxes", json={}, headers=keyed), 201)
    assert other["key"] != first.json()["key"]
    for _ in range(4):
        await ours.made("/sandboxes", EMPTY)
    assert (await ours.post("/sandboxes", json={}, headers=keyed)).content == first.content  # it counted once


async def test_what_has_nothing_to_say_says_nothing(service: Service) -> None:
    """The shortest call there is, `curl -X POST …/sandboxes`, is one that works."""
    client = await service.client(address="192.0.2.9")
    made = answered(await client.post("/sandboxes"), 201)
    own, path = await service.client(made["key"]), f"/sandboxes/{made['id']}"
    for more in ("snapshots", "forks", "resets"):
        assert answered(await own.post(f"{path}/{more}"), 201)["state"] == "ready"
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl -d alone says
    told = refused(await own.post(f"{path}/resets", content=b"{}", headers=form), 415, "unsupported-media-type")
    assert "`Content-Type: application/json`" in told["detail"]


def test_an_address_makes_more_where_it_is_tried_than_where_everybody_comes() -> None:
    production = {"environment": "production", "secret_key": "x1" * 20, "public_url": "https://api.example.org"}
    assert Settings().guests.hourly > Settings(**production).guests.hourly > 5  # type: ignore[arg-type]
    assert Settings(**production, guest_sandboxes_hourly=7).guests.hourly == 7  # type: ignore[arg-type]


def test_what_a_guest_is_told_has_a_page() -> None:
    assert Problem.known["no-room-for-guests"] is sandboxes.NoRoom
