"""Organizations: an operator makes them, and who belongs to one sees it alone."""

from typing import Any

import pytest
from sqlalchemy import bindparam, select

from engage_api.access.worlds import WorkspaceRow
from engage_api.db.sql import Query
from tests.api.harness import Client, Service, parties, refused, works

PLAIN: dict[str, Any] = {"name": "Bouwadvies Utrecht", "kind": "partner"}
_workspace = WorkspaceRow.__table__  # type: ignore[attr-defined]
SANDBOXES = Query(select(_workspace.c.kind, _workspace.c.name).where(_workspace.c.organization_id == bindparam("id")))


async def test_a_new_one_is_pending_and_has_a_sandbox(service: Service, api: Client) -> None:
    made = await api.made("/organizations", PLAIN)
    told = {"externalId": None, **PLAIN, "plan": "developer", "metadata": {}, "state": "pending", "version": 1}
    assert {name: made[name] for name in told} == told
    assert await api.read(f"/organizations/{made['id']}") == made
    rows = await service.db.fetch(SANDBOXES, None, id=made["id"])
    assert [tuple(row) for row in rows] == [("sandbox", PLAIN["name"])]


async def test_it_is_found_by_its_name_its_state_and_the_operators_own_id(api: Client) -> None:
    made = await api.made("/organizations", PLAIN | {"externalId": "crm:1", "metadata": {"city": "Utrecht"}})
    other = await api.made("/organizations", PLAIN | {"name": "Elsewhere"})
    await api.moved(f"/organizations/{other['id']}", "approved")
    for filters in (
        {"search": "bouw"},
        {"state": "pending"},
        {"externalId": "crm:1"},
        {"metadataKey": "city", "metadataValue": "Utrecht"},
    ):
        assert await api.ids("/organizations", **filters) == [made["id"]]


async def test_it_changes_but_for_its_kind(api: Client) -> None:
    made = await api.made("/organizations", PLAIN)
    at = f"/organizations/{made['id']}"
    changed = await api.change(at, {"plan": "partner", "name": "Anders"})
    assert (changed.status_code, changed.json()["plan"], changed.json()["name"]) == (200, "partner", "Anders")
    refused(await api.change(at, {"kind": "internal"}), 400, "invalid-request")
    refused(await api.change(at, {"plan": "golden"}), 400, "unknown-reference")
    refused(await api.patch(at, json={"name": "Blind"}), 428, "precondition-required")


async def test_a_plan_that_is_not_there_is_told(api: Client) -> None:
    told = refused(await api.post("/organizations", json=PLAIN | {"plan": "golden"}), 400, "unknown-reference")
    assert [fault["pointer"] for fault in told["errors"]] == ["/plan"]


async def test_its_states(api: Client) -> None:
    made = await api.made("/organizations", PLAIN)
    at = f"/organizations/{made['id']}"
    for to in ("approved", "suspended", "approved"):
        assert (await api.moved(at, to))["state"] == to
    told = refused(await api.post(f"{at}/transitions", json={"to": "pending"}), 409, "invalid-transition")
    assert told["allowed"] == ["suspended"]
    events = await api.events(4, subject=made["id"])
    assert [event["type"] for event in events] == [
        f"engage.organization.{happened}.v1" for happened in ("created", "approved", "suspended", "approved")
    ]


async def test_a_partner_sees_its_own_alone(service: Service) -> None:
    api, partner = await parties(service)
    foreign = await api.made("/organizations", PLAIN)
    own = f"org_{service.world.partner.id}"
    assert await partner.ids("/organizations") == [own]
    assert (await partner.read(f"/organizations/{own}"))["id"] == own
    refused(await partner.get(f"/organizations/{foreign['id']}"), 404, "not-found")
    refused(await partner.change(f"/organizations/{foreign['id']}", {"name": "x"}, '"x"'), 404, "not-found")


async def test_a_sandbox_has_none(other: Client) -> None:
    assert await other.ids("/organizations") == []
    refused(await other.post("/organizations", json=PLAIN), 403, "needs-live")


async def test_the_keys_of_a_suspended_one_end_with_the_next_request(service: Service) -> None:
    api, partner = await parties(service)
    assert await works(service, partner.key)
    at = f"/organizations/org_{service.world.partner.id}"
    await api.moved(at, "suspended")
    refused(await partner.get("/cases"), 401, "unauthenticated")
    await api.moved(at, "approved")
    assert await works(service, partner.key)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "partner"}, "/name"),
        (PLAIN | {"kind": "club"}, "/kind"),
        (PLAIN | {"state": "approved"}, "/state"),
        (PLAIN | {"plan": "a plan"}, "/plan"),
        (PLAIN | {"name": " "}, "/name"),
    ],
)
async def test_what_is_wrong_is_told(api: Client, body: dict[str, Any], pointer: str) -> None:
    told = refused(await api.post("/organizations", json=body), 400, "invalid-request")
    assert [fault["pointer"] for fault in told["errors"]] == [pointer]
