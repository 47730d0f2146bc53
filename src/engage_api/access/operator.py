"""The operator at the command line: a principal that may do everything in one workspace, and the keys it makes."""

from datetime import datetime

from sqlalchemy import bindparam, select

from engage_api.access import keys
from engage_api.access.applications.models import OPERATOR as OPERATOR_APPLICATION
from engage_api.access.applications.models import ApplicationRow
from engage_api.access.models import API_KEY, ApiKey, ApiKeyCreate
from engage_api.access.worlds import PlanRow, WorkspaceRow
from engage_api.core.principal import Plan, Principal
from engage_api.core.scopes import EVERYTHING, Scope
from engage_api.core.secret import Secret
from engage_api.db import reader
from engage_api.db.engine import Database
from engage_api.db.sql import Query
from engage_api.db.store import Stored

_workspace = WorkspaceRow.__table__  # type: ignore[attr-defined]
_plan = PlanRow.__table__  # type: ignore[attr-defined]
_WORKSPACE = Query(select(_workspace.c.kind).where(_workspace.c.id == bindparam("id")))
_application = ApplicationRow.__table__  # type: ignore[attr-defined]
_APPLICATION = Query(select(_application.c.organization_id).where(_application.c.id == bindparam("id")))
_PLAN = Query(select(_plan).where(_plan.c.name == bindparam("name")))


NO_LIMIT = Plan("none", 1, 1, 1)
"""For what the service does by itself; nobody counts it."""


class Unknown(Exception):
    """A workspace, an application, a plan or a scope that is not there; the text says which."""


async def principal(
    db: Database, workspace: str, *, plan: str = "developer", application: str = OPERATOR_APPLICATION
) -> Principal:
    """Who acts at the command line in this workspace.

    Raises:
        Unknown: there is no such workspace, application or plan.
    """
    found = await db.one(_WORKSPACE, None, id=workspace)
    if found is None:
        raise Unknown(f"there is no workspace {workspace!r}")
    whose = await db.system.one(_APPLICATION, None, id=application)
    if whose is None:
        raise Unknown(f"there is no application {application!r}")
    row = await db.one(_PLAN, None, name=plan)
    if row is None:
        raise Unknown(f"there is no plan {plan!r}")
    return Principal(
        credential="command-line",
        application=application,
        organization=whose.organization_id,
        workspace=workspace,
        live=found.kind == "live",
        scopes=EVERYTHING,
        plan=Plan(row.name, row.requests, row.seconds, row.burst, row.quota),
        sees_workspace=True,
    )


def scopes(text: str) -> list[Scope]:
    """Scopes as they are typed: `*`, or names with commas or spaces between them.

    Raises:
        Unknown: one of them is no scope.
    """
    if text.strip() == "*":
        return sorted(EVERYTHING)
    names = text.replace(",", " ").split()
    known = {scope.value: scope for scope in Scope}
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise Unknown(f"no scope: {', '.join(wrong) or 'none given'}. There are: *, {', '.join(sorted(known))}")
    return [known[name] for name in names]


async def make_key(
    db: Database, who: Principal, pepper: bytes, *, name: str, wanted: list[Scope], expires_at: datetime | None = None
) -> tuple[Stored[ApiKey], Secret]:
    """Make a key of the principal's application in its workspace."""
    fields = ApiKeyCreate(name=name, scopes=wanted, expires_at=expires_at)
    async with db.write(who.workspace) as tx:
        return await keys.create(tx, who, pepper, fields)


async def list_keys(db: Database, workspace: str) -> list[bytes]:
    """The documents of a workspace's keys, the newest first."""
    return await reader.every(db, await principal(db, workspace), API_KEY, {}, "-createdAt")


async def revoke_key(db: Database, workspace: str, key_id: str) -> None:
    """End a key of a workspace."""
    who = await principal(db, workspace)
    async with db.write(workspace) as tx:
        await keys.revoke(tx, who, key_id)
