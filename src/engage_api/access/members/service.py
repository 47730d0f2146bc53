"""The rules for members: who joins, changes and goes, and that somebody stays."""

from engage_api.access import holders
from engage_api.access.accounts import store as store_of_accounts
from engage_api.access.members import roles, seats
from engage_api.access.members.models import MEMBER, Member, MemberFields, MemberUpdate
from engage_api.access.members.refusals import Enough
from engage_api.access.members.roles import Role
from engage_api.access.organizations import service as organizations
from engage_api.access.organizations.models import Organization, OrganizationCreate
from engage_api.access.worlds import LIVE
from engage_api.core.principal import Principal
from engage_api.core.problem import NotFound, Problem
from engage_api.db import reader, store, turns
from engage_api.db.engine import Database, Transaction
from engage_api.db.store import Stored
from engage_api.http import etags
from engage_api.http.patches import patched

MOST_OWNED = 5  # organizations of one person


class LastOwner(Problem):
    """An organization always has an owner. Make somebody else one first."""

    code, status, title = "last-owner", 409, "This is the last owner"


async def start(tx: Transaction, person: tuple[str, str], wanted: OrganizationCreate) -> str:
    """Make an organization, and the person, by account and name, its owner. Its id.

    Raises:
        Enough: they own so many that one more is too many.
    """
    account, _ = person
    await turns.take(tx, LIVE, f"organizations of {account}")
    if await seats.owned(tx, account) >= MOST_OWNED:
        raise Enough
    maker = seats.founder(account)
    made = await organizations.create(tx, maker, wanted)
    await join(tx, maker, made.model.id, person, "owner")
    return made.model.id


async def join(
    tx: Transaction, principal: Principal, organization_id: str, person: tuple[str, str], role: Role
) -> Stored[Member]:
    """Make a person, by account and name, a member. The caller has made sure that they are none."""
    account, name = person
    fields = {"organization_id": organization_id, "account_id": account, "name": name, "role": role}
    return await store.create(tx, principal, MEMBER, fields)


async def change(
    tx: Transaction, principal: Principal, member_id: str, patch: MemberUpdate, if_match: str | None
) -> Stored[Member]:
    """Give a member another role.

    Raises:
        InsufficientScope: it gives more than the principal has.
        LastOwner: nobody else owns the organization.
    """
    was = await _in_turn(tx, principal, member_id)
    etags.require(if_match, was.document)
    wanted = patched(MemberFields, was.model, patch)
    organization = await organizations.require(tx, principal, was.model.organization_id)  # two who go, one by one
    require_role(principal, organization.model, wanted.role)
    if wanted.role != "owner":
        await _keep_an_owner(tx, principal, was.model, organization.model.name)
    return await store.change(tx, principal, MEMBER, was, dict(wanted))


async def remove(tx: Transaction, principal: Principal, member_id: str, if_match: str | None) -> None:
    """Let a member go.

    Raises:
        LastOwner: nobody else owns the organization.
    """
    was = await _in_turn(tx, principal, member_id)
    etags.require(if_match, was.document)
    organization = await organizations.require(tx, principal, was.model.organization_id)  # as above
    await _keep_an_owner(tx, principal, was.model, organization.model.name)
    await store.remove(tx, principal, MEMBER, was)


async def depart(db: Database, account: str, by: Principal | None = None) -> None:
    """Let somebody go for good: out of all their organizations, and their account with all that belongs to it.

    `by`: who removes them, if they do not go by themselves.

    Raises:
        LastOwner: nobody else owns one of the organizations.
    """
    taken = sorted(await seats.of(db, account), key=lambda seat: seat.organization.id)  # in one order: nobody waits
    async with db.system.write(LIVE) as tx:
        for seat in taken:
            await seats.take_turn(tx, seat.organization.id)
        for seat in taken:
            await remove(tx, by or seat.principal, seat.member, "*")
        await store_of_accounts.remove(tx, account)


async def require(tx: Transaction, principal: Principal, member_id: str) -> Stored[Member]:
    """The member, or NotFound."""
    found = await reader.find(tx, principal, MEMBER, member_id)
    if found is None:
        raise NotFound
    return found


def require_role(principal: Principal, organization: Organization, role: Role) -> None:
    """Nobody gives a role that may more than they may.

    Raises:
        InsufficientScope: there is a scope that the role has and the principal lacks.
    """
    given = roles.scopes(role, internal=organization.kind == "internal")
    holders.require_scopes(principal, sorted(given))


async def is_member(tx: Transaction, principal: Principal, organization_id: str, account: str) -> bool:
    """Whether this person is a member of the organization."""
    same = {"account_id": account, "organization_id": organization_id}
    return await reader.has_any(tx, principal, MEMBER, same)


async def _in_turn(tx: Transaction, principal: Principal, member_id: str) -> Stored[Member]:
    """The member, when nobody else writes about the seats of the organization: what follows from a seat holds."""
    seen = await reader.find(tx, principal, MEMBER, member_id, lock=False)
    if seen is None:
        raise NotFound
    await seats.take_turn(tx, seen.model.organization_id)
    return await require(tx, principal, member_id)


async def _keep_an_owner(tx: Transaction, principal: Principal, member: Member, called: str) -> None:
    same = {"organization_id": member.organization_id, "role": "owner"}
    if member.role == "owner" and await reader.number(tx, principal, MEMBER, same) == 1:
        raise LastOwner(f"{called} has no other owner.")
