"""API keys: what a key may hand on, and how it ends."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engage_api.access.applications.models import OPERATOR
from engage_api.core import clock, secret
from engage_api.core.secret import PATTERN
from tests.api.harness import Client, Service, places, refused, works
from tests.running import Application

PLAIN: dict[str, Any] = {"name": "Nightly", "scopes": ["cases:read"]}
HOUR = timedelta(hours=1)


def wire(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_now(span: timedelta) -> str:
    return wire(datetime.now(UTC) + span)


def later(patch: pytest.MonkeyPatch, span: timedelta) -> None:
    """The workspaces' time goes on by so much; what a key may do is looked at with every call."""
    patch.setattr(clock, "business", lambda _: clock.host() + span)


# ── making ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_is_shown_once(service: Service, api: Client, other: Client) -> None:
    for caller, kind in ((api, "live"), (other, "test")):
        made = await caller.made("/api-keys", PLAIN)
        key = made.pop("key")
        form = re.fullmatch(PATTERN, key)
        assert form is not None
        assert (form[1], form[2], secret.kind(key)) == (kind, "key", "key")
        assert made["hint"] == f"{key[:13]}…{key[-4:]}"
        assert await caller.read(f"/api-keys/{made['id']}") == made
        assert made in (await caller.read("/api-keys"))["items"]
        assert await works(service, key)
        refused(await (await service.client(made["id"])).get("/cases"), 401, "unauthenticated")


async def test_a_key_has_what_it_was_given(service: Service, api: Client) -> None:
    body = PLAIN | {"expiresAt": from_now(HOUR), "networks": ["192.0.2.0/24", "2001:DB8::1"]}
    made = await api.made("/api-keys", body)
    assert {name: made[name] for name in body} == body | {"networks": ["192.0.2.0/24", "2001:db8::1/128"]}
    assert (made["applicationId"], made["plan"], made["lastUsedAt"]) == ("app_operator", "unlimited", None)


async def test_no_two_keys_are_alike(api: Client) -> None:
    made = [await api.made("/api-keys", PLAIN) for _ in range(20)]
    assert len({one["key"] for one in made}) == len({one["id"] for one in made}) == 20


async def test_nobody_hands_on_a_scope_that_they_have_not(service: Service) -> None:
    clerk = await service.caller("keys:write cases:read")
    for scopes in (["cases:write"], ["cases:read", "customers:read"], ["keys:read"]):
        answer = await clerk.post("/api-keys", json=PLAIN | {"scopes": scopes})
        assert refused(answer, 403, "insufficient-scope")["requiredScope"] == scopes[-1]
    child = await clerk.made("/api-keys", PLAIN | {"scopes": ["keys:write", "cases:read"]})
    grandchild = await service.client(child["key"])
    refused(await grandchild.post("/api-keys", json=PLAIN | {"scopes": ["offers:read"]}), 403, "insufficient-scope")


async def test_nobody_hands_on_more_addresses_or_time_than_they_have(service: Service, api: Client) -> None:
    end = from_now(2 * HOUR)
    own = {"scopes": ["keys:write", "cases:read"], "networks": ["10.0.0.0/8", "2001:db8::/32"], "expiresAt": end}
    clerk = await service.client((await api.made("/api-keys", PLAIN | own))["key"], address="10.1.2.3")
    for more, where in (
        (
            {"networks": ["10.2.0.0/16", "11.0.0.0/8", "0.0.0.0/0", "::/0"]},
            {"/networks/1", "/networks/2", "/networks/3"},
        ),
        ({"expiresAt": from_now(3 * HOUR)}, {"/expiresAt"}),
        ({"networks": ["1.2.3.4"], "expiresAt": from_now(-HOUR)}, {"/networks/0", "/expiresAt"}),
    ):
        assert places(refused(await clerk.post("/api-keys", json=PLAIN | more), 400, "invalid-request")) == where
    heir = await clerk.made("/api-keys", PLAIN)
    assert (heir["networks"], heir["expiresAt"]) == (own["networks"], end)
    narrow = await clerk.made("/api-keys", PLAIN | {"networks": ["10.2.0.0/16"], "expiresAt": from_now(HOUR)})
    assert narrow["networks"] == ["10.2.0.0/16"]


# ── where and until when ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_works_from_its_addresses_alone(service: Service, api: Client) -> None:
    key = (await api.made("/api-keys", PLAIN | {"networks": ["192.0.2.0/24", "2001:db8::/32", "127.0.0.1"]}))["key"]
    for address, expected in {
        "192.0.2.1": True,
        "192.0.2.255": True,
        "::ffff:192.0.2.7": True,
        "2001:db8:1::1": True,
        "127.0.0.1": True,
        "192.0.3.1": False,
        "::1": False,
        "2001:db9::1": False,
        "::ffff:192.0.3.1": False,
        "testclient": False,
        "": False,
    }.items():
        assert await works(service, key, address) is expected, address


