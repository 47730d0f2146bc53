"""People with a place in an organization."""

from dataclasses import dataclass
from typing import Any

import httpx

from engage_api.access import operator
from engage_api.access.accounts import emails, store
from engage_api.access.members import once, service
from engage_api.access.members.roles import Role
from engage_api.access.organizations import service as organizations
from engage_api.access.organizations.models import OrganizationCreate, OrganizationKind
from engage_api.access.worlds import LIVE
from tests.accounts.browsing import PASSWORD, Browser, Form, Town
from tests.api.harness import eventually

WANTED = {"name": "Planner", "scope customers:read": "on", "scope cases:read": "on", "clientType": "confidential"}


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, and where they are a member: `id` is their account's, `member` that of the seat."""

    id: str
    email: str
    browser: Browser
    organization: str
    member: str
    role: Role

    @property
    def page(self) -> str:
        """The page of their organization."""
        return f"/account/organizations/{self.organization}"

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of the organization's page to this path below it, whatever the page shows."""
        sealed = await self.browser.form("/account", "/account/sign-out")
        return await self.browser.post(self.page + path, data=sealed | {once.FIELD: once.new()} | fields)

    async def send(self, asked: httpx.Response) -> httpx.Response:
        """Say yes on a page that asks whether they are sure: send its form as it stands there."""
        assert asked.status_code == 200, asked.text
        path = asked.request.url.path
        return await self.browser.post(path, data=Form(asked.text, path).fields | {"sure": "yes"})


async def party(town: Town, kind: OrganizationKind = "developer", *, approved: bool = True) -> str:
    """A new organization; its id."""
    db = town.accounts.db
    who = await operator.principal(db, LIVE)
    async with db.write(LIVE) as tx:
        made = await organizations.create(tx, who, OrganizationCreate(name="Bureau", kind=kind, plan="unlimited"))
        if approved:
            await organizations.move(tx, who, made.model.id, "approved", None)
    return made.model.id


async def person(town: Town) -> str:
    """Somebody with a confirmed account, as a sign-up would leave it; their address."""
    found = emails.read(town.somebody())
    assert found is not None
    hashed, db = await town.accounts.passwords.hash(PASSWORD), town.accounts.db
    async with db.system.write(None) as tx:
        await store.sign_up(tx, found, "Ada", hashed)
    account = (await store.by_address(db, found.folded)).id
    async with db.system.write(None) as tx:
        await store.reset(tx, account, hashed)
    return found.typed


async def member(town: Town, role: Role = "owner", organization: str = "") -> Person:
    """A new person, signed in, who is a member of this organization, or of one of their own."""
    email, db = await person(town), town.accounts.db
    account, place = await account_of(town, email), organization or await party(town)
    maker = await operator.principal(db, LIVE)
    async with db.write(LIVE) as tx:
        made = await service.join(tx, maker, place, (account, "Ada"), role)
    return Person(account, email, await town.signed_in(email), place, made.model.id, role)


async def account_of(town: Town, email: str) -> str:
    """The id of the account with this address."""
    found = emails.read(email)
    row = await store.by_address(town.accounts.db, found.folded if found else "")
    return str(row.id)


async def story(town: Town, key: str, subject: str, number: int) -> list[dict[str, Any]]:
    """What the log says of one resource, once it says so much."""

    async def look() -> list[dict[str, Any]] | None:
        found = (await town.service.ask("GET", f"/v1/events?subject={subject}", key=key)).json["items"]
        return found if len(found) >= number else None

    return await eventually(look)


async def application(who: Person, **fields: str) -> str:
    """A new application of their organization: the path of its page below the organization's."""
    made = await who.post("/applications/new", **WANTED | fields)
    assert made.status_code == 303, made.text
    return made.headers["Location"].removeprefix(who.page).partition("?")[0]


async def started(town: Town) -> str:
    """An organization as people start them."""
    browser = await town.signed_in()
    made = await browser.fill("/account/organizations/new", name="Started", kind="partner")
    return made.headers["Location"].partition("?")[0].rpartition("/")[2]
