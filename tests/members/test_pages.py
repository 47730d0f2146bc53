"""The pages of applications: what a newcomer does in a minute, and what keys and secrets may do."""

import asyncio
import re

from engage_api.core import clock
from tests.accounts.browsing import Town, is_page
from tests.members.people import WANTED, application, member, party, started

KEY = re.compile(r"eng_test_key_[0-9A-Za-z]{36}")
SECRET = re.compile(r"eng_(?:test|live)_secret_[0-9A-Za-z]{36}")


async def called(town: Town, credential: str, path: str = "/v1/customers") -> int:
    return (await town.service.ask("GET", path, key=credential)).status


async def test_from_nothing_to_the_first_200(town: Town) -> None:
    browser = await town.signed_in()
    started = await browser.fill("/account/organizations/new", name="Bakers", kind="developer")
    home = started.headers["Location"].partition("?")[0]
    page = await browser.get(started.headers["Location"])
    assert all(word in page.text for word in ("Bakers", "Pending", "owner", "with a sandbox of its own"))
    new = f"{home}/applications/new"
    made = await browser.fill(new, **WANTED)
    at = made.headers["Location"].partition("?")[0]
    shown = await browser.fill(at, f"{at}/keys", name="First")
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    [key] = set(KEY.findall(shown.text))
    assert all(path in shown.text for path in ("/v1/customers", '"/quickstart/"', '"/reference"'))
    assert await called(town, key) == 200
    listed = await browser.get(at)
    assert key not in listed.text
    assert key[-4:] in listed.text
    assert "Bakers" in (await browser.get("/account")).text


async def test_keys_are_rotated_and_revoked(town: Town) -> None:
    owner = await member(town, organization=await started(town))
    at = await application(owner)
    [first] = set(KEY.findall((await owner.post(f"{at}/keys", name="First")).text))
    [key_id] = re.findall(r'name="rotate" value="(\w+)"', (await owner.browser.get(owner.page + at)).text)
    assert "goes on working for 24 hours" in (await owner.browser.get(owner.page + at)).text  # said before
    rotated = (await owner.post(f"{at}/keys", rotate=key_id)).text
    assert re.search(r"The old key, eng_test_key_…\w{4}, goes on\s+working for 24 hours", rotated)
    [second] = set(KEY.findall(rotated))
    assert [await called(town, key) for key in (first, second)] == [200, 200]
    is_page(await owner.post(f"{at}/keys", rotate=key_id), 409)
    for wrong in ("key_none", "x"):
        is_page(await owner.post(f"{at}/keys", revoke=wrong), 404)
        is_page(await owner.post(f"{at}/keys", rotate=wrong), 404)
    other = await application(owner, name="Other")
    is_page(await owner.post(f"{other}/keys", revoke=key_id), 404)  # it has a page of its own
    asked = await owner.post(f"{at}/keys", revoke=key_id)
    assert "Revoke the key First?" in asked.text
    assert [await called(town, key) for key in (first, second)] == [200, 200]  # nothing has happened yet
    assert (await owner.send(asked)).status_code == 303
    assert [await called(town, key) for key in (first, second)] == [401, 200]
    is_page(await owner.post(f"{at}/keys", name=""), 400)


