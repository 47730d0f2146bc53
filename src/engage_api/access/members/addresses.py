"""The addresses of open invitations: whom one is for, and which are for somebody who has confirmed an address."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from engage_api.access.accounts.emails import Email
from engage_api.access.accounts.models import AccountRow
from engage_api.access.members.models import INVITATION, Invitation, InvitationAddressRow, InvitationRow
from engage_api.access.organizations.models import ORGANIZATION, OrganizationRow
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

_address = InvitationAddressRow.__table__  # type: ignore[attr-defined]
_invitation = InvitationRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]
_account = AccountRow.__table__  # type: ignore[attr-defined]

_ADD = Query(insert(_address).on_conflict_do_nothing(), [c.name for c in _address.columns])  # SQLite speaks the same
_OF = Query(
    select(_address.c.invitation_id, _address.c.email).where(
        _address.c.workspace_id == bindparam("workspace"), _address.c.organization_id == bindparam("organization")
    )
)
_INVITER = Query(
    select(_address.c.inviter, _address.c.inviter_at).where(
        _address.c.workspace_id == LIVE, _address.c.invitation_id == bindparam("id")
    )
)
_open = (
    select(_invitation.c.document, _organization.c.document.label("organization"), _address.c.email)
    .join_from(
        _address,
        _invitation,
        (_invitation.c.workspace_id == _address.c.workspace_id) & (_invitation.c.id == _address.c.invitation_id),
    )
    .join(
        _organization,
        (_organization.c.workspace_id == _address.c.workspace_id)
        & (_organization.c.id == _invitation.c.organization_id),
    )
    .where(_address.c.workspace_id == LIVE, _invitation.c.expires_at > bindparam("now"))
)
_ONE = Query(_open.where(_address.c.invitation_id == bindparam("id")))
_FOR = Query(
    _open.join(_account, _account.c.folded == _address.c.folded)
    .where(_account.c.id == bindparam("account"), _account.c.confirmed_at.is_not(None))
    .order_by(_invitation.c.created_at, _invitation.c.id)
)
_EXPIRED = Query(
    select(_invitation.c.id)
    .where(_invitation.c.workspace_id == LIVE, _invitation.c.expires_at <= bindparam("now"))
    .order_by(_invitation.c.expires_at)
    .limit(bindparam("most"))
)


class Open:
    """An open invitation, the organization that it is to, and the address that it is for."""

    __slots__ = ("email", "invitation", "organization")

    def __init__(self, row: Any) -> None:
        self.invitation = INVITATION.read(row.document)
        self.organization = ORGANIZATION.read(row.organization)
        self.email: str = row.email


async def add(tx: Transaction, principal: Principal, invitation: Invitation, email: Email) -> bool:
    """Write down whom an invitation is for, and from whom. False when one of the organization is open for them."""
    values = {
        "workspace_id": principal.workspace,
        "invitation_id": invitation.id,
        "organization_id": invitation.organization_id,
        "email": email.typed,
        "folded": email.folded,
        "inviter": principal.person or None,
        "inviter_at": principal.organization,
    }
    return bool(await tx.run(_ADD, **values))


async def inviter(tx: Transaction, invitation_id: str) -> tuple[str | None, str]:
    """The account of who invites, None when an application did it for itself, and the organization that they are of."""
    row = await tx.one(_INVITER, id=invitation_id)
    return row.inviter, row.inviter_at


async def of(db: Database, organization_id: str) -> dict[str, str]:
    """The addresses of an organization's open invitations, by their ids."""
    rows = await db.fetch(_OF, LIVE, workspace=LIVE, organization=organization_id)
    return {row.invitation_id: row.email for row in rows}


async def one(db: Database, invitation_id: str) -> Open | None:
    """An open invitation, or None when it has ended."""
    row = await db.system.one(_ONE, None, id=invitation_id, now=clock.business(LIVE))
    return None if row is None else Open(row)


async def meant(db: Database, account: str) -> list[Open]:
    """The open invitations for this person: for the address that they have confirmed."""
    return [Open(row) for row in await db.system.fetch(_FOR, None, account=account, now=clock.business(LIVE))]


async def expired(db: Database, now: datetime, most: int) -> list[str]:
    """The ids of invitations whose time is over."""
    return [row.id for row in await db.fetch(_EXPIRED, LIVE, now=now, most=most)]
