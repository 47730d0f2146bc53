"""What a page of an organization writes after its sender has lost the seat that the page was made for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from engage_api.access import operator
from engage_api.access.organizations import service as organizations
from engage_api.access.worlds import LIVE
from tests.accounts.browsing import Town, is_page
from tests.members import people
from tests.members.people import WANTED, Person, member
from tests.members.test_invitations import opened
from tests.members.test_members import IF_MATCH

WAIT = 0.3  # seconds until what was sent waits for the organization


@asynccontextmanager
async def held(town: Town, organization: str) -> AsyncIterator[None]:
    """Somebody else writes about the organization for as long as this takes."""
    db = town.accounts.db
    who = await operator.principal(db, LIVE)
    async with db.write(LIVE) as tx:
        await organizations.require(tx, who, organization)
        yield


async def late(town: Town, key: str, who: Person, path: str, lost: object, **fields: str) -> httpx.Response:
    """Send a form whose sender is let go, or given another role, before it is their turn to write."""
    verb, seat = "PATCH" if lost else "DELETE", f"/v1/members/{who.member}"
    here, page = who.page + path, who.page + path.removesuffix("/keys").removesuffix("/secrets")
    form = who.browser.form("/account", "/account/sign-out") if here == page else who.browser.form(page, here)
    sealed = await form
    async with held(town, who.organization):
        ends = asyncio.create_task(town.service.ask(verb, seat, lost, key=key, headers=IF_MATCH))
        await asyncio.sleep(WAIT)
        sent = asyncio.create_task(who.browser.post(here, data=sealed | fields))
        await asyncio.sleep(WAIT)
    assert (await ends).status in (200, 204)
    return await sent


async def test_who_has_lost_their_seat_meanwhile_writes_nothing(town: Town) -> None:
    key, owner = await town.service.key(), await member(town)
    at = await people.application(owner)
    applications = f"/v1/applications?organizationId={owner.organization}"
    before = (await town.service.ask("GET", applications, key=key)).json
    email = town.somebody()
    viewer = {"role": "viewer"}
    for path, lost, status, fields in (
        ("/invitations", None, 404, {"email": email, "role": "owner"}),
        ("/invitations", {"role": "developer"}, 403, {"email": email, "role": "viewer"}),
        ("/applications/new", None, 404, WANTED),
        ("/applications/new", viewer, 403, WANTED),
        (f"{at}/edit", viewer, 403, WANTED | {"name": "Taken"}),
        (f"{at}/keys", None, 404, {"name": "Mine"}),
        (f"{at}/secrets", viewer, 403, {"environment": "live"}),
        ("/members", viewer, 403, {"member": owner.member, "do": "role", "role": "viewer"}),
    ):
        other = await member(town, "owner", owner.organization)
        is_page(await late(town, key, other, path, lost, **fields), status)
    assert await opened(town, key, owner.organization) == []
    assert (await town.service.ask("GET", applications, key=key)).json == before
    page = (await owner.browser.get(owner.page + at)).text
    assert 'name="revoke"' not in page
    assert 'name="delete"' not in page
    assert "You are its owner" in (await owner.browser.get("/account")).text
