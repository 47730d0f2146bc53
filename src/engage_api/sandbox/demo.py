"""The demo sandbox that development starts with."""

from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, select

from engage_api.access import keys, operator
from engage_api.access.applications import service as applications
from engage_api.access.applications.models import APPLICATION
from engage_api.access.models import API_KEY
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.access.sandboxes import making as sandboxes
from engage_api.access.worlds import LIVE, USUAL_PLAN, WorkspaceRow
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING
from engage_api.core.secret import Secret
from engage_api.db import reader, store
from engage_api.db.engine import Database
from engage_api.db.sql import Query
from engage_api.sandbox import filling

WORKSPACE, ORGANIZATION_ID, APPLICATION_ID, NAME = "sbx_demo", "org_demo", "app_demo", "Demo"
SEED = "demo"

_workspace = WorkspaceRow.__table__  # type: ignore[attr-defined]
_THERE = Query(select(_workspace.c.id).where(_workspace.c.id == bindparam("id")))


async def prepare(db: Database, pepper: bytes) -> Secret:
    """Make the demo sandbox if it is not there, and a new key for it in the place of the last one."""
    if await db.one(_THERE, None, id=WORKSPACE) is None:
        await _make(db)
    await _fill(db)
    who = await operator.principal(db, WORKSPACE, application=APPLICATION_ID)
    await _end_old_keys(db, who)
    _, made = await operator.make_key(db, who, pepper, name=NAME, wanted=sorted(EVERYTHING))
    return made


async def _make(db: Database) -> None:
    """An organization with an application that has the sandbox."""
    maker = await operator.principal(db, LIVE)
    party: dict[str, Any] = {"external_id": None, "name": NAME, "metadata": {}}
    organization = {"id": ORGANIZATION_ID, "kind": "developer", "plan": USUAL_PLAN, "state": "approved"}
    application = {
        "id": APPLICATION_ID,
        "organization_id": ORGANIZATION_ID,
        "scopes": sorted(EVERYTHING),
        **applications.born(APPLICATION_ID),
    }
    async with db.system.write(None) as tx:
        await store.create(tx, maker, ORGANIZATION, party | organization)
        await store.create(tx, maker, APPLICATION, party | application)
        new = sandboxes.New(ORGANIZATION_ID, NAME, WORKSPACE, size="tiny", state="seeding", seed=SEED)
        await sandboxes.make(tx, replace(maker, application=APPLICATION_ID), new)


async def _fill(db: Database) -> None:
    """The first time; and from the beginning if that was cut short."""
    await filling.anew(db, WORKSPACE, "seeding")


async def _end_old_keys(db: Database, who: Principal) -> None:
    found = await reader.page(db, who, API_KEY, reader.Ask({}, None, "createdAt", None, 200))
    async with db.write(who.workspace) as tx:
        for document in found.documents:
            key = API_KEY.read(document)
            if key.name == NAME:
                await keys.revoke(tx, who, key.id)
