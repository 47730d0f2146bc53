"""The pages of organizations and members, and that nobody does there what their role does not allow."""

import asyncio
import re

import httpx

from engage_api.access.members import addresses, desk, pages, program_pages
from engage_api.access.members.roles import ROLES
from engage_api.access.members.service import MOST_OWNED
from engage_api.core.scopes import Scope
from tests.accounts.browsing import PASSWORD, Browser, Town, is_page
from tests.members.people import WANTED, account_of, application, member, party, story
from tests.members.test_invitations import invite

ACCEPT = {"answer": "accept"}


async def test_five_organizations_at_most_however_many_are_started_at_once(town: Town) -> None:
    browser = await town.signed_in()
    sealed = await browser.form("/account/organizations/new")
    fields = sealed | {"name": "Bakers", "kind": "developer"}
    answers = await asyncio.gather(*(browser.post("/account/organizations/new", data=fields) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [303] * MOST_OWNED + [409] * 3
    for wrong in ({"kind": "internal"}, {"kind": ""}, {"name": ""}):
        is_page(await browser.post("/account/organizations/new", data=fields | wrong), 400)


async def test_members_are_invited_changed_and_removed(town: Town) -> None:
    owner = await member(town)
    guest = await member(town)
    invited = await owner.post("/invitations", email=guest.email, role="viewer")
    assert invited.headers["Location"] == f"{owner.page}?said=invited"
    page = (await owner.browser.get(owner.page)).text
    assert guest.email in page
    mail = (await town.mail(guest.email)).text
    assert '"Ada"' in mail
    [link] = re.findall(r"/account/invitations/\w+", mail)
    assert "Bureau" in (await guest.browser.get("/account")).text
    accepted = await guest.browser.fill(link, answer="accept")
    assert accepted.headers["Location"] == f"{owner.page}?said=joined"
    for wrong, told in (({"email": "a b"}, "no e-mail address"), ({"role": "king"}, "viewer")):
        refused = await owner.post("/invitations", **{"email": "a@example.org", "role": "viewer"} | wrong)
        is_page(refused, 400)
        assert told in refused.text
    theirs = (await guest.browser.get(owner.page)).text
    assert "viewer: looks" in theirs
    assert f'action="{owner.page}/members"' not in theirs
    assert guest.email not in theirs
    [seat] = re.findall(r'name="member" value="(\w+)"', (await owner.browser.get(owner.page)).text)
    assert (await owner.post("/members", member=seat, do="role", role="developer")).status_code == 303
    assert "developer: applications" in (await guest.browser.get(owner.page)).text
    is_page(await owner.post("/members", member=seat, do="role", role="king"), 400)
    asked = await owner.post("/members", member=seat, do="remove")
    assert "Remove Ada?" in asked.text
    assert (await guest.browser.get(owner.page)).status_code == 200
    assert (await owner.send(asked)).status_code == 303
    is_page(await guest.browser.get(owner.page), 404)
    is_page(await owner.post("/members", member=seat, do="remove"), 404)
    for form in ({"do": "remove", "sure": "yes"}, {"do": "role", "role": "viewer"}):
        is_page(await owner.post("/members", member=owner.member, **form), 409)
    last = await owner.send(await owner.post("/leave"))
    is_page(last, 409)
    assert last.text.count("This is the last owner") == 2  # the title, and the heading
    assert "Make somebody else an owner first." in last.text
    assert "Back to Bureau" in last.text


async def test_an_invitation_is_withdrawn_and_a_member_leaves(town: Town) -> None:
    owner = await member(town)
    email = town.somebody()
    await owner.post("/invitations", email=email, role="viewer")
    [made] = re.findall(r'name="withdraw" value="(\w+)"', (await owner.browser.get(owner.page)).text)
    assert (await owner.post("/invitations", withdraw=made)).headers["Location"] == f"{owner.page}?said=withdrawn"
    assert email not in (await owner.browser.get(owner.page)).text
    is_page(await owner.post("/invitations", withdraw=made), 404)
    other = await member(town, "viewer", owner.organization)
    asked = await other.post("/leave")
    assert "Leave Bureau?" in asked.text
    assert (await other.browser.get(owner.page)).status_code == 200
    assert (await other.send(asked)).headers["Location"] == "/account?said=left"
    is_page(await other.browser.get(owner.page), 404)
    nobody = await town.browser().get("/account/organizations/new")
    assert nobody.headers["Location"] == "/account/sign-in?next=%2Faccount%2Forganizations%2Fnew"


async def test_an_invitation_is_for_whoever_has_confirmed_its_address(town: Town) -> None:
    key, owner, other, email = await town.service.key(), await member(town), await member(town), town.somebody()
    made = (await invite(town, key, owner.organization, email.upper())).json["id"]
    link = f"/account/invitations/{made}"
    for browser in (other.browser, owner.browser):
        seen = await browser.get(link)
        is_page(seen, 404)
        assert "Bureau" not in seen.text
        is_page(await browser.post(link, data=await browser.form("/account", "/account/sign-out") | ACCEPT), 404)
    nobody = town.browser()
    assert (await nobody.get(link)).headers["Location"] == f"/account/sign-in?next=%2Faccount%2Finvitations%2F{made}"
    confirm = await town.pending(email)  # whoever signs up has not shown yet that the address is theirs
    assert not await addresses.meant(town.accounts.db, await account_of(town, email))
    guest = town.browser()
    await guest.fill(confirm, password=PASSWORD)
    page = (await guest.get(link)).text
    assert all(word in page for word in ("Bureau", "developer", "Operator"))
    sealed = await guest.form(link)
    answers = await asyncio.gather(*(guest.post(link, data=sealed | ACCEPT) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [303] + [404] * 7
    path = f"/v1/organizations/{owner.organization}/members?role=developer"
    listed = (await town.service.ask("GET", path, key=key)).json["items"]
    assert [one["accountId"] for one in listed] == [await account_of(town, email)]
    await expect_events(town, key, made, "accepted")


async def test_one_can_decline_and_who_is_a_member_stays_what_they_are(town: Town) -> None:
    key, owner = await town.service.key(), await member(town)
    for guest, word, location in (
        (await member(town), "decline", "/account?said=declined"),
        (owner, "accept", f"{owner.page}?said=joined"),
    ):
        made = (await invite(town, key, owner.organization, guest.email, "viewer")).json["id"]
        answer = await guest.browser.fill(f"/account/invitations/{made}", answer=word)
        assert answer.headers["Location"] == location
        await expect_events(town, key, made, f"{word.rstrip('e')}ed")
    assert "You are its owner" in (await owner.browser.get("/account")).text


async def test_somebody_deletes_their_account_unless_nobody_else_owns_what_is_theirs(town: Town) -> None:
    owner = await member(town)
    other = await member(town, "owner", owner.organization)
    page = "/account/deletion"
    assert (await town.browser().get(page)).headers["Location"] == "/account/sign-in?next=%2Faccount%2Fdeletion"
    is_page(await owner.browser.fill(page, password="violet tram"), 400)
    gone = await owner.browser.fill(page, password=PASSWORD)
    assert gone.headers["Location"] == "/account/sign-in?said=deleted"
    assert owner.browser.session is None
    assert (await town.browser().sign_in(owner.email)).status_code == 400
    refused = await other.browser.fill(page, password=PASSWORD)
    is_page(refused, 400)
    assert "Bureau has no other owner." in refused.text
    assert "owner: everything" in (await other.browser.get(other.page)).text
    log = await story(town, await town.service.key(), owner.member, 2)
    assert (log[1]["type"], log[1]["actor"]) == ("engage.member.deleted.v1", f"person:{owner.id}")


async def expect_events(town: Town, key: str, invitation: str, word: str) -> None:
    """The log says what became of an invitation, and who did that."""
    found = await story(town, key, invitation, 2)
    assert [one["type"] for one in found] == ["engage.invitation.created.v1", f"engage.invitation.{word}.v1"]
    assert found[1]["actor"].startswith("person:acc_")


def forms() -> list[tuple[str, Scope | None]]:
    """Every form below an organization, with the scope that its route declares."""
    declared = {
        f"{desk.HOME}/{{organization}}/invitations": Scope.MEMBERS_WRITE,
        f"{desk.HOME}/{{organization}}/members": Scope.MEMBERS_WRITE,
        f"{desk.HOME}/{{organization}}/leave": None,
        f"{desk.HOME}/{{organization}}/approvals": Scope.ADMIN_ORGANIZATIONS,
        f"{desk.HOME}/{{organization}}/applications/new": Scope.APPLICATIONS_WRITE,
        f"{desk.HOME}/{{organization}}/applications/{{application}}/edit": Scope.APPLICATIONS_WRITE,
        f"{desk.HOME}/{{organization}}/applications/{{application}}/keys": Scope.KEYS_WRITE,
        f"{desk.HOME}/{{organization}}/applications/{{application}}/secrets": Scope.APPLICATIONS_WRITE,
    }
    return list(declared.items())


async def test_no_form_does_what_a_role_does_not_allow(town: Town) -> None:
    """Each form by each role, by somebody of another organization, by nobody, and from elsewhere."""
    looks = {f"{desk.HOME}/{{organization}}", f"{desk.HOME}/{{organization}}/applications/{{application}}"}
    every = {one.path for one in (*pages.routes, *program_pages.routes) if "{organization}" in one.path}
    assert {path for path, _ in forms()} == every - looks
    owner = await member(town)
    at = await application(owner)
    people = {role: await member(town, role, owner.organization) for role in ROLES}
    stranger = await member(town)
    cells = 0
    for path, scope in forms():
        place = path.format(organization=owner.organization, application=at.rpartition("/")[2])
        for role, who in people.items():
            if scope is None:
                continue
            answer = await send(who.browser, place)
            allowed = scope is not Scope.ADMIN_ORGANIZATIONS and (
                role == "owner" or (role == "developer" and scope is not Scope.MEMBERS_WRITE)
            )
            assert (answer.status_code == 403) == (not allowed), (path, role, answer.status_code)
            assert ("Your role does not allow this" in answer.text) == (not allowed)
            assert (await who.browser.post(place, data={"form": "x" * 43})).status_code == 403  # not a form of ours
            cells += 2
        is_page(await send(stranger.browser, place), 404)
        is_page(await town.browser().post(place, data={}), 403)
        cells += 2
    assert cells >= 50
    for path in looks:
        place = path.format(organization=owner.organization, application=at.rpartition("/")[2])
        for who in people.values():
            assert (await who.browser.get(place)).status_code == 200
        is_page(await stranger.browser.get(place), 404)
        assert (await town.browser().get(place)).headers["Location"].startswith("/account/sign-in?next=")
    is_page(await stranger.browser.get(stranger.page + at), 404)  # the application of another organization


async def send(browser: Browser, place: str) -> httpx.Response:
    """An empty form, which does nothing where it is allowed."""
    sealed = await browser.form("/account", "/account/sign-out")
    return await browser.post(place, data=sealed)


async def test_the_operators_owners_let_organizations_in(town: Town) -> None:
    pending, others = await party(town, approved=False), await party(town, approved=False)
    owner = await member(town, organization="org_operator")
    page = (await owner.browser.get(owner.page)).text
    assert pending in page
    for role in ("developer", "viewer"):
        less = await member(town, role, "org_operator")
        assert pending not in (await less.browser.get(less.page)).text
        assert (await less.post("/approvals", which=pending, to="approved")).status_code == 403
    approved = await owner.post("/approvals", which=pending, to="approved")
    assert approved.headers["Location"] == f"{owner.page}?said=approved"
    assert (await owner.post("/approvals", which=others, to="suspended")).status_code == 303
    page = (await owner.browser.get(owner.page)).text
    assert pending not in page
    assert others not in page
    is_page(await owner.post("/approvals", which=pending, to="pending"), 409)
    is_page(await owner.post("/approvals", which="org_none", to="approved"), 404)
    is_page(await owner.post("/approvals", which="org_operator", to="suspended"), 409)
    is_page(await owner.post("/approvals", which=pending, to="sold"), 400)
    internal = await member(town, organization=await party(town, "internal"))
    is_page(await internal.post("/approvals", which=pending, to="suspended"), 403)


async def test_in_a_suspended_organization_nothing_is_done(town: Town) -> None:
    key, owner = await town.service.key(), await member(town)
    at = await application(owner)
    made = (await invite(town, key, owner.organization, owner.email)).json["id"]
    guest = await member(town)
    for_guest = (await invite(town, key, owner.organization, guest.email)).json["id"]
    path = f"/v1/organizations/{owner.organization}/transitions"
    assert (await town.service.ask("POST", path, {"to": "suspended"}, key=key)).status == 200
    assert "None of its keys" in (await owner.browser.get(owner.page)).text
    for form, fields in (
        ("/invitations", {"withdraw": made}),
        ("/applications/new", WANTED),
        (f"{at}/keys", {"name": "A"}),
        (f"{at}/secrets", {"environment": "test"}),
    ):
        is_page(await owner.post(form, **fields), 409)
    is_page(await guest.browser.fill(f"/account/invitations/{for_guest}", answer="accept"), 409)
