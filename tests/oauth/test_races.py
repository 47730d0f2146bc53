"""One code and one refresh token, shown by many at once: one is first (RFC 9700 sections 4.5 and 4.14)."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import bindparam, select

from engage_api.access.accounts.attempts import Policy
from engage_api.access.oauth import authorize, consents, endpoints, store
from engage_api.access.oauth.models import OauthConsentRow
from engage_api.db import Query
from engage_api.http.windows import Seconds
from tests.accounts.browsing import Town
from tests.counts import Count
from tests.members.people import Person
from tests.oauth.programs import Program
from tests.oauth.test_ends import opens
from tests.oauth.test_refresh import later, refused
from tests.running import Answer

_consent = OauthConsentRow.__table__  # type: ignore[attr-defined]
CONSENTS = Query(select(_consent.c.id).where(_consent.c.account_id == bindparam("account")))
AT_ONCE = 50
ROUNDS = 100 if "ENGAGE_TEST_MINUTES" in os.environ else 5  # of each kind, on each database


Race = Callable[[Town, Program, Person], Awaitable[None]]


async def code_race(town: Town, program: Program, ada: Person) -> None:
    """One gets tokens. That others showed the same code says that somebody has it who should not: they end."""
    code = (await program.allowed(ada.browser))["code"]
    answers = await asyncio.gather(*(program.redeem(code) for _ in range(AT_ONCE)))
    [first] = winners(answers)
    assert not await opens(town.service, first["access_token"])
    refused(await program.refresh(first["refresh_token"]))


async def refresh_race(town: Town, program: Program, ada: Person) -> None:
    """One is first, and for ten seconds the others get the very same: the family has one newest token."""
    got = await program.tokens(ada.browser)
    answers = await asyncio.gather(*(program.refresh(got["refresh_token"]) for _ in range(AT_ONCE)))
    after = winners(answers)
    assert len(after) == AT_ONCE
    [newest] = {one["refresh_token"] for one in after}
    assert await opens(town.service, after[-1]["access_token"])
    async with asyncio.timeout(20):
        last = (await program.refresh(newest)).json
    with later(seconds=11):
        late = await asyncio.gather(*(program.refresh(got["refresh_token"]) for _ in range(5)))
        assert winners(late) == []
        assert not any([await opens(town.service, one["access_token"]) for one in (after[0], last)])
        refused(await program.refresh(last["refresh_token"]))


def winners(answers: list[Answer]) -> list[dict[str, str]]:
    """The tokens of those who got some; all others were refused in one way."""
    for answer in answers:
        if answer.status != 200:
            refused(answer)
    return [answer.json for answer in answers if answer.status == 200]


@pytest.mark.soak
@pytest.mark.parametrize("race", [code_race, refresh_race])
async def test_of_fifty_at_once_one_is_first(
    town: Town, program: Program, ada: Person, race: Race, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "EACH_CLIENT", Seconds(1_000_000, 60, "oauth-client"))
    monkeypatch.setattr(authorize, "ALLOW", Policy(*[Seconds(1_000_000, 60, name) for name in ("allow", "account")]))
    for _ in range(ROUNDS):
        await race(town, program, ada)
    count("OAuth races", rounds=ROUNDS, at_once=ROUNDS * AT_ONCE)


async def test_whoever_agrees_twice_at_once_has_one_consent_and_two_grants(program: Program, ada: Person) -> None:
    page = program.path(scope="customers:read cases:read")
    await program.allowed(ada.browser, scope="customers:read cases:read")
    answers = await asyncio.gather(*(ada.browser.get(page) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {303: 20}


async def test_the_end_of_a_consent_and_a_refresh_at_once_leave_nothing(
    town: Town, program: Program, ada: Person
) -> None:
    for _ in range(5):
        got = await program.tokens(ada.browser)
        [row] = await town.service.db.system.fetch(CONSENTS, None, account=ada.id)
        answers = await asyncio.gather(
            *(program.refresh(got["refresh_token"]) for _ in range(10)),
            consents.take_back(town.service.db, ada.id, row.id),
            *(program.refresh(got["refresh_token"]) for _ in range(10)),
        )
        town.service.services.doorkeeper.forget_all()
        for answer in answers:
            if isinstance(answer, Answer):
                assert answer.status in (200, 400)
                if answer.status == 200:
                    assert not await opens(town.service, answer.json["access_token"])


async def test_a_planted_fault_is_found(
    town: Town, program: Program, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks first and writes then lets several in."""

    async def everybody(*_: object) -> bool:
        return True

    monkeypatch.setattr(store, "redeem", everybody)
    with pytest.raises((AssertionError, ValueError)):
        await code_race(town, program, ada)
