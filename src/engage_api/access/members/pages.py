"""The pages of organizations: start one, see it, and who belongs to it. They can do what the API can, and no more."""

from dataclasses import replace
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts import attempts, forms, pages, sessions
from engage_api.access.accounts.refusals import Nothing
from engage_api.access.applications.models import APPLICATION
from engage_api.access.members import addresses, invitations, service
from engage_api.access.members.desk import HOME, Desk, Form, done, mistakes, require_account, seen, validated
from engage_api.access.members.models import INVITATION, MEMBER, InvitationCreate, MemberUpdate
from engage_api.access.members.refusals import NotYours
from engage_api.access.members.roles import MEANING, ROLES
from engage_api.access.organizations import service as organizations
from engage_api.access.organizations.models import OPERATOR, ORGANIZATION, OrganizationCreate
from engage_api.access.organizations.routes import OrganizationTransition
from engage_api.access.worlds import LIVE
from engage_api.core.principal import Principal
from engage_api.core.problem import InvalidRequest, NotFound
from engage_api.core.scopes import Scope
from engage_api.http.call import Services


class Start(OrganizationCreate):
    """An organization that anybody may start."""

    kind: Literal["developer", "partner", "hackathon-team"]


KINDS = {"developer": "Developer", "partner": "Partner", "hackathon-team": "Hackathon team"}
MEANT = {
    "developer": "Developer: tries the API, or builds for itself",
    "partner": "Partner: builds what others work with",
    "hackathon-team": "Hackathon team: builds for a few days",
}
"""What each kind is for, as people choose. What an organization may do does not depend on which of these it is."""


async def see_start(request: Request) -> Response:
    """The form for a new organization."""
    account = await sessions.who(request)
    if account is None:
        return pages.go(sessions.sign_in_path(request))
    values = {"name": "", "kind": "developer"}
    return pages.show(request, "organization-new.html", account=account, kinds=MEANT, values=values)


async def start(request: Request) -> Response:
    """Make an organization whose owner is who asks. It is pending, and has its sandbox at once."""
    account = await require_account(request)
    form = await forms.read(request, signed_in=True)
    await attempts.spend(request, attempts.ORGANIZE, account.id)
    values = {"name": form.get("name", ""), "kind": form.get("kind", "")}
    try:
        wanted = validated(Start, values)
    except InvalidRequest as wrong:
        given: dict[str, Any] = {"kinds": MEANT, "values": values, "errors": mistakes(wrong)}
        return pages.show(request, "organization-new.html", status=400, account=account, **given)
    async with sessions.of(request).db.write(LIVE) as tx:
        made = await service.start(tx, (account.id, account.name), wanted)
    return pages.go(f"{HOME}/{made}?said=started")


async def see_organization(desk: Desk) -> Response:
    """Its state, its applications, its members and who is invited."""
    return await _organization(desk)


async def _organization(desk: Desk, **more: Any) -> Response:
    mine = desk.seat.organization.id
    given = {
        "applications": await desk.all(APPLICATION, organization_id=mine),
        "members": await desk.all(MEMBER, organization_id=mine),
        "invitations": await desk.all(INVITATION, organization_id=mine),
        "addresses": await addresses.of(desk.db, mine) if desk.may(Scope.MEMBERS_WRITE) else {},
        "roles": ROLES,
        "values": {"email": "", "role": "developer"},
        "kind": KINDS.get(desk.seat.organization.kind, "Internal"),
        "waiting": await desk.all(ORGANIZATION, _operating(desk), state="pending") if _operates(desk) else [],
    }
    return desk.show("organization.html", **given | more)


async def decide(desk: Desk, form: Form) -> Response:
    """Approve an organization, or suspend it."""
    if not _operates(desk):
        raise NotYours
    wanted = validated(OrganizationTransition, {"to": form.get("to", "")})
    async with desk.write() as tx:
        await organizations.move(tx, _operating(desk), form.get("which", ""), wanted.to, None)
    desk.services.doorkeeper.forget_all()
    return pages.go(f"{desk.path}?said={wanted.to}")


def _operates(desk: Desk) -> bool:
    """Whether this is an owner of the operator's: other internal organizations have applications for that."""
    return desk.seat.organization.id == OPERATOR and desk.may(Scope.ADMIN_ORGANIZATIONS)


def _operating(desk: Desk) -> Principal:
    """An owner of the operator's organization, who sees the whole live workspace as its applications do."""
    return replace(desk.who, sees_workspace=True)


async def invite(desk: Desk, form: Form) -> Response:
    """Invite somebody, or withdraw an invitation."""
    if withdrawn := form.get("withdraw"):
        async with desk.write() as tx:
            await invitations.withdraw(tx, desk.who, withdrawn)
        return pages.go(f"{desk.path}?said=withdrawn")
    values = {"email": form.get("email", "").strip(), "role": form.get("role", "")}
    try:
        wanted = validated(InvitationCreate, values)
    except InvalidRequest as wrong:
        errors = mistakes(wrong)
        if "email" in errors:
            errors["email"] = ["This is no e-mail address that we can write to."]
        return await _organization(desk, status=400, errors=errors, values=values)
    await attempts.spend(desk.request, attempts.INVITE, wanted.email.lower())
    async with desk.write() as tx:
        await invitations.invite(tx, desk.who, desk.seat.organization.id, wanted)
    return pages.go(f"{desk.path}?said=invited")


