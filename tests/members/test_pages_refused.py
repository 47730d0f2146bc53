"""Pages that say no: in words for people, with the name of who is signed in, and a way back."""

from engage_api.access.members import desk
from tests.accounts.browsing import Town, is_page
from tests.members.people import WANTED, application, member


async def test_pages_that_say_no_know_who_is_signed_in_and_lead_back(town: Town) -> None:
    owner = await member(town)
    at = await application(owner)
    viewer = await member(town, "viewer", owner.organization)
    for _ in range(5):
        await owner.post(f"{at}/secrets", environment="test")
    org, app = f'"{owner.page}"', f'"{owner.page}{at}"'
    rows = [
        (await viewer.post("/applications/new", **WANTED), 403, "Your role does not allow this", org),
        (await viewer.post(f"{at}/keys", name="A"), 403, "Your role does not allow this", app),
        (await owner.browser.get(f"{owner.page}/applications/app_none"), 404, "There is nothing here", org),
        (await owner.browser.get(f"{desk.HOME}/org_none"), 404, "There is nothing here", '"/account"'),
        (await owner.browser.get("/oauth/authorize"), 400, "This link does not work", '"/account"'),
        (await owner.post(f"{at}/secrets", environment="test"), 409, "There are enough client secrets", app),
        (await owner.browser.post(owner.page + "/leave", data={"form": "x"}), 403, "not valid any more", '"/account"'),
    ]
    for answer, status, title, link in rows:
        is_page(answer, status)
        main = answer.text.partition("<main")[2]
        assert '<a href="/account">Ada</a>' in answer.text.partition("<main")[0], title
        assert "Sign in" not in answer.text
        assert title in main
        assert f"<a href={link}>" in main, title
        assert "sign-in" not in main
    nobody = await town.browser().get("/oauth/authorize")
    assert "To the sign-in page" in nobody.text


async def test_what_no_id_looks_like_is_no_page(town: Town) -> None:
    owner = await member(town)
    for wrong in ("%00", "%ff", "%ed%a0%80", "%2e%2e", "a" * 5_000, "org_none", "%27%20OR%201=1"):
        for path in (f"{desk.HOME}/{wrong}", f"{owner.page}/applications/{wrong}", f"/account/invitations/{wrong}"):
            assert (await owner.browser.get(path)).status_code in (303, 400, 404, 405), path


async def test_nobody_fills_in_a_form_for_nothing(town: Town) -> None:
    owner = await member(town)
    at = await application(owner)
    viewer = await member(town, "viewer", owner.organization)
    for path in ("/applications/new", f"{at}/edit"):
        assert (await owner.browser.get(owner.page + path)).status_code == 200
        is_page(await viewer.browser.get(owner.page + path), 403)
