"""What one partner has linked is nothing to another: neither a record nor a place that is taken."""

from tests.accounts.browsing import Browser, Town
from tests.me.desk import SCOPES, Desk, said
from tests.members.people import party
from tests.oauth import programs
from tests.running import Answer, Application


async def live(town: Town, organization: str = "", kind: str = "partner") -> Desk:
    """An application in the live workspace, with a customer there."""
    place = organization or await party(town, kind)  # type: ignore[arg-type]
    program = await programs.make(town, scopes=SCOPES, organization=place)
    desk = Desk(town, program.at(program.live), await town.service.key(who=Application(program.application, "live")))
    made = await desk.ask("POST", "/customers", {"kind": "person", "displayName": program.application})
    desk.customer = made.json["id"]
    return desk


async def scope(desk: Desk, browser: Browser) -> str:
    back = await desk.program.allowed(browser, scope="me:read openid")
    return str((await desk.program.redeem(back["code"])).json["scope"])


async def test_a_link_counts_for_who_asked_for_it(town: Town) -> None:
    ours, theirs = await live(town), await live(town)
    beside = await live(town, ours.program.organization)
    house = await live(town, kind="internal")
    annex = await live(town, house.program.organization)
    email = await town.person()
    _, browser = await ours.agreed(email)
    for other in (theirs, beside, house, annex):
        assert (await other.ask("GET", f"/customers/{ours.customer}")).status == (
            200 if other in (house, annex) else 404
        )
        assert await scope(other, browser) == "openid", other.program.application
    for other in (theirs, beside, house):  # nobody has taken their place
        await said(browser, "agree", (await other.invite(email))["id"])
    for desk, customer in ((ours, ours), (theirs, theirs), (beside, beside), (house, house), (annex, house)):
        seen: Answer = await desk.me(browser)
        assert (seen.status, seen.json.get("id")) == (200, customer.customer)


async def test_the_page_that_asks_says_whose_record_it_is(town: Town) -> None:
    desk = await live(town)
    _, browser = await desk.agreed(await town.person())
    page = await browser.get(desk.program.path(scope="me:read"))
    assert "This is what \u2068Bureau\u2069 keeps about you." in page.text


async def test_nobodys_mailbox_is_filled_by_links_made_and_ended(town: Town) -> None:
    desk, email = await live(town), town.somebody()
    answers = []
    for n in range(6):
        answers.append(await desk.ask("POST", desk.links, {"email": email.upper() if n % 2 else email}))
        if answers[-1].status == 201:
            await desk.ask("DELETE", f"{desk.links}/{answers[-1].json['id']}")
    assert [answer.status for answer in answers] == [201] * 5 + [429]
    assert 0 < int(answers[5].header("retry-after") or "0") <= 3_600