async def change_member(desk: Desk, form: Form) -> Response:
    """Give a member another role, or let them go."""
    member = form.get("member", "")
    if form.get("do") == "remove" and "sure" not in form:
        return await _ask_to_remove(desk, form)
    async with desk.write() as tx:
        if form.get("do") == "remove":
            await service.remove(tx, desk.who, member, "*")
        else:
            patch = validated(MemberUpdate, {"role": form.get("role", "")})
            await service.change(tx, desk.who, member, patch, "*")
    desk.services.doorkeeper.forget_all()
    return pages.go(f"{desk.path}?said={'removed' if form.get('do') == 'remove' else 'role'}")


async def _ask_to_remove(desk: Desk, form: Form) -> Response:
    everybody = await desk.all(MEMBER, organization_id=desk.seat.organization.id)
    name = next((one.name for one in everybody if one.id == form.get("member")), None)
    if name is None:
        raise NotFound
    text = "They are out at once, and applications can do nothing for them here any more. You can invite them again."
    return desk.ask(form, f"Remove {name}?", text, "Remove")


async def leave(desk: Desk, form: Form) -> Response:
    """Go, as everybody may, unless nobody would own the organization then."""
    if "sure" not in form:
        text = "You are out at once, and applications can do nothing for you there any more. An owner can invite you."
        return desk.ask(form, f"Leave {desk.seat.organization.name}?", text, "Leave")
    async with desk.write() as tx:
        await service.remove(tx, desk.who, desk.seat.member, "*")
    desk.services.doorkeeper.forget_all()
    return pages.go("/account?said=left")


async def see_deletion(request: Request) -> Response:
    """What goes with an account, and what stays."""
    account = await sessions.who(request)
    if account is None:
        return pages.go(sessions.sign_in_path(request))
    return pages.show(request, "deletion.html", account=account)


async def delete_account(request: Request) -> Response:
    """Delete the account of who asks and knows its password."""
    account = await require_account(request)
    form = await forms.read(request, signed_in=True)
    await attempts.spend(request, attempts.SIGN_IN, account.id)
    accounts, errors = sessions.of(request), {"password": ["This is not your password."]}
    if await accounts.is_password(account, form.get("password", "")):
        try:
            await service.depart(accounts.db, account.id)
        except service.LastOwner as last:
            errors = {"": [f"{last.detail} Make somebody else one first, or ask the operator."]}
        else:
            services: Services = request.scope["state"]["services"]
            services.doorkeeper.forget_all()
            return pages.leave(request, "deleted")
    return pages.show(request, "deletion.html", status=400, account=account, errors=errors)


async def see_invitation(request: Request) -> Response:
    """Who invites, to what and as what; for the one whom the invitation is for."""
    account = await sessions.who(request)
    if account is None:
        return pages.go(sessions.sign_in_path(request))
    found = await _meant(request, account.id)
    if found is None:
        return pages.show(request, "invitation-none.html", status=404, account=account)
    return pages.show(request, "invitation.html", account=account, found=found, meaning=MEANING)


async def answer_invitation(request: Request) -> Response:
    """Accept an invitation, or decline it."""
    account = await require_account(request)
    form = await forms.read(request, signed_in=True)
    await attempts.spend(request, attempts.ORGANIZE, account.id)
    found, accepts = await _meant(request, account.id), form.get("answer") == "accept"
    if found is None:
        raise Nothing
    try:
        async with sessions.of(request).db.write(LIVE) as tx:
            await (invitations.accept if accepts else invitations.decline)(tx, account, found)
    except NotFound:
        raise Nothing from None
    return pages.go(f"{HOME}/{found.organization.id}?said=joined" if accepts else "/account?said=declined")


async def _meant(request: Request, account: str) -> addresses.Open | None:
    named = request.path_params["invitation"]
    meant = await addresses.meant(sessions.of(request).db, account)
    return next((one for one in meant if one.invitation.id == named), None)


_ONE = f"{HOME}/{{organization}}"
routes = [
    pages.route(f"{HOME}/new", see_start, start),
    pages.route(_ONE, seen(see_organization), None),
    pages.route(f"{_ONE}/invitations", None, done(Scope.MEMBERS_WRITE, invite)),
    pages.route(f"{_ONE}/members", None, done(Scope.MEMBERS_WRITE, change_member)),
    pages.route(f"{_ONE}/leave", None, done(None, leave)),
    pages.route(f"{_ONE}/approvals", None, done(Scope.ADMIN_ORGANIZATIONS, decide)),
    pages.route("/account/invitations/{invitation}", see_invitation, answer_invitation),
    pages.route("/account/deletion", see_deletion, delete_account),
]
"""Organizations and their members."""
