"""Members and invitations over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.accounts import attempts
from engage_api.access.guard import guard
from engage_api.access.members import invitations, service
from engage_api.access.members.models import (
    INVITATION,
    MEMBER,
    Invitation,
    InvitationCreate,
    Member,
    MemberUpdate,
)
from engage_api.access.members.roles import Role
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.core.problem import TooManyRequests
from engage_api.core.scopes import Scope
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, ListQuery, Page
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

router = APIRouter(tags=["Members"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.MEMBERS_READ)]
Write = Annotated[Call, guard(Scope.MEMBERS_WRITE)]
NewInvitation = Annotated[InvitationCreate, json_body(InvitationCreate)]
Patch = Annotated[MemberUpdate, json_body(MemberUpdate)]
INVITED = {"x-problems": ["needs-live", "already-invited", "too-many-invitations"]}
OWNED = {"x-problems": ["last-owner"]}

Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


async def spare(call: Call, address: str) -> None:
    """Nobody's mailbox is filled by us.

    Raises:
        TooManyRequests: the address has had enough mails for now.
    """
    named = call.services.accounts.mark(address.lower()).hex()[:32]
    if wait := await call.services.limits.spend_address(attempts.INVITE.account, named):
        raise TooManyRequests("This address has had enough mails for now.", headers={"Retry-After": str(wait)})


class MemberQuery(ListQuery):
    """Which members."""

    sort: Sort = "-createdAt"
    role: Role | None = Field(None, description="Only those with this role.")


class InvitationQuery(ListQuery):
    """Which invitations."""

    sort: Sort = "-createdAt"


@router.get(
    "/organizations/{organization_id}/members", response_model=Page[Member], summary="List members of an organization"
)
async def list_members(organization_id: str, call: Read, query: Annotated[MemberQuery, Query()]) -> Response:
    """Who belongs to it, and what each may do there."""
    await call.require(ORGANIZATION, organization_id)
    return await call.page(MEMBER, query, organization_id=organization_id)


@router.get("/members/{member_id}", response_model=Member, summary="Read a member")
async def get_member(member_id: str, call: Read) -> Response:
    """One person in one organization."""
    return await call.document(MEMBER, member_id)


@router.patch("/members/{member_id}", response_model=Member, summary="Update a member", openapi_extra=OWNED)
async def update_member(member_id: str, call: Write, body: Patch) -> Response:
    """Another role. Nobody gives one that may more than they may, and an organization keeps an owner. What the person
    has allowed applications bites from the next request on, in other processes within a second.
    """
    answer = await call.change(lambda tx: service.change(tx, call.principal, member_id, body, call.if_match))
    call.services.doorkeeper.forget_all()
    return answer


@router.delete("/members/{member_id}", status_code=204, summary="Remove a member", openapi_extra=OWNED)
async def remove_member(member_id: str, call: Write) -> Response:
    """They are out at once, and applications can do nothing for them here any more."""
    answer = await call.remove(lambda tx: service.remove(tx, call.principal, member_id, call.if_match))
    call.services.doorkeeper.forget_all()
    return answer


@router.post(
    "/organizations/{organization_id}/invitations",
    status_code=201,
    response_model=Invitation,
    summary="Create an invitation to an organization",
    openapi_extra=INVITED,
)
async def create_invitation(organization_id: str, call: Write, body: NewInvitation) -> Response:
    """A mail goes to the address. Whoever has an account with it, or makes one, accepts within 7 days.

    Nobody invites to a role that may more than they may. An address gets 5 mails of ours in 10 minutes.
    """
    await spare(call, body.email)
    return await call.create("/invitations", lambda tx: invitations.invite(tx, call.principal, organization_id, body))


@router.get(
    "/organizations/{organization_id}/invitations",
    response_model=Page[Invitation],
    summary="List the open invitations of an organization",
)
async def list_invitations(organization_id: str, call: Read, query: Annotated[InvitationQuery, Query()]) -> Response:
    """Those that are not accepted, declined or withdrawn. An expired one may stand here for an hour."""
    await call.require(ORGANIZATION, organization_id)
    return await call.page(INVITATION, query, organization_id=organization_id)


@router.get("/invitations/{invitation_id}", response_model=Invitation, summary="Read an open invitation")
async def get_invitation(invitation_id: str, call: Read) -> Response:
    """One invitation, as long as it is open."""
    return await call.document(INVITATION, invitation_id)


@router.delete("/invitations/{invitation_id}", status_code=204, summary="Withdraw an invitation")
async def withdraw_invitation(invitation_id: str, call: Write) -> Response:
    """It cannot be accepted any more, and its address is forgotten."""
    return await call.remove(lambda tx: invitations.withdraw(tx, call.principal, invitation_id))
