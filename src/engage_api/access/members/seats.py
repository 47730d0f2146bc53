"""Where a person sits: the organizations that they are a member of, with their role, and who they are there."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, func, select

from engage_api.access.applications.models import OPERATOR, Application
from engage_api.access.members import roles
from engage_api.access.members.models import MEMBER, MemberRow
from engage_api.access.members.roles import Role
from engage_api.access.operator import NO_LIMIT
from engage_api.access.organizations.models import ORGANIZATION, Organization, OrganizationRow
from engage_api.access.worlds import LIVE, PlanRow
from engage_api.core.principal import Plan, Principal
from engage_api.core.scopes import Scope
from engage_api.db import turns
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

_member = MemberRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]
_plan = PlanRow.__table__  # type: ignore[attr-defined]

_seats = (
    select(
        _member.c.id,
        _member.c.account_id,
        _member.c.role,
        _organization.c.document,
        _plan.c.name.label("plan"),
        _plan.c.requests,
        _plan.c.seconds,
        _plan.c.burst,
        _plan.c.quota,
    )
    .join_from(
        _member,
        _organization,
        (_organization.c.workspace_id == _member.c.workspace_id) & (_organization.c.id == _member.c.organization_id),
    )
    .join(_plan, _plan.c.name == _organization.c.plan)
    .where(_member.c.workspace_id == bindparam("workspace"), _member.c.account_id == bindparam("account"))
)
_OF = Query(_seats.order_by(_member.c.created_at, _member.c.id))
_AT = Query(_seats.where(_member.c.organization_id == bindparam("organization")))
_NAMED = Query(
    select(_member.c.document).where(
        _member.c.workspace_id == bindparam("workspace"),
        _member.c.account_id == bindparam("account"),
        _member.c.organization_id == bindparam("organization"),
    )
)
_OWNED = Query(
    select(func.count().label("count")).where(
        _member.c.workspace_id == bindparam("workspace"),
        _member.c.account_id == bindparam("account"),
        _member.c.role == bindparam("role"),
    )
)


@dataclass(frozen=True, slots=True)
class Seat:
    """One person in one organization."""

    member: str
    account: str
    role: Role
    organization: Organization
    plan: Plan

    @property
    def principal(self) -> Principal:
        """Who acts on our pages: the person, with what their role allows, and sees their organization alone."""
        allowed = roles.scopes(self.role, internal=self.organization.kind == "internal")
        return replace(newcomer(self.account, self.organization.id), plan=self.plan, scopes=allowed)

    def through(self, application: Application, sandbox: str) -> Principal:
        """The person through an application in a sandbox: like a token of its test client, with what both may do."""
        scopes = {scope for scope in Scope if scope in application.scopes and not scope.administers}
        who = self.principal
        return replace(
            who,
            application=application.id,
            workspace=sandbox,
            live=False,
            sees_workspace=True,
            scopes=who.scopes & scopes,
        )


def founder(account: str) -> Principal:
    """A person at our pages, which are the operator's application. In no organization they may nothing."""
    return Principal(
        credential="session",
        application=OPERATOR,
        organization="",
        workspace=LIVE,
        live=True,
        scopes=frozenset(),
        plan=NO_LIMIT,
        sees_workspace=False,
        person=account,
    )


def newcomer(account: str, organization_id: str) -> Principal:
    """Somebody who sees an organization, because they are invited to it, and may nothing there yet."""
    return replace(founder(account), organization=organization_id)


async def of(db: Database, account: str) -> list[Seat]:
    """All seats of a person, the oldest first."""
    return [_seat(row) for row in await db.fetch(_OF, LIVE, workspace=LIVE, account=account)]


async def at(db: Database, account: str, organization_id: str) -> Seat | None:
    """A person's seat in this organization, or None."""
    row = await db.one(_AT, LIVE, workspace=LIVE, account=account, organization=organization_id)
    return None if row is None else _seat(row)


async def held(tx: Transaction, account: str, organization_id: str) -> Seat | None:
    """The same, inside a transaction."""
    row = await tx.one(_AT, workspace=LIVE, account=account, organization=organization_id)
    return None if row is None else _seat(row)


async def take_turn(tx: Transaction, organization_id: str) -> None:
    """Wait until nobody else writes about the seats of this organization; before any row is locked."""
    await turns.take(tx, LIVE, f"seats of {organization_id}")


async def owned(tx: Transaction, account: str) -> int:
    """How many organizations a person owns."""
    return int((await tx.one(_OWNED, workspace=LIVE, account=account, role="owner")).count)


async def name(tx: Transaction, principal: Principal, organization_id: str) -> str | None:
    """What the person who acts is called in this organization; None when nobody does, or no member of it."""
    row = await tx.one(_NAMED, workspace=principal.workspace, account=principal.person, organization=organization_id)
    return None if row is None else MEMBER.read(row.document).name


def _seat(row: Any) -> Seat:
    plan = Plan(row.plan, row.requests, row.seconds, row.burst, row.quota)
    return Seat(row.id, row.account_id, row.role, ORGANIZATION.read(row.document), plan)
