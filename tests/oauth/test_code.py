"""The authorization code grant: a person signs in, agrees, and the program acts for them."""

import re
from datetime import timedelta

import pytest
import time_machine

from engage_api.core import clock
from tests.accounts.browsing import Town, is_page
from tests.members import people
from tests.members.people import Person
from tests.oauth import parties, programs
from tests.oauth.parties import INTROSPECT, introspected
from tests.oauth.programs import LOOPBACK, Program, led_back, said
from tests.oauth.test_ends import opens
from tests.running import BASE_URL


async def test_a_program_acts_for_who_agrees(town: Town, program: Program, ada: Person) -> None:
    page = await ada.browser.get(program.path(scope="customers:read customers:write"))
    is_page(page, 200)
    for text in ("Permit assistant", "Bureau", "sandbox", "See customers.", "app.example.org", ada.email):
        assert text in page.text
    back = led_back(await said(ada.browser, page, "allow"))
    assert back.keys() == {"code", "state", "iss"}
    assert (back["state"], back["iss"]) == ("af0ifjsldkj", BASE_URL)
    assert re.fullmatch(r"eng_test_code_[0-9A-Za-z]{36}", back["code"])
    answer = await program.redeem(back["code"])
    assert (answer.status, answer.header("cache-control")) == (200, "no-store")
    assert answer.json.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert answer.json["scope"] == "customers:read customers:write"
    key = answer.json["access_token"]
    made = await parties.made(town.service, key, "/customers", {"kind": "person", "displayName": "Grace"})
    event = await town.service.db.system.one(parties.EVENT, None, subject=made["id"])
    assert event.actor == f"person:{ada.id}"
    told = await introspected(town.service, program.who, key)
    assert (told["sub"], told["client_id"], told["scope"]) == (ada.id, program.who.id, answer.json["scope"])


async def test_who_is_not_signed_in_signs_in_and_comes_back(town: Town, program: Program, ada: Person) -> None:
    browser = town.browser()
    first = await browser.get(program.path())
    assert first.status_code == 303
    assert first.headers["location"].startswith("/account/sign-in?")
    entered = await browser.sign_in(ada.email, path=first.headers["location"])
    found = re.search(r'content="0;url=([^"]*)"', entered.text)
    assert found is not None
    page = await browser.get(found[1].replace("&amp;", "&"))
    assert led_back(await said(browser, page, "allow"))["code"]


async def test_who_agreed_is_not_asked_again_for_the_same(program: Program, ada: Person) -> None:
    await program.allowed(ada.browser, scope="customers:read cases:read")
    for scope in ("customers:read", "cases:read customers:read"):
        assert led_back(await ada.browser.get(program.path(scope=scope)))["code"]
    for more in ({"scope": "customers:write"}, {"prompt": "consent"}):
        is_page(await ada.browser.get(program.path(**more)), 200)
    is_page(await ada.browser.get(program.at(program.live).path()), 200)
    await program.allowed(ada.browser, scope="customers:write")
    assert led_back(await ada.browser.get(program.path(scope="customers:write cases:read")))["code"]


async def test_who_does_not_agree_gives_nothing(program: Program, ada: Person) -> None:
    page = await ada.browser.get(program.path())
    for decision in ("deny", "x", ""):
        back = led_back(await said(ada.browser, page, decision))
        assert (back["error"], back["state"], back["iss"]) == ("access_denied", "af0ifjsldkj", BASE_URL)
    is_page(await ada.browser.get(program.path()), 200)


async def test_nobody_gives_more_than_was_shown(town: Town, program: Program, ada: Person) -> None:
    """The role became more while the page was open; and the fields of the form are not believed."""
    viewer = await people.member(town, "viewer", program.organization)
    page = await viewer.browser.get(program.path(scope="customers:read customers:write"))
    assert "more than you may do yourself" in page.text
    code = led_back(await said(viewer.browser, page, "allow", scopes="customers:read customers:write"))["code"]
    assert (await program.redeem(code)).json["scope"] == "customers:read"
    page = await ada.browser.get(program.path(scope="customers:read customers:write"))
    code = led_back(await said(ada.browser, page, "allow", scopes="customers:read admin:organizations"))["code"]
    assert (await program.redeem(code)).json["scope"] == "customers:read"
    page = await ada.browser.get(program.path(scope="cases:read"))
    assert led_back(await said(ada.browser, page, "allow", scopes=""))["error"] == "access_denied"


async def test_a_stranger_gives_who_they_are_and_nothing_else(town: Town, program: Program) -> None:
    """Else whoever can sign up would hold a token that sees what the application sees."""
    stranger = await town.signed_in()
    page = await stranger.get(program.path())
    assert "no member of <bdi>Bureau</bdi>" in page.text
    assert 'value="allow"' not in page.text
    assert led_back(await said(stranger, page, "allow"))["error"] == "access_denied"
    got = await program.tokens(stranger, scope="openid email customers:read")
    assert got["scope"] == "openid email"
    answer = await town.service.ask("GET", "/v1/customers", key=got["access_token"])
    assert (answer.status, answer.code) == (403, "insufficient-scope")
    assert (await introspected(town.service, program.who, got["access_token"]))["scope"] == "openid email"