async def test_a_reload_makes_no_second_key_and_no_second_secret(town: Town) -> None:
    owner = await member(town, organization=await started(town))
    at = await application(owner)
    page = owner.page + at
    for path, fields, shown in (
        (f"{at}/keys", {"name": "First"}, KEY),
        (f"{at}/keys", {"rotate": ""}, KEY),
        (f"{at}/secrets", {"environment": "test"}, SECRET),
    ):
        form = await owner.browser.form(page, owner.page + path)
        if "rotate" in fields:
            fields |= {"rotate": re.findall(r'name="rotate" value="(\w+)"', (await owner.browser.get(page)).text)[0]}
        sent = form | fields
        if "name" in fields:
            is_page(await owner.browser.post(owner.page + path, data=sent | {"name": ""}), 400)  # uses nothing up
        answers = await asyncio.gather(*(owner.browser.post(owner.page + path, data=sent) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409], fields
        again = await owner.browser.post(owner.page + path, data=sent)
        is_page(again, 409)
        assert "done already" in again.text
        assert not shown.search(again.text)
        for wrong in ("", "x", f"{int(clock.seconds()) - 50_000}-{'A' * 24}"):  # the last is older than twelve hours
            is_page(await owner.browser.post(owner.page + path, data=sent | {"once": wrong}), 403)
    listed = (await owner.browser.get(page)).text
    assert (listed.count('name="revoke"'), listed.count('name="delete"')) == (2, 1)


async def test_secrets_are_made_shown_once_and_deleted(town: Town) -> None:
    owner = await member(town)
    at = await application(owner)
    for environment in ("test", "live"):
        shown = await owner.post(f"{at}/secrets", environment=environment)
        [secret] = set(SECRET.findall(shown.text))
        assert f"{at.rpartition('/')[2]}.{environment}" in shown.text
        listed = (await owner.browser.get(owner.page + at)).text
        assert secret not in listed
        assert secret[-4:] in listed
    is_page(await owner.post(f"{at}/secrets", environment="moon"), 400)
    for secret_id in re.findall(r'name="delete" value="(\w+)"', (await owner.browser.get(owner.page + at)).text):
        asked = await owner.post(f"{at}/secrets", delete=secret_id)
        assert f'value="{secret_id}"' in (await owner.browser.get(owner.page + at)).text  # it is there as yet
        assert (await owner.send(asked)).status_code == 303
        is_page(await owner.post(f"{at}/secrets", delete=secret_id, sure="yes"), 404)
    public = await application(owner, clientType="public")
    is_page(await owner.post(f"{public}/secrets", environment="test"), 409)
    assert "cannot keep a secret" in (await owner.browser.get(owner.page + public)).text


async def test_what_is_wrong_with_an_application_stands_beside_its_field(town: Town) -> None:
    owner = await member(town)
    rows = [
        ({"name": " "}, "more in it than blanks"),
        ({"redirectUris": "https://app.example.org/a\r\nhttp://app.example.org/b"}, "Line 2: "),
        ({"redirectUris": "https://app.example.org/a#b"}, "fragment"),
        ({"clientType": "both"}, "confidential"),
    ]
    for fields, told in rows:
        answer = await owner.post("/applications/new", **WANTED | fields)
        is_page(answer, 400)
        assert told in answer.text, fields
        assert 'name="scope customers:read" checked' in answer.text  # what was typed is still there
    empty = await owner.post("/applications/new", name="A", clientType="public")
    is_page(empty, 400)
    assert 'id="scopes-wrong"' in empty.text
    assert "Choose at least one scope." in empty.text
    assert "Give it a name." in (await owner.post("/applications/new", **WANTED | {"name": ""})).text
    assert "Choose where it runs." in (await owner.post("/applications/new", **WANTED | {"clientType": "x"})).text
    at = await application(owner, redirectUris="https://app.example.org/a\r\n\r\nhttp://127.0.0.1/b")
    assert "http://127.0.0.1/b" in (await owner.browser.get(owner.page + at)).text
    changed = await owner.post(f"{at}/edit", name="B", redirectUris="com.example.app:/in", **{"scope cases:read": "on"})
    assert changed.status_code == 303, changed.text
    page = (await owner.browser.get(owner.page + at)).text
    assert "com.example.app:/in" in page
    assert "127.0.0.1/b" not in page
    assert "customers:read" not in page
    is_page(await owner.post(f"{at}/edit", name="B", redirectUris="ftp://x", **{"scope cases:read": "on"}), 400)
    assert "com.example.app:/in" in (await owner.browser.get(f"{owner.page}{at}/edit")).text


async def test_a_revoked_application_is_history(town: Town) -> None:
    key, owner = await town.service.key(), await member(town)
    at = await application(owner)
    await owner.post(f"{at}/keys", name="A")
    path = f"/v1{at}/transitions"
    assert (await town.service.ask("POST", path, {"to": "revoked"}, key=key)).status == 200
    page = (await owner.browser.get(owner.page + at)).text
    assert "ended for good" in page
    assert "<form" not in page
    for form, fields in (("/keys", {"name": "A"}), ("/secrets", {"environment": "test"}), ("/edit", WANTED)):
        is_page(await owner.post(f"{at}{form}", **fields), 409)


async def test_the_operators_own_has_no_keys_and_no_secrets_here(town: Town) -> None:
    owner = await member(town, organization="org_operator")
    at = "/applications/app_operator"
    page = await owner.browser.get(owner.page + at)
    assert f'action="{owner.page}{at}/keys"' not in page.text
    is_page(await owner.post(f"{at}/keys", name="A"), 409)
    is_page(await owner.post(f"{at}/secrets", environment="live"), 409)


async def test_a_key_gets_no_more_than_the_application_and_the_role_have(town: Town) -> None:
    internal = await party(town, "internal")
    owner = await member(town, organization=await started(town))
    admin = {"scope admin:organizations": "on", "scope keys:read": "on"}
    at = await application(owner, **admin)
    [key] = set(KEY.findall((await owner.post(f"{at}/keys", name="A")).text))
    found = (await town.service.ask("GET", "/v1/api-keys", key=key)).json["items"]
    assert [set(one["scopes"]) for one in found] == [{"customers:read", "cases:read", "keys:read"}]
    assert "admin:organizations" not in (await owner.browser.get(f"{owner.page}/applications/new")).text
    developer, ours = await member(town, "developer", owner.organization), await member(town, organization=internal)
    only = {"name": "Members", "clientType": "confidential", "scope members:write": "on"}
    made = await owner.post("/applications/new", **only)
    at = made.headers["Location"].removeprefix(owner.page).partition("?")[0]
    is_page(await developer.post(f"{at}/keys", name="A"), 403)
    is_page(await developer.post(f"{at}/secrets", environment="live"), 403)
    assert (await developer.post(f"{at}/secrets", environment="test")).status_code == 200
    assert "admin:organizations" in (await ours.browser.get(f"{ours.page}/applications/new")).text
