"""What the pages of applications say and offer: only what works, in groups, in words."""

import re

from engage_api.core.scopes import Scope
from tests.accounts.browsing import Town
from tests.members.people import application, member


async def test_a_public_application_is_offered_no_key_and_no_other_a_live_secret_too_soon(town: Town) -> None:
    key, owner = await town.service.key(), await member(town)
    public = (await owner.browser.get(owner.page + await application(owner, clientType="public"))).text
    assert 'name="once"' not in public
    assert all(word in public for word in ("client id", "redirect URI", "PKCE"))
    at = await application(owner)
    page = (await owner.browser.get(owner.page + at)).text
    assert "Sandbox only" in page
    assert 'value="test"' in page
    assert 'value="live"' not in page
    assert "has to let the application into the live workspace first" in page
    moved = await town.service.ask("POST", f"/v1{at}/transitions", {"to": "live", "scopes": ["cases:read"]}, key=key)
    assert moved.status == 200
    assert 'value="live"' in (await owner.browser.get(owner.page + at)).text


async def test_scopes_stand_in_groups_and_tokens_can_be_jwt(town: Town) -> None:
    owner = await member(town)
    page = (await owner.browser.get(f"{owner.page}/applications/new")).text
    groups = re.findall(r'<fieldset class="group">\s*<legend>(\w+)</legend>', page)
    offered = dict.fromkeys(one.value.partition(":")[0].capitalize() for one in Scope if not one.administers)
    assert groups == list(offered)
    assert page.count("<fieldset") == page.count("</fieldset>")
    at = await application(owner, accessTokenFormat="jwt")
    edit = f"{owner.page}{at}/edit"
    assert 'value="jwt" checked' in (await owner.browser.get(edit)).text
    await owner.post(f"{at}/edit", name="B", accessTokenFormat="opaque", **{"scope cases:read": "on"})
    assert 'value="opaque" checked' in (await owner.browser.get(edit)).text
    refused = await owner.post(f"{at}/edit", name="B", accessTokenFormat="x", **{"scope cases:read": "on"})
    assert "Choose one of these." in refused.text


async def test_the_api_says_in_words_what_form_a_text_has(town: Town) -> None:
    key, owner, service = await town.service.key(), await member(town), town.service
    customer = await service.ask("POST", "/v1/customers", {"kind": "person", "displayName": "Ada"}, key=key)
    assert customer.status == 201, customer.json
    invited = f"/v1/organizations/{owner.organization}/invitations"
    sessions = f"/v1/customers/{customer.json['id']}/sessions"
    for method, path, body, told in (
        ("POST", invited, {"email": "x", "role": "viewer"}, "an e-mail address such as ada@example.org"),
        (
            "POST",
            invited,
            {"email": "ada@example.org\n", "role": "viewer"},
            "an e-mail address such as ada@example.org",
        ),
        ("POST", sessions, {"lifetime": "PT2H"}, "One minute to one hour, such as PT15M"),
        ("GET", "/v1/usage?groupBy=credentials", None, "One to four of day, application, credential, operation"),
    ):
        refused = await service.ask(method, path, body, key=key)
        [fault] = refused.json["errors"]
        assert (refused.status, fault["code"]) == (400, "string-pattern-mismatch"), path
        assert told in fault["detail"]
        assert "[" not in fault["detail"]