async def test_where_it_is_good_is_what_was_asked_for(town: Town, program: Program, ada: Person) -> None:
    sandbox = (await parties.sandboxes(town.service, program.organization))[0]
    here = f"{BASE_URL}/v1/sandboxes/{sandbox}"
    code = (await program.allowed(ada.browser, resource=here))["code"]
    wrong = await program.redeem(code, resource=f"{BASE_URL}/v1/sandboxes/sbx_other")
    assert (wrong.status, wrong.json["error"]) == (400, "invalid_target")
    got = await program.redeem(code, resource=here)
    assert (await introspected(town.service, program.who, got.json["access_token"]))["aud"] == here
    live = program.at(program.live)
    got = await live.redeem((await live.allowed(ada.browser))["code"])
    assert (await introspected(town.service, live.who, got.json["access_token"]))["aud"] == f"{BASE_URL}/v1"


async def test_a_public_client_shows_its_verifier_and_nothing_else(town: Town) -> None:
    program = await programs.make(town, public=True)
    ada = await people.member(town, "owner", program.organization)
    got = await program.tokens(ada.browser)
    assert await opens(town.service, got["access_token"])
    again = await program.refresh(got["refresh_token"])
    assert again.status == 200
    own = await program.post({"grant_type": "client_credentials"})
    assert (own.status, own.json["error"]) == (401, "invalid_client")
    asked = await program.post({"token": got["access_token"]}, INTROSPECT)
    assert (asked.status, asked.json["error"]) == (401, "invalid_client")


async def test_an_installed_app_listens_at_any_port_and_always_asks(town: Town) -> None:
    program = await programs.make(town, public=True, uris=(LOOPBACK,))
    ada = await people.member(town, "owner", program.organization)
    for port in (4711, 51234):
        there = f"http://127.0.0.1:{port}/cb"
        page = await ada.browser.get(program.path(redirect_uri=there))
        assert "on this device" in page.text  # anybody's program could say that it is this one
        code = led_back(await said(ada.browser, page, "allow"), there)["code"]
        assert (await program.redeem(code, redirect_uri=LOOPBACK)).json["error"] == "invalid_grant"
        assert (await program.redeem(code, redirect_uri=there)).status == 200


# ── what the program may say of signing in (OpenID Connect Core section 3.1.2.1) ─────────────────────────────────────


async def test_prompt_none_shows_no_page(town: Town, program: Program, ada: Person) -> None:
    assert led_back(await town.browser().get(program.path(prompt="none")))["error"] == "login_required"
    assert led_back(await ada.browser.get(program.path(prompt="none")))["error"] == "consent_required"
    await program.allowed(ada.browser)
    assert led_back(await ada.browser.get(program.path(prompt="none")))["code"]
    old = program.path(prompt="none", max_age="60")
    assert led_back(await ada.browser.get(old))["code"]
    with time_machine.travel(clock.host() + timedelta(seconds=61), tick=True):
        assert led_back(await ada.browser.get(old))["error"] == "login_required"


@pytest.mark.parametrize("more", [{"prompt": "login"}, {"prompt": "login consent"}, {"max_age": "0"}])
async def test_who_has_to_sign_in_again_does_so_once(program: Program, ada: Person, more: dict[str, str]) -> None:
    await program.allowed(ada.browser)
    asked = await ada.browser.get(program.path(**more))
    place = asked.headers["location"]
    assert place.startswith("/account/sign-in?again=1")
    page = await ada.browser.get(place)
    assert 'name="password"' in page.text
    before = ada.browser.session
    entered = await ada.browser.sign_in(ada.email, path=place)
    assert ada.browser.session != before
    found = re.search(r'content="0;url=([^"]*)"', entered.text)
    assert found is not None
    after = await ada.browser.get(found[1].replace("&amp;", "&"))
    if "consent" in more.get("prompt", ""):
        after = await said(ada.browser, after, "allow")
    assert led_back(after)["code"]


# ── taking it back ───────────────────────────────────────────────────────────────────────────────────────────────────

PERMISSIONS = "/account/permissions"


async def test_people_see_and_end_what_they_allowed(town: Town, program: Program, ada: Person) -> None:
    got, live = await program.tokens(ada.browser), program.at(program.live)
    kept = await live.tokens(ada.browser)
    page = await ada.browser.get(PERMISSIONS)
    is_page(page, 200)
    for text in ("Permit assistant", "Bureau", "real data", "in a sandbox", "See customers.", "last used"):
        assert text in page.text
    ends = re.findall(r'name="end" value="([^"]*)"', page.text)
    assert len(ends) == 2
    assert await opens(town.service, got["access_token"])
    done = await ada.browser.fill(PERMISSIONS, end=ends[1])
    assert done.headers["location"] == f"{PERMISSIONS}?done=1"
    assert "may not act for you any more" in (await ada.browser.get(done.headers["location"])).text
    assert not await opens(town.service, got["access_token"])
    assert (await program.refresh(got["refresh_token"])).json["error"] == "invalid_grant"
    assert await opens(town.service, kept["access_token"])
    is_page(await ada.browser.get(program.path()), 200)
    is_page(await ada.browser.fill(PERMISSIONS, end=ends[1]), 404)


async def test_nobody_ends_what_another_allowed(town: Town, program: Program, ada: Person) -> None:
    got = await program.tokens(ada.browser)
    [end] = re.findall(r'name="end" value="([^"]*)"', (await ada.browser.get(PERMISSIONS)).text)
    other = await people.member(town, "owner", program.organization)
    await program.allowed(other.browser)
    is_page(await other.browser.fill(PERMISSIONS, end=end), 404)
    assert await opens(town.service, got["access_token"])


async def test_permissions_are_for_who_is_signed_in(town: Town) -> None:
    answer = await town.browser().get(PERMISSIONS)
    assert answer.headers["location"].startswith("/account/sign-in?next=")
    is_page(await town.browser().post(PERMISSIONS, data={"end": "x"}), 403)
    assert "No application may act for you." in (await (await town.signed_in()).get(PERMISSIONS)).text
