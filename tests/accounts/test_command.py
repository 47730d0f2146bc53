"""`engage accounts`: who there is, and who is let in."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engage_api.access.accounts import emails, operator, store
from engage_api.access.operator import Unknown
from engage_api.cli import app
from engage_api.db import open_database
from tests.accounts.browsing import PASSWORD, Town, is_signed_in


async def test_an_operator_sees_stops_and_removes_people(town: Town) -> None:
    db, email, pending = town.accounts.db, await town.person(), town.somebody()
    await town.pending(pending)
    browser, link = await town.signed_in(email), await town.reset_link(email)
    found = {one["email"]: one for one in await operator.people(db)}
    assert (found[email]["state"], found[pending]["state"]) == ("confirmed", "unconfirmed")
    assert found[email].keys() == {"id", "email", "name", "state", "createdAt", "signedInAt"}

    account = found[email]["id"]
    assert await operator.disable(db, email.upper()) == account
    assert not await is_signed_in(browser)
    assert (await town.browser().sign_in(email)).status_code == 400
    assert await operator.enable(db, account) == account
    assert not await is_signed_in(browser)  # what has ended does not come back
    assert (await browser.get(link)).status_code == 410
    assert (await town.browser().sign_in(email, PASSWORD)).status_code == 303
    assert await operator.delete(db, account) == account
    for gone in (account, email, "' OR 1=1"):
        with pytest.raises(Unknown):
            await operator.disable(db, gone)


async def _sign_up(url: str) -> str:
    email = emails.read("Ada@example.org")
    assert email is not None
    db = await open_database(url)
    async with db.system.write(None) as tx:
        await store.sign_up(tx, email, "Ada", "a hash")
    row = await store.by_address(db, email.folded)
    await db.close()
    return str(row.id)


def _engage(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["accounts", *arguments])


def test_at_the_command_line(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("ENGAGE_DATA_DIR", str(tmp_path))
    assert json.loads(_engage("list", "--json").stdout) == {"items": []}
    account = asyncio.run(_sign_up(sqlite_url))
    (listed,) = json.loads(_engage("list", "--json").stdout)["items"]
    assert (listed["id"], listed["state"], listed["signedInAt"]) == (account, "unconfirmed", None)
    assert _engage("list").stdout == f"{account}  unconfirmed  Ada@example.org  Ada\n"
    assert _engage("disable", account).stdout == f"{account} is disabled.\n"
    assert json.loads(_engage("delete", "ada@example.org", "--json").stdout) == {"id": account, "deleted": True}
    for verb in ("disable", "enable", "delete"):
        done = _engage(verb, "ada@example.org")
        assert done.exit_code == 1
        assert "there is no account 'ada@example.org'" in done.output
