"""Many at once: a link is used by one, an address has one account, a session begins with the password that holds."""

import asyncio
from typing import Any

from engage_api.access.accounts import emails, store
from engage_api.access.accounts.models import Visitor
from engage_api.access.accounts.refusals import Gone
from tests.accounts.browsing import ANOTHER, PASSWORD, Town
from tests.counts import Count

AT_ONCE, ROUNDS = 50, 5
HERE = Visitor("test", "127.0.0.1")


async def test_one_of_fifty_uses_a_link_to_choose_a_password(town: Town, count: Count) -> None:
    for _ in range(ROUNDS):
        email = await town.person()
        token = (await town.reset_link(email)).partition("=")[2]
        passwords = [f"{ANOTHER} {number}" for number in range(AT_ONCE)]
        done = await asyncio.gather(
            *(town.accounts.reset(token, password) for password in passwords), return_exceptions=True
        )
        won = [password for password, result in zip(passwords, done, strict=True) if result is None]
        assert len(won) == 1, done
        assert sum(isinstance(result, Gone) for result in done) == AT_ONCE - 1, done
        assert (await town.browser().sign_in(email, won[0])).status_code == 303
    count("account links", raced=ROUNDS * AT_ONCE, won=ROUNDS)


async def test_one_of_fifty_uses_a_link_to_confirm(town: Town, count: Count) -> None:
    for _ in range(ROUNDS):
        token = (await town.pending(town.somebody())).partition("=")[2]
        done: list[Any] = await asyncio.gather(
            *(town.accounts.confirm(token, PASSWORD, HERE) for _ in range(AT_ONCE)), return_exceptions=True
        )
        assert sum(isinstance(result, str) for result in done) == 1, done
        assert sum(isinstance(result, Gone) for result in done) == AT_ONCE - 1, done
    count("account links", raced=ROUNDS * AT_ONCE, won=ROUNDS)


async def test_fifty_sign_ups_of_one_address_are_one_account(town: Town) -> None:
    email = emails.read(town.somebody())
    assert email is not None
    await asyncio.gather(*(town.accounts.sign_up(email, f"Ada {n}", f"{PASSWORD} {n}") for n in range(AT_ONCE)))
    found = [row for row in await store.everybody(town.accounts.db) if row.folded == email.folded]
    assert len(found) == 1


async def test_one_of_ten_changes_a_password(town: Town) -> None:
    account = await town.accounts.who((await town.signed_in()).session or "")
    assert account is not None
    passwords = [f"{ANOTHER} {number}" for number in range(10)]
    done = await asyncio.gather(*(town.accounts.change_password(account, PASSWORD, new) for new in passwords))
    assert sorted(done) == [False] * 9 + [True]


async def test_no_session_outlives_the_password_that_began_it(town: Town) -> None:
    """Sign-ins with the old password race with a reset: whoever got in before it is out after it."""
    for _ in range(ROUNDS):
        email = await town.person()
        known = emails.read(email)
        token = (await town.reset_link(email)).partition("=")[2]
        *cookies, reset = await asyncio.gather(
            *(town.accounts.sign_in(known, PASSWORD, HERE) for _ in range(20)), town.accounts.reset(token, ANOTHER)
        )
        assert reset is None
        assert [cookie for cookie in cookies if cookie and await town.accounts.who(cookie)] == []
