"""A consent, and the end of all sessions at the same time: nothing is agreed to in a session that has ended."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import bindparam, delete

from engage_api.access.accounts import attempts, store
from engage_api.access.members.models import MemberRow
from engage_api.access.oauth import agreement, clients, consents
from engage_api.db import Query
from tests.accounts.browsing import Town, is_page
from tests.members.people import Person
from tests.oauth.programs import Program, said
from tests.oauth.test_device import ask, begin, decided, says, typed

_member = MemberRow.__table__  # type: ignore[attr-defined]
LEAVE = Query(delete(_member).where(_member.c.account_id == bindparam("account")))


async def locked_out(town: Town, ada: Person) -> None:
    """Their password is reset."""
    async with town.service.db.system.write(None) as tx:
        await store.shut_out(tx, ada.id)


async def gone(town: Town, ada: Person) -> None:
    """Their account is deleted."""
    async with town.service.db.system.write(None) as tx:
        await tx.run(LEAVE, account=ada.id)
        await store.remove(tx, ada.id)


async def remembered(town: Town, ada: Person) -> list[Any]:
    return await consents.consents(town.service.db, ada.id, 10)


@pytest.mark.parametrize("end", [locked_out, gone])
async def test_nothing_is_agreed_to_in_a_session_that_ends_meanwhile(
    town: Town, program: Program, ada: Person, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends after the last look at it, and before anything is written."""
    began = await begin(program)
    page, device = await ada.browser.get(program.path()), await typed(ada.browser, began["user_code"])
    assert (page.status_code, device.status_code) == (200, 200)
    spend = attempts.spend

    async def slow(*given: Any) -> None:
        await spend(*given)
        await end(town, ada)

    with monkeypatch.context() as patch:
        patch.setattr(attempts, "spend", slow)
        is_page(await said(ada.browser, page, "allow"), 403)
    assert await remembered(town, ada) == []
    if end is locked_out:
        await ada.browser.sign_in(ada.email)
        device = await typed(ada.browser, began["user_code"])
        with monkeypatch.context() as patch:
            patch.setattr(attempts, "spend", slow)
            is_page(await decided(ada.browser, device), 403)
        assert await remembered(town, ada) == []
    says(await ask(program, began["device_code"]), "authorization_pending")


async def test_a_reset_waits_for_who_was_first_and_ends_what_they_wrote(
    town: Town, program: Program, ada: Person
) -> None:
    db, client = town.service.db, await clients.find(town.service.db, program.who.id)
    account = await town.accounts.who(ada.browser.session or "")
    assert account is not None
    async with db.system.write(None) as tx:
        await agreement.begin(tx, client, account, "live", ["customers:read"])
        resetting = asyncio.create_task(locked_out(town, ada))
        done, _ = await asyncio.wait({resetting}, timeout=0.2)
        assert not done
    await resetting
    assert await remembered(town, ada) == []
