"""The worlds and the plans: what stands beside all organizations."""

from datetime import datetime

from sqlalchemy import BigInteger, String, bindparam, insert, select
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.core import clock, ids
from engage_api.core.clock import Clock
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, Problem, UnknownReference
from engage_api.db import world
from engage_api.db.base import Instant
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import KEY
from engage_api.db.sql import Query

LIVE = "live"
QUOTA = 2_000_000  # ids that a sandbox may give out: of resources and events together
USUAL_PLAN = "developer"


class WorkspaceRow(SQLModel, table=True):
    """One closed world of data: the operator's `live` one, or a sandbox."""

    __tablename__ = "workspace"

    id: str = Column(primary_key=True, sa_type=KEY)
    kind: str = Column(sa_type=KEY)
    name: str = Column(sa_type=String)
    organization_id: str = Column(foreign_key="organization.id", sa_type=KEY)
    created_at: datetime = Column(sa_type=Instant)


class PlanRow(SQLModel, table=True):
    """How often a principal may ask: requests in a window of seconds, in any one second, and on a day in UTC."""

    __tablename__ = "plan"

    name: str = Column(primary_key=True, sa_type=KEY)
    requests: int = Column(sa_type=BigInteger)
    seconds: int = Column(sa_type=BigInteger)
    burst: int = Column(sa_type=BigInteger)
    quota: int | None = Column(default=None, sa_type=BigInteger)


_plan = PlanRow.__table__  # type: ignore[attr-defined]
_PLAN = Query(select(_plan.c.name).where(_plan.c.name == bindparam("name")))
_workspace = WorkspaceRow.__table__  # type: ignore[attr-defined]
_ADD = Query(insert(_workspace))
_sandboxes = (
    select(_workspace.c.id)
    .where(_workspace.c.organization_id == bindparam("organization"), _workspace.c.kind == "sandbox")
    .order_by(_workspace.c.created_at, _workspace.c.id)
    .limit(1)
)
_DEFAULT = Query(_sandboxes)
_NAMED = Query(_sandboxes.where(_workspace.c.id == bindparam("id")))


class NeedsLive(Problem):
    """Organizations, applications and their secrets belong to the live workspace, sandboxes have none.

    Use a credential that begins with `eng_live_`.
    """

    code, status, title = "needs-live", 403, "This needs a live credential"


class OperatorsOwn(Problem):
    """The operator's own organization and application stay as they are: without them nobody could let anybody in.

    Make an internal organization of your own, with applications that can do what they need.
    """

    code, status, title = "operators-own", 409, "This belongs to the operator"


def require_live(principal: Principal) -> None:
    """Refuse who acts in a sandbox.

    Raises:
        NeedsLive: the principal does.
    """
    if not principal.live:
        raise NeedsLive


async def require_plan(tx: Transaction, name: str) -> None:
    """Refuse a plan that is not there.

    Raises:
        UnknownReference: there is none with this name.
    """
    if await tx.one(_PLAN, name=name) is None:
        raise UnknownReference(errors=[Fault("unknown-reference", "There is no plan with this name.", pointer="/plan")])


async def make_sandbox(tx: Transaction, organization_id: str, name: str, workspace: str | None = None) -> str:
    """An empty sandbox of an organization; its id. The oldest one is where its test clients go unless they name one."""
    now, workspace = clock.host(), workspace or ids.new("sbx")
    values = {"kind": "sandbox", "name": name, "organization_id": organization_id, "created_at": now}
    await tx.run(_ADD, id=workspace, **values)
    await world.add(tx, workspace, seed=workspace, start=Clock(now, now), quota=QUOTA)
    return workspace


async def sandbox(db: Database, organization_id: str, named: str | None = None) -> str | None:
    """The sandbox of an organization with this id, or without one its default: the oldest. None when it has none."""
    if named is None:
        row = await db.one(_DEFAULT, None, organization=organization_id)
    else:
        row = await db.one(_NAMED, None, organization=organization_id, id=named)
    return None if row is None else str(row.id)
