"""The worlds and the plans: what stands beside all organizations."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, bindparam, delete, func, insert, or_, select, update
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, Problem, UnknownReference
from engage_api.core.scopes import EVERYTHING, OF_LIVE
from engage_api.db.base import Instant
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import KEY
from engage_api.db.sql import Query

LIVE, SANDBOX, ENDED = "live", "sandbox", "ended"
"""Kinds of workspaces; the first is also the id of the only one of its kind."""
USUAL_PLAN = "developer"
GUESTS = "org_guests"
"""The organization of those who have none: whoever made a sandbox without an account."""
OF_SANDBOXES = EVERYTHING - OF_LIVE
"""What the first key of a sandbox may do. Beside what is in the sandbox: manage sandboxes of its application."""


class WorkspaceRow(SQLModel, table=True):
    """One closed world of data: the operator's `live` one, or a sandbox.

    From `expires_at` on, in the host's time, no credential of it works; None: it stays. One that is `ended` is only
    there until all that was in it is gone.
    """

    __tablename__ = "workspace"
    __table_args__ = (Index("workspace_expires", "expires_at"),)

    id: str = Column(primary_key=True, sa_type=KEY)
    kind: str = Column(sa_type=KEY)
    name: str = Column(sa_type=String)
    organization_id: str = Column(foreign_key="organization.id", sa_type=KEY)
    created_at: datetime = Column(sa_type=Instant)
    expires_at: datetime | None = Column(default=None, sa_type=Instant)


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
_at = _workspace.c.id == bindparam("at_id")
_EXPIRE = Query(update(_workspace).where(_at, _workspace.c.kind == SANDBOX).values(expires_at=bindparam("expires_at")))
_END = Query(update(_workspace).where(_at, _workspace.c.kind == SANDBOX).values(kind=ENDED))
_FORGET = Query(delete(_workspace).where(_at, _workspace.c.kind == ENDED))
_OVER = Query(
    select(_workspace.c.id).where(_workspace.c.expires_at <= bindparam("now"), _workspace.c.kind == SANDBOX).limit(100)
)
_NUMBER = Query(
    select(func.count().label("n"))
    .select_from(_workspace)
    .where(_workspace.c.organization_id == bindparam("organization"), _workspace.c.kind != LIVE)
)
_lives = or_(_workspace.c.expires_at.is_(None), _workspace.c.expires_at > bindparam("now"))
_sandboxes = (
    select(_workspace.c.id)
    .where(_workspace.c.organization_id == bindparam("organization"), _workspace.c.kind == SANDBOX, _lives)
    .order_by(_workspace.c.created_at, _workspace.c.id)
    .limit(1)
)
_DEFAULT = Query(_sandboxes)
_OWNER = Query(select(_workspace.c.organization_id).where(_at))
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


async def open_sandbox(tx: Transaction, workspace: str, name: str, organization: str, until: datetime | None) -> None:
    """The workspace of a new sandbox. The oldest one of an organization is where its test clients go unless they name
    one. `access.sandboxes.making` makes the rest of it.
    """
    values = {"kind": SANDBOX, "name": name, "organization_id": organization, "created_at": clock.host()}
    await tx.run(_ADD, id=workspace, expires_at=until, **values)


async def expire_sandbox(tx: Transaction, workspace: str, at: datetime | None) -> None:
    """From this time of the host on its credentials are good for nothing; None: it stays."""
    await tx.run(_EXPIRE, at_id=workspace, expires_at=at)


async def end_sandbox(tx: Transaction, workspace: str) -> bool:
    """No credential of it works from now on. False when it had ended before."""
    return bool(await tx.run(_END, at_id=workspace))


async def forget_sandbox(tx: Transaction, workspace: str) -> None:
    """All that was in it is gone, and so is the workspace of a sandbox that has ended."""
    await tx.run(_FORGET, at_id=workspace)


async def over(db: Database) -> list[str]:
    """Up to a hundred sandboxes that have come to their end and were not ended yet."""
    return [row.id for row in await db.fetch(_OVER, None, now=clock.host())]


async def number_of_sandboxes(tx: Transaction, organization: str) -> int:
    """How many an organization has, those included that have ended and are not empty yet."""
    row = await tx.one(_NUMBER, organization=organization)
    return int(row.n)


async def owner(db: Database, workspace: str) -> str:
    """The organization that a workspace belongs to; nobody when it is gone."""
    row = await db.one(_OWNER, None, at_id=workspace)
    return "" if row is None else str(row.organization_id)


async def sandbox(db: Database, organization_id: str, named: str | None = None) -> str | None:
    """The sandbox of an organization with this id, or without one its default: the oldest. None when it has none.

    Guests have nothing in common but their organization, so there is none that all of them share.
    """
    if organization_id == GUESTS:
        return None
    given = {"organization": organization_id, "now": clock.host()}
    row = await db.one(_DEFAULT, None, **given) if named is None else await db.one(_NAMED, None, **given, id=named)
    return None if row is None else str(row.id)
