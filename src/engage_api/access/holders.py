"""Who holds a credential, and whether they may act: the same for keys and for tokens."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from sqlalchemy import Column, FromClause, Select, select

from engage_api.access.applications.models import ApplicationRow
from engage_api.access.organizations.models import OrganizationRow
from engage_api.access.worlds import ENDED, LIVE, PlanRow, WorkspaceRow
from engage_api.core import clock
from engage_api.core.principal import Plan, Principal
from engage_api.core.problem import InsufficientScope
from engage_api.core.scopes import Scope

_application = ApplicationRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]
_workspace = WorkspaceRow.__table__  # type: ignore[attr-defined]
_plan = PlanRow.__table__  # type: ignore[attr-defined]


def of(credential: FromClause, *columns: Column[Any], plan: Column[Any] | None = None) -> Select[Any]:
    """These columns of a credential, and beside each row its holder, for `principal`.

    `credential` has the columns `workspace_id` and `application_id`; `plan` names the plan that limits it, the
    organization's unless another is given.
    """
    return (
        select(
            *columns,
            credential.c.workspace_id,
            credential.c.application_id,
            _workspace.c.kind.label("workspace_kind"),
            _workspace.c.expires_at.label("workspace_expires_at"),
            _application.c.state.label("application_state"),
            _application.c.document.label("application"),
            _organization.c.id.label("organization_id"),
            _organization.c.kind.label("organization_kind"),
            _organization.c.state.label("organization_state"),
            _plan.c.name.label("plan"),
            _plan.c.requests,
            _plan.c.seconds,
            _plan.c.burst,
            _plan.c.quota,
        )
        .join_from(credential, _workspace, _workspace.c.id == credential.c.workspace_id)
        .join(_application, _application.c.id == credential.c.application_id)
        .join(_organization, _organization.c.id == _application.c.organization_id)
        .join(_plan, _plan.c.name == (_organization.c.plan if plan is None else plan))
    )


def may_act(row: Any) -> bool:
    """Whether its application has not been revoked nor its organization suspended, and in the live workspace both have
    been let in; a sandbox must not have come to its end.
    """
    expires_at = row.workspace_expires_at
    if row.workspace_kind == ENDED or (expires_at is not None and expires_at <= clock.host()):
        return False
    if row.application_state == "revoked" or row.organization_state == "suspended":
        return False
    return is_test(row) or (row.application_state == "live" and row.organization_state == "approved")


def is_test(row: Any) -> bool:
    """Whether the credential is for a sandbox."""
    return bool(row.workspace_kind != LIVE)


def principal(
    row: Any,
    credential: str,
    scopes: Iterable[Scope],
    expires_at: Any,
    networks: tuple[IPv4Network | IPv6Network, ...] = (),
) -> Principal:
    """Whoever may act, with these scopes."""
    test = is_test(row)
    return Principal(
        credential=credential,
        application=row.application_id,
        organization=row.organization_id,
        workspace=row.workspace_id,
        live=not test,
        scopes=frozenset(scopes),
        plan=Plan(row.plan, row.requests, row.seconds, row.burst, row.quota),
        sees_workspace=test or row.organization_kind == "internal",
        networks=networks,
        expires_at=expires_at,
    )


def as_customer(found: Principal, customer: str) -> Principal:
    """The same as this customer, who sees themselves alone; the quota of the plan is not theirs."""
    return replace(found, customer=customer, sees_workspace=False, plan=replace(found.plan, quota=None))


def require_scopes(giver: Principal, scopes: Iterable[str]) -> None:
    """Nobody gives away more than they have.

    Raises:
        InsufficientScope: there is a scope among these that the giver lacks.
    """
    for scope in scopes:
        if scope not in giver.scopes:
            raise InsufficientScope(
                "You can only give the scopes that you have yourself.", more={"requiredScope": str(scope)}
            )