async def test_a_key_ends_when_it_expires(service: Service, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    key = (await api.made("/api-keys", PLAIN | {"expiresAt": from_now(HOUR)}))["key"]
    assert await works(service, key)
    later(monkeypatch, HOUR - timedelta(seconds=5))
    assert await works(service, key)
    later(monkeypatch, HOUR + timedelta(seconds=5))
    assert not await works(service, key)


# ── rotation ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "span"),
    [
        ({}, timedelta(hours=24)),
        ({"overlap": "PT90M"}, timedelta(minutes=90)),
        ({"overlap": "PT2H30M"}, timedelta(hours=2, minutes=30)),
        ({"overlap": "P30D"}, timedelta(days=30)),
    ],
)
async def test_the_old_key_works_for_the_overlap(
    service: Service, api: Client, monkeypatch: pytest.MonkeyPatch, body: dict[str, str], span: timedelta
) -> None:
    old = await api.made("/api-keys", PLAIN | {"networks": ["127.0.0.0/8"]})
    before = datetime.now(UTC) - timedelta(seconds=1)
    new = await api.made(f"/api-keys/{old['id']}/rotations", body)
    for name in ("name", "scopes", "networks", "plan", "applicationId"):
        assert new[name] == old[name]
    assert new["expiresAt"] is None
    ends = datetime.fromisoformat((await api.read(f"/api-keys/{old['id']}"))["expiresAt"])
    assert before + span <= ends <= datetime.now(UTC) + span
    assert await works(service, old["key"])
    later(monkeypatch, span + timedelta(seconds=5))
    assert (await works(service, old["key"]), await works(service, new["key"])) == (False, True)


@pytest.mark.parametrize(
    "overlap", ["P31D", "PT721H", "PT9999H9999M", "1H", "P1W", "PT1S", "PT-1H", "pt1h", "", "P1.5D", "PT", "P"]
)
async def test_an_overlap_is_a_duration_of_at_most_thirty_days(api: Client, overlap: str) -> None:
    old = await api.made("/api-keys", PLAIN)
    answer = await api.post(f"/api-keys/{old['id']}/rotations", json={"overlap": overlap})
    assert places(refused(answer, 400, "invalid-request")) == {"/overlap"}
    assert (await api.read(f"/api-keys/{old['id']}"))["expiresAt"] is None


async def test_without_overlap_the_old_key_ends_at_once(service: Service, api: Client) -> None:
    old = await api.made("/api-keys", PLAIN)
    assert await works(service, old["key"])
    new = await api.made(f"/api-keys/{old['id']}/rotations", {"overlap": "PT0M"})
    assert (await works(service, old["key"]), await works(service, new["key"])) == (False, True)


async def test_a_rotation_never_makes_the_old_key_live_longer(api: Client) -> None:
    end = from_now(HOUR)
    old = await api.made("/api-keys", PLAIN | {"expiresAt": end})
    new = await api.made(f"/api-keys/{old['id']}/rotations", {"overlap": "P1D"})
    assert (new["expiresAt"], (await api.read(f"/api-keys/{old['id']}"))["expiresAt"]) == (end, end)


async def test_a_rotation_gives_no_scope_that_its_caller_has_not(service: Service, api: Client) -> None:
    rich = await api.made("/api-keys", PLAIN | {"scopes": ["offers:write"]})
    clerk = await service.caller("keys:write")
    refused(await clerk.post(f"/api-keys/{rich['id']}/rotations", json={}), 403, "insufficient-scope")
    assert (await api.read(f"/api-keys/{rich['id']}"))["expiresAt"] is None


async def test_nobody_takes_over_the_key_of_another_application(service: Service, other: Client) -> None:
    """Who sees a key of another application may end it; what rotates it would have it."""
    sandbox = service.world.developer.workspace
    operators = await service.caller(who=Application(OPERATOR, sandbox))
    theirs = await operators.made("/api-keys", PLAIN)
    told = refused(await other.post(f"/api-keys/{theirs['id']}/rotations", json={}), 409, "not-rotatable")
    assert "another application" in told["detail"]
    own = await other.made("/api-keys", PLAIN)
    assert (await operators.made(f"/api-keys/{own['id']}/rotations", {}))["applicationId"] == service.world.developer.id


async def test_a_key_is_rotated_once_and_its_successor_again(service: Service, api: Client) -> None:
    old = await api.made("/api-keys", PLAIN)
    new = await api.made(f"/api-keys/{old['id']}/rotations", {})
    assert (await api.read(f"/api-keys/{old['id']}"))["replacedBy"] == new["id"]
    told = refused(await api.post(f"/api-keys/{old['id']}/rotations", json={}), 409, "not-rotatable")
    assert told["key"] == new["id"]
    newest = await api.made(f"/api-keys/{new['id']}/rotations", {})
    assert (newest["expiresAt"], newest["replacedBy"]) == (None, None)


async def test_of_rotations_at_once_one_has_an_effect(api: Client) -> None:
    old = await api.made("/api-keys", PLAIN)
    path = f"/api-keys/{old['id']}/rotations"
    answers = await asyncio.gather(*(api.post(path, json={"overlap": "PT0M"}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]


async def test_an_expired_key_is_not_rotated(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await api.made("/api-keys", PLAIN | {"expiresAt": from_now(HOUR)})
    later(monkeypatch, 2 * HOUR)
    refused(await api.post(f"/api-keys/{old['id']}/rotations", json={}), 409, "not-rotatable")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
async def test_an_address_of_ipv4_is_one_however_it_is_written(api: Client, given: str, kept: str) -> None:
    made = await api.made("/api-keys", PLAIN | {"networks": [given]})
    assert made["networks"] == [kept]


async def test_an_address_with_a_zone_is_refused(api: Client) -> None:
    answer = await api.post("/api-keys", json=PLAIN | {"networks": ["fe80::1%eth0"]})
    assert places(refused(answer, 400, "invalid-request")) == {"/networks/0"}
