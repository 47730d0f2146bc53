"""What the pages say of whether somebody has an account: nothing, in the same words and with the same work."""

import pytest

from engage_api.access.accounts import store
from engage_api.core import clock
from tests.accounts.browsing import ANOTHER, PASSWORD, Town, told
from tests.accounts.conftest import Counting

KINDS = ("known", "unknown", "unconfirmed", "disabled")


async def _people(town: Town) -> dict[str, str]:
    people = {"known": await town.person(), "unknown": town.somebody(), "unconfirmed": town.somebody()}
    people["disabled"] = await town.person()
    await town.pending(people["unconfirmed"])
    row = await store.by_address(town.accounts.db, people["disabled"])
    async with town.accounts.db.system.write(None) as tx:
        await store.disable(tx, row.id, clock.host())
    return people


@pytest.mark.parametrize(
    ("path", "password"),
    [
        ("/account/sign-in", ANOTHER),
        ("/account/sign-up", ANOTHER),
        ("/account/sign-up", "password1234"),
        ("/account/reset", ANOTHER),
    ],
)
async def test_every_address_gets_the_same_answer_for_the_same_work(town: Town, path: str, password: str) -> None:
    people = await _people(town)
    answers, hashes = [], []
    for kind in KINDS:
        before = _computed(town)
        answer = await town.browser().fill(path, name="Eve", email=people[kind], password=password)
        answers.append(told(answer, people[kind]))
        hashes.append(_computed(town) - before)
    assert answers[1:] == answers[:-1]
    assert hashes == [0 if path == "/account/reset" or password == "password1234" else 1] * len(KINDS)


def _computed(town: Town) -> int:
    hasher = town.accounts.passwords._hasher
    assert isinstance(hasher, Counting)
    return hasher.computed


async def test_who_knows_the_password_of_an_unconfirmed_account_learns_nothing_either(town: Town) -> None:
    """Else Eve would sign an address up, and sign in to see whether that was new."""
    people = await _people(town)
    answers = [
        told(await town.browser().sign_in(people[kind], PASSWORD), people[kind])
        for kind in ("unknown", "unconfirmed", "disabled")
    ]
    assert answers[1:] == answers[:-1]
    assert answers[0][0] == 400


async def test_who_tries_too_often_waits_whoever_they_are(town: Town) -> None:
    people, statuses = await _people(town), {}
    for kind in ("known", "unknown"):
        browser = town.browser()
        statuses[kind] = [(await browser.sign_in(people[kind], ANOTHER)).status_code for _ in range(12)]
        refused = await browser.sign_in(people[kind], PASSWORD)
        assert (refused.status_code, refused.headers["Retry-After"].isdecimal()) == (429, True)
    assert statuses["known"] == statuses["unknown"] == [400] * 10 + [429] * 2


async def test_nobody_keeps_a_person_out_from_one_address(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.seconds()
    monkeypatch.setattr(clock, "seconds", lambda: now)  # all within one minute
    email, eve = await town.person(), town.browser()
    statuses = [(await eve.sign_in(email, ANOTHER)).status_code for _ in range(25)]
    assert statuses == [400] * 10 + [429] * 15
    assert (await town.browser().sign_in(email)).status_code == 303


async def test_an_account_that_many_addresses_try_waits(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.seconds()
    monkeypatch.setattr(clock, "seconds", lambda: now)  # all within one minute
    email, statuses = await town.person(), []
    for _ in range(11):
        eve = town.browser()
        statuses += [(await eve.sign_in(email, ANOTHER)).status_code for _ in range(10)]
    assert statuses == [400] * 100 + [429] * 10


async def test_an_address_that_tries_many_accounts_waits(town: Town) -> None:
    browser = town.browser("203.0.113.7")
    statuses = [(await browser.sign_in(town.somebody(), ANOTHER)).status_code for _ in range(32)]
    assert statuses == [400] * 30 + [429] * 2


async def test_nobody_is_flooded_with_mails(town: Town) -> None:
    email = await town.person()
    ways = ["/account/reset", "/account/sign-up"] * 4
    sent = [await town.browser().fill(way, name="Eve", email=email, password=ANOTHER) for way in ways]
    statuses = [answer.status_code for answer in sent]
    assert statuses == [200] * 4 + [429] * 4  # one was the sign-up of the person themselves
    assert len(town.mails(email)) <= 5
