"""`/device`: who types a code there, and what they can give."""

from tests.accounts.browsing import Form, Town, is_page
from tests.members import people
from tests.members.people import Person
from tests.oauth import programs
from tests.oauth.programs import Program
from tests.oauth.test_device import PAGE, ask, begin, says, typed


async def test_codes_cannot_be_guessed(town: Town, program: Program, ada: Person) -> None:
    """Five in a minute for one person, and for one address; the sixth is not even looked at."""
    began = await begin(program)
    for wrong in ("BBBB-BBBB", "", "BDWP-HQP", "AEIO-UAEI", "BDWP-HQPKX"):
        answer = await typed(ada.browser, wrong)
        is_page(answer, 400)
        assert "No device shows this code" in answer.text
    is_page(await typed(ada.browser, began["user_code"]), 429)
    elsewhere = await town.signed_in(ada.email)
    is_page(await typed(elsewhere, began["user_code"]), 429)
    somebody = await people.member(town, "owner", program.organization)
    assert (await typed(somebody.browser, began["user_code"].lower().replace("-", " "))).status_code == 200


async def test_a_stranger_gives_away_who_they_are_at_most(town: Town, program: Program) -> None:
    stranger = await town.signed_in()
    began = await begin(program)
    page = await typed(stranger, began["user_code"])
    assert "you are no member" in page.text
    fields = Form(page.text, PAGE).fields
    forged = await stranger.post(PAGE, data=fields | {"decision": "allow", "scopes": "customers:read"})
    assert "not let in" in forged.text
    says(await ask(program, began["device_code"]), "access_denied")


async def test_nobody_gives_more_than_was_shown_or_than_they_may(town: Town) -> None:
    program = await programs.make(town)
    viewer = await people.member(town, "viewer", program.organization)
    began = await begin(program, scope="customers:read customers:write cases:read")
    page = await typed(viewer.browser, began["user_code"])
    assert "Make, change and delete customers" not in page.text
    fields = Form(page.text, PAGE).fields
    await viewer.browser.post(
        PAGE, data=fields | {"decision": "allow", "scopes": "customers:write cases:read admin:organizations"}
    )
    answer = await ask(program, began["device_code"])
    assert (answer.status, answer.json["scope"]) == (200, "cases:read")


async def test_pages_want_somebody_who_is_signed_in_and_a_form_of_ours(
    town: Town, program: Program, ada: Person
) -> None:
    began = await begin(program)
    nobody = town.browser()
    led = await nobody.get(f"{PAGE}?user_code={began['user_code']}")
    assert led.headers["location"].startswith("/account/sign-in?next=%2Fdevice%3Fuser_code%3D")
    is_page(await nobody.post(PAGE, data={"code": began["user_code"]}), 403)
    is_page(await ada.browser.post(PAGE, data={"code": began["user_code"]}), 403)
    page = await typed(ada.browser, began["user_code"])
    device = Form(page.text, PAGE).fields["device"]
    is_page(await ada.browser.post(PAGE, data={"device": device, "decision": "allow"}), 403)
    for text in ('"><script>', "x" * 500):
        shown = await ada.browser.get(PAGE, params={"user_code": text})
        assert text not in shown.text
    says(await ask(program, began["device_code"]), "authorization_pending")
