"""Invitations: by mail, for one address, for seven days, once; and what is left of them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, select, update

from engage_api.access import operator
from engage_api.access.accounts.mail import Mail, Undelivered
from engage_api.access.members import housekeeping, invitations
from engage_api.access.members.letters import Wanted, Writer
from engage_api.access.members.models import InvitationAddressRow, InvitationRow
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.db import Query
from engage_api.jobs.registry import Later
from tests.accounts.browsing import Town, is_page
from tests.members.people import member, story
from tests.running import Answer

_invitation, _address = InvitationRow.__table__, InvitationAddressRow.__table__  # type: ignore[attr-defined]
ADDRESSES = Query(select(_address.c.folded))
EXPIRE = Query(update(_invitation).where(_invitation.c.id == bindparam("at_id")).values(expires_at=bindparam("past")))


async def invite(town: Town, key: str, organization: str, email: str, role: str = "developer") -> Answer:
    path = f"/v1/organizations/{organization}/invitations"
    return await town.service.ask("POST", path, {"email": email, "role": role}, key=key)


async def opened(town: Town, key: str, organization: str) -> list[str]:
    answer = await town.service.ask("GET", f"/v1/organizations/{organization}/invitations", key=key)
    return [one["id"] for one in answer.json["items"]]


async def addresses(town: Town) -> set[str]:
    return {row[0] for row in await town.accounts.db.system.raw(ADDRESSES, None)}


async def expire(town: Town, invitation: str) -> None:
    """Let a week go by for it, and the sweep come."""
    async with town.accounts.db.system.write(None) as tx:
        await tx.run(EXPIRE, at_id=invitation, past=clock.business(LIVE) - timedelta(seconds=1))
    job: Any = None  # it asks nothing of it
    await housekeeping.sweep_invitations(town.accounts.db, job)
    await invitations.expire(town.accounts.db, await operator.principal(town.accounts.db, LIVE), invitation)  # again


async def test_an_invitation_is_mailed_seen_and_withdrawn(town: Town) -> None:
    key, owner, email = await town.service.key(), await member(town), town.somebody()
    made = await invite(town, key, owner.organization, email.capitalize())
    assert made.status == 201, made.body
    invitation = made.json["id"]
    assert made.json["hint"] == "P…@example.org"
    assert made.header("location") == f"/v1/invitations/{invitation}"
    mail = await town.mail(email.capitalize())
    assert f"/account/invitations/{invitation}" in mail.text
    assert all(word in mail.text for word in ('"Operator"', '"Bureau"', "developer"))
    assert (await town.service.ask("GET", f"/v1/invitations/{invitation}", key=key)).body == made.body
    assert await opened(town, key, owner.organization) == [invitation]
    assert email in await addresses(town)

    again = await invite(town, key, owner.organization, email.upper(), "viewer")
    assert (again.status, again.code) == (409, "already-invited")
    assert (await town.service.ask("DELETE", f"/v1/invitations/{invitation}", key=key)).status == 204
    assert await opened(town, key, owner.organization) == []
    assert email not in await addresses(town)
    assert (await town.service.ask("DELETE", f"/v1/invitations/{invitation}", key=key)).status == 404
    assert (await invite(town, key, owner.organization, email, "viewer")).status == 201


async def test_a_partys_own_invitations_are_its_affair(town: Town) -> None:
    ours, theirs = await town.service.application(), await town.service.application()
    mine, foreign = await town.service.key(who=ours), await town.service.key(who=theirs)
    organization = f"org_{ours.id}"
    made = await invite(town, mine, organization, town.somebody(), "owner")
    assert made.json["invitedBy"] == "Test"
    for method, path in (
        ("GET", f"/v1/invitations/{made.json['id']}"),
        ("DELETE", f"/v1/invitations/{made.json['id']}"),
        ("GET", f"/v1/organizations/{organization}/invitations"),
    ):
        assert (await town.service.ask(method, path, key=foreign)).status == 404
    assert (await invite(town, foreign, organization, town.somebody())).status == 404
    sandbox = await town.service.key(who=await town.service.sandbox())
    assert (await invite(town, sandbox, organization, town.somebody())).code == "needs-live"
    assert await opened(town, mine, organization) == [made.json["id"]]
    guest = await member(town)
    link = f"/account/invitations/{(await invite(town, mine, organization, guest.email)).json['id']}"
    revoke = f"/v1/applications/{ours.id}/transitions"
    moved = await town.service.ask("POST", revoke, {"to": "revoked"}, key=await town.service.key())
    assert moved.status == 200, moved.body
    is_page(await guest.browser.fill(link, answer="accept"), 409)  # nor does it outlive its application


async def test_addresses_that_no_mail_reaches_are_refused(town: Town) -> None:
    key, owner = await town.service.key(), await member(town)
    for wrong in (
        "",
        "ada",
        "a@b@c.org",
        "a b@example.org",
        "ada@example.org\r\nBcc: x@y.org",
        "ada@example.org\n",
        "\uff41@example.org",
        7,
    ):
        answer = await invite(town, key, owner.organization, wrong)  # type: ignore[arg-type]
        assert answer.code == "invalid-request", wrong
        assert [fault["pointer"] for fault in answer.json["errors"]] == ["/email"]
    assert await opened(town, key, owner.organization) == []


async def test_twenty_at_most_however_many_are_asked_for_at_once(town: Town) -> None:
    key, owner = await town.service.key(), await member(town)
    for _ in range(invitations.MOST - 3):
        assert (await invite(town, key, owner.organization, town.somebody())).status == 201
    calls = [invite(town, key, owner.organization, town.somebody()) for _ in range(8)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 5
    assert {answer.code for answer in answers if answer.status == 409} == {"too-many-invitations"}


async def test_of_one_address_invited_many_times_at_once_one_is_open(town: Town) -> None:
    key, owner, email = await town.service.key(), await member(town), town.somebody()
    answers = await asyncio.gather(*(invite(town, key, owner.organization, email) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 4 + [429] * 3  # five mails in ten minutes


async def test_a_week_later_it_is_gone_and_its_address_with_it(town: Town) -> None:
    key, owner, email = await town.service.key(), await member(town), town.somebody()
    made = (await invite(town, key, owner.organization, email)).json
    assert clock.business(LIVE) + timedelta(days=7, minutes=-1) < datetime.fromisoformat(made["expiresAt"])
    other = (await invite(town, key, owner.organization, town.somebody())).json["id"]
    await expire(town, made["id"])
    assert await opened(town, key, owner.organization) == [other]
    assert email not in await addresses(town)
    found = await story(town, key, made["id"], 2)
    assert [one["type"] for one in found] == ["engage.invitation.created.v1", "engage.invitation.expired.v1"]
    assert email.partition("@")[0] not in str(found)  # the log keeps the hint alone


class Away:
    """A mail server that nobody reaches."""

    async def send(self, mail: Mail) -> None:
        raise Undelivered(f"away: {mail.subject}")


class Job:
    """What a writer of mails asks of one."""

    def __init__(self, invitation: str) -> None:
        self.payload = Wanted(invitation=invitation)


async def test_mails_wait_for_a_mail_server_and_are_not_written_for_nothing(town: Town) -> None:
    key, owner, email = await town.service.key(), await member(town), town.somebody()
    made = (await invite(town, key, owner.organization, email)).json["id"]
    await town.mail(email)
    db, writer = town.accounts.db, Writer(None, "http://engage.test")
    job: Any = Job(made)
    with pytest.raises(Later, match="ENGAGE_SMTP_URL"):
        await writer.deliver(db, job)
    with pytest.raises(Later, match="away"):
        await Writer(Away(), "http://engage.test").deliver(db, job)
    job = Job("inv_gone")
    await writer.deliver(db, job)


async def test_names_in_a_mail_are_short_and_on_one_line(town: Town) -> None:
    key, email = await town.service.key(), town.somebody()
    body = {"name": "Prize\r\n\r\nBcc: all\u202e " + "x" * 150, "kind": "partner"}
    organization = (await town.service.ask("POST", "/v1/organizations", body, key=key)).json["id"]
    await invite(town, key, organization, email)
    [line] = [line for line in (await town.mail(email)).text.splitlines() if "Prize" in line]
    assert '"Prize Bcc: all xxx' in line
    assert len(line) < 200
    assert line.isprintable()


async def test_an_invitation_holds_as_long_as_its_inviter_could_send_it(town: Town) -> None:
    """Somebody who is let go does not come back by their own invitation; nor does a lesser role give a greater."""
    key, owner = await town.service.key(), await member(town)
    for verb, body, role in (
        ("DELETE", None, "owner"),
        ("PATCH", {"role": "developer"}, "viewer"),
        ("PATCH", {"role": "viewer"}, "owner"),
    ):
        inviter, guest = await member(town, "owner", owner.organization), await member(town)
        await inviter.post("/invitations", email=guest.email, role=role)
        [made] = await opened(town, key, owner.organization)
        match = [("If-Match", "*")]
        changed = await town.service.ask(verb, f"/v1/members/{inviter.member}", body, key=key, headers=match)
        assert changed.status in (200, 204)
        link = f"/account/invitations/{made}"
        answer = await guest.browser.fill(link, answer="accept")
        is_page(answer, 409)
        assert "may not do that any more" in answer.text
        assert (await guest.browser.get(owner.page)).status_code == 404
        assert (await guest.browser.fill(link, answer="decline")).status_code == 303
