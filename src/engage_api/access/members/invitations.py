"""The rules for invitations: who may invite, and who can accept.

An invitation is for an address, and whoever has confirmed that address accepts it after signing in. There is no secret
in its mail: somebody else who reads it can do nothing with it.
"""

from dataclasses import replace
from datetime import timedelta

from engage_api.access import worlds
from engage_api.access.accounts.emails import Email
from engage_api.access.accounts.models import Account
from engage_api.access.applications.models import APPLICATION
from engage_api.access.members import addresses, letters, roles, seats, service
from engage_api.access.members.models import INVITATION, Invitation, InvitationCreate
from engage_api.access.members.refusals import Outdated, Suspended
from engage_api.access.organizations import service as organizations
from engage_api.access.organizations.models import ORGANIZATION, Organization
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import InsufficientScope, NotFound, Problem
from engage_api.core.scopes import Scope
from engage_api.db import reader, store
from engage_api.db.engine import Database, Transaction
from engage_api.db.store import Happened, Stored

OPEN_FOR = timedelta(days=7)
MOST = 20  # open ones of an organization
ACCEPTED, DECLINED, EXPIRED = Happened("accepted"), Happened("declined"), Happened("expired")


class AlreadyInvited(Problem):
    """An invitation of this organization to this address is open. Withdraw that one first to send another."""

    code, status, title = "already-invited", 409, "This address is invited already"


class TooManyInvitations(Problem):
    """An organization has at most 20 open invitations. Withdraw one, or wait until some are accepted or expire."""

    code, status, title = "too-many-invitations", 409, "There are enough open invitations"


async def invite(
    tx: Transaction, principal: Principal, organization_id: str, wanted: InvitationCreate
) -> Stored[Invitation]:
    """Invite somebody by mail. Whether the address has an account makes no difference.

    Raises:
        NeedsLive: the principal acts in a sandbox.
        InsufficientScope: the role may more than the principal.
        AlreadyInvited, TooManyInvitations: there is one for the address, or there are enough.
    """
    worlds.require_live(principal)
    email = Email(wanted.email, wanted.email.lower())
    organization = await organizations.require(tx, principal, organization_id)  # locked: many who invite count right
    service.require_role(principal, organization.model, wanted.role)
    if await reader.number(tx, principal, INVITATION, {"organization_id": organization_id}) >= MOST:
        raise TooManyInvitations
    fields = {
        "organization_id": organization_id,
        "role": wanted.role,
        "hint": email.hint,
        "invited_by": await _called(tx, principal, organization_id),
        "expires_at": clock.business(principal.workspace) + OPEN_FOR,
    }
    stored = await store.create(tx, principal, INVITATION, fields)
    if not await addresses.add(tx, principal, stored.model, email):
        raise AlreadyInvited
    await letters.ask(tx, stored.model.id)
    return stored


async def withdraw(tx: Transaction, principal: Principal, invitation_id: str) -> None:
    """End an invitation."""
    await store.remove(tx, principal, INVITATION, await require(tx, principal, invitation_id))


async def accept(tx: Transaction, account: Account, found: addresses.Open) -> None:
    """Make who is invited a member. The caller has seen that the invitation is for them.

    Raises:
        NotFound: it has ended meanwhile.
        Suspended: the organization is.
        Outdated: whoever invites may not give this role any more.
    """
    who = seats.newcomer(account.id, found.organization.id)
    was = await require(tx, who, found.invitation.id)
    organization = await organizations.require(tx, who, was.model.organization_id)  # locked: nobody joins twice
    if organization.model.state == "suspended":
        raise Suspended
    await _require_inviter(tx, who, was, organization.model)
    if not await service.is_member(tx, who, organization.model.id, account.id):
        await service.join(tx, who, organization.model.id, (account.id, account.name), was.model.role)
    await store.remove(tx, who, INVITATION, was, ACCEPTED)


async def decline(tx: Transaction, account: Account, found: addresses.Open) -> None:
    """End an invitation, by whom it is for."""
    who = seats.newcomer(account.id, found.organization.id)
    await store.remove(tx, who, INVITATION, await require(tx, who, found.invitation.id), DECLINED)


async def expire(db: Database, principal: Principal, invitation_id: str) -> None:
    """End an invitation whose time is over."""
    async with db.write(principal.workspace) as tx:
        found = await reader.find(tx, principal, INVITATION, invitation_id)
        if found is not None:
            await store.remove(tx, principal, INVITATION, found, EXPIRED)


async def require(tx: Transaction, principal: Principal, invitation_id: str) -> Stored[Invitation]:
    """The invitation, or NotFound."""
    found = await reader.find(tx, principal, INVITATION, invitation_id)
    if found is None:
        raise NotFound
    return found


async def _require_inviter(
    tx: Transaction, who: Principal, was: Stored[Invitation], organization: Organization
) -> None:
    """Whoever invites could do it now as well: else somebody who has to go could leave a way back in.

    Raises:
        Outdated: the application may not act any more, or the person is no member or has a lesser role.
    """
    everybody = replace(who, sees_workspace=True)
    application = await reader.find(tx, everybody, APPLICATION, was.made_by, lock=False)
    if application is None or application.model.state != "live":
        raise Outdated
    party = await reader.find(tx, everybody, ORGANIZATION, application.model.organization_id, lock=False)
    if party is None or party.model.state != "approved":
        raise Outdated
    account, place = await addresses.inviter(tx, was.model.id)
    if account is None:
        return
    seat = await seats.held(tx, account, place)
    if seat is None or not roles.allows(seat.role, Scope.MEMBERS_WRITE):
        raise Outdated
    try:
        service.require_role(seat.principal, organization, was.model.role)
    except InsufficientScope:
        raise Outdated from None


async def _called(tx: Transaction, principal: Principal, organization_id: str) -> str:
    """What those who are invited are told of who invites."""
    if name := await seats.name(tx, principal, organization_id):
        return name
    if principal.person:  # who is no member any more
        raise NotFound
    application = await reader.find(tx, principal, APPLICATION, principal.application, lock=False)
    return application.model.name if application else principal.application
