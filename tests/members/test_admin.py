"""`engage admin`: the first owner, who is let in; and that who is deleted leaves no empty chair."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engage_api.access.accounts import operator as people
from engage_api.access.members import admin, service
from engage_api.access.members.service import LastOwner
from engage_api.access.operator import Unknown
from engage_api.access.organizations.models import OrganizationCreate
from engage_api.access.worlds import LIVE
from engage_api.cli import app
from engage_api.db import open_database, reader
from tests.accounts.browsing import ANOTHER, PASSWORD, Town, is_page
from tests.members.people import member, party, story


async def test_the_first_owner_chooses_a_password_and_is_in(town: Town) -> None:
    email = town.somebody()
    made = await admin.create_owner(town.accounts, email.upper(), "Grace")
    assert made.email == email.upper()
    path = made.link.removeprefix(town.base_url)
    assert (await town.browser().fill(path, password=PASSWORD)).status_code == 303
    is_page(await town.browser().get(path), 410)  # once
    browser = await town.signed_in(email)
    page = await browser.get("/account/organizations/org_operator")
    assert "owner: everything" in page.text
    assert "Grace" in page.text
    again = await admin.create_owner(town.accounts, email)
    assert (again.account, again.link) == (made.account, "")
    with pytest.raises(Unknown, match="has a password already"):
        await admin.create_owner(town.accounts, email, password=ANOTHER)


async def test_a_password_may_be_given(town: Town) -> None:
    email = town.somebody()
    for weak in ("password1234", "short"):
        with pytest.raises(Unknown, match="the password will not do"):
            await admin.create_owner(town.accounts, email, password=weak)
    assert (await admin.create_owner(town.accounts, email, password=ANOTHER)).link == ""
    browser = town.browser()
    assert (await browser.sign_in(email, ANOTHER)).status_code == 303
    assert (await browser.get("/account/organizations/org_operator")).status_code == 200


async def test_nobody_has_prepared_the_account_of_an_owner(town: Town) -> None:
    email = town.somebody()
    link = await town.pending(email)  # with a password that somebody else may know
    await admin.create_owner(town.accounts, email)
    is_page(await town.browser().get(link), 410)
    assert (await town.browser().sign_in(email, PASSWORD)).status_code == 400
    for wrong in ("ada", ""):
        with pytest.raises(Unknown, match="no e-mail address"):
            await admin.create_owner(town.accounts, wrong)
    account = await people.disable(town.accounts.db, email)
    with pytest.raises(Unknown, match="disabled"):
        await admin.create_owner(town.accounts, email)
    assert account.startswith("acc_")


async def test_a_member_becomes_an_owner(town: Town) -> None:
    viewer = await member(town, "viewer", "org_operator")
    await admin.create_owner(town.accounts, viewer.email)
    assert "owner: everything" in (await viewer.browser.get(viewer.page)).text


async def test_organizations_are_listed_approved_and_suspended(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    db, pending = town.accounts.db, await party(town, approved=False)
    monkeypatch.setattr(reader, "MANY", 1)
    found = {one["id"]: one["state"] for one in map(json.loads, await admin.listed(db, None))}
    assert found[pending] == "pending"
    assert found["org_operator"] == "approved"
    for to in ("approved", "suspended"):
        await admin.move(db, pending, to)
        assert pending in [json.loads(one)["id"] for one in await admin.listed(db, to)]
    assert pending not in [json.loads(one)["id"] for one in await admin.listed(db, "pending")]
    with pytest.raises(Unknown, match="no organization 'org_none'"):
        await admin.move(db, "org_none", "approved")


async def test_who_is_deleted_leaves_and_the_last_owner_stays(town: Town) -> None:
    db, key = town.accounts.db, await town.service.key()
    owner = await member(town)
    other = await member(town, "developer", owner.organization)
    with pytest.raises(LastOwner):
        await people.delete(db, owner.email)
    assert (await owner.browser.get(owner.page)).status_code == 200
    await people.delete(db, other.email)
    log = await story(town, key, other.member, 2)
    assert [one["type"] for one in log] == ["engage.member.created.v1", "engage.member.deleted.v1"]
    await member(town, "owner", owner.organization)
    assert await people.delete(db, owner.email) == owner.id
    assert (await town.service.ask("GET", f"/v1/members/{owner.member}", key=key)).status == 404


async def _start(url: str) -> str:
    db = await open_database(url)
    account = (await people.people(db))[0]["id"]
    async with db.write(LIVE) as tx:
        made = await service.start(tx, (account, "Ada"), OrganizationCreate(name="Bakers", kind="developer"))
    await db.close()
    return made


def _engage(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["admin", *arguments], input=typed)


def test_at_the_command_line(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("ENGAGE_DATA_DIR", str(tmp_path))
    made = _engage("create-owner", "ada@example.org")
    assert made.exit_code == 0, made.output
    assert "ada@example.org is an owner" in made.stdout
    assert "/account/reset?token=" in made.stdout
    assert "at another port" in made.stdout
    told = json.loads(_engage("create-owner", "ada@example.org", "--json").stdout)
    assert told["link"] == ""
    typed = _engage("create-owner", "grace@example.org", "--password-stdin", typed=f"{PASSWORD}\n")
    assert typed.stdout == "grace@example.org is an owner of the operator's organization.\n"
    assert PASSWORD not in typed.output
    assert _engage("organizations").stdout == "org_operator  approved  internal  Operator\n"
    assert json.loads(_engage("organizations", "--state", "pending", "--json").stdout) == {"items": []}
    started = asyncio.run(_start(sqlite_url))
    assert _engage("approve", started).stdout == f"{started} is approved.\n"
    again = _engage("approve", started)
    assert (again.exit_code, again.stdout) == (0, f"{started} is approved already.\n")
    assert json.loads(_engage("suspend", started, "--json").stdout) == {"id": started, "state": "suspended"}
    for verb in ("approve", "suspend"):
        failed = _engage(verb, "org_none")
        assert (failed.exit_code, "there is no organization 'org_none'" in failed.output) == (1, True)
    own = _engage("suspend", "org_operator")
    assert own.exit_code == 1
    assert "Traceback" not in own.output
