"""The device grant (RFC 8628): a program shows a code, somebody says yes to it in a browser, and it goes on."""

import asyncio
import re
from collections import Counter
from typing import Any

import httpx
import pytest
from sqlalchemy import bindparam, update

from engage_api.access.oauth import devices
from engage_api.core import clock, secret
from engage_api.db import Query
from tests.accounts.browsing import Browser, Form, Town, is_page
from tests.counts import Count
from tests.members import people
from tests.members.people import Person
from tests.oauth import programs
from tests.oauth.parties import post
from tests.oauth.programs import Program
from tests.running import Answer

BEGIN, PAGE = "/oauth/device_authorization", "/device"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_t = devices.OauthDeviceRow.__table__  # type: ignore[attr-defined]
_AGE = Query(update(_t).where(_t.c.device_code == bindparam("at")), ["expires_at"])
_REST = Query(update(_t).where(_t.c.device_code == bindparam("at")), ["asked_at"])


async def begin(program: Program, **more: str | None) -> dict[str, Any]:
    answer = await program.post({"scope": "customers:read", **more}, BEGIN)
    assert answer.status == 200, answer.body
    assert answer.header("cache-control") == "no-store"
    return dict(answer.json)


async def ask(program: Program, device_code: str, *, patient: bool = True, **more: str) -> Answer:
    """The device asks; a patient one has waited for the interval."""
    if patient:
        await set_row(program, _REST, device_code, asked_at=None)
    return await program.post({"grant_type": GRANT, "device_code": device_code, **more})


async def set_row(program: Program, query: Query, device_code: str, **values: Any) -> None:
    mark = secret.fingerprint(program.service.services.pepper, device_code)
    async with program.service.db.system.write(None) as tx:
        assert await tx.run(query, at=mark, **values) == 1


async def typed(browser: Browser, code: str) -> httpx.Response:
    """What somebody sees who types this code."""
    return await browser.fill(PAGE, code=code)


async def decided(browser: Browser, page: httpx.Response, decision: str = "allow") -> httpx.Response:
    assert page.status_code == 200, page.text
    return await browser.post(PAGE, data=Form(page.text, PAGE).fields | {"decision": decision})


def says(answer: Answer, error: str, status: int = 400) -> None:
    assert (answer.status, answer.json.get("error")) == (status, error), answer.body
    assert set(answer.json) == {"error", "error_description"}


@pytest.mark.parametrize("public", [False, True])
async def test_a_device_is_let_in_by_somebody_who_reads_what_it_may_do(town: Town, public: bool) -> None:
    program = await programs.make(town, public=public)
    ada = await people.member(town, "owner", program.organization)
    began = await begin(program)
    assert began["expires_in"], began["interval"] == (600, 5)
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", began["user_code"])
    assert began["verification_uri"] == f"{town.base_url}{PAGE}"
    assert began["verification_uri_complete"] == f"{town.base_url}{PAGE}?user_code={began['user_code']}"
    says(await ask(program, began["device_code"]), "authorization_pending")
    led = began["verification_uri_complete"].removeprefix(town.base_url)
    assert (await ada.browser.form(led, PAGE))["code"] == began["user_code"]
    page = await ada.browser.fill(led, PAGE)
    for word in ("Permit assistant", "Bureau", "See customers.", "sandbox", began["user_code"], "ada"):
        assert word.lower() in page.text.lower(), word
    done = await decided(ada.browser, page)
    assert "let in" in done.text
    answer = await ask(program, began["device_code"])
    assert answer.status == 200, answer.body
    assert answer.json["scope"] == "customers:read"
    called = await town.service.ask("GET", "/v1/customers", key=answer.json["access_token"])
    assert called.status == 200
    again = await program.refresh(answer.json["refresh_token"])
    assert again.status == 200
    says(await ask(program, began["device_code"]), "invalid_grant")
    shown = await ada.browser.get("/account/permissions")
    assert "Permit assistant" in shown.text
    ended = await ada.browser.fill("/account/permissions", end=re.search(r'value="(con_\w+)"', shown.text)[1])  # type: ignore[index]
    assert ended.status_code == 303
    assert (await town.service.ask("GET", "/v1/customers", key=again.json["access_token"])).status == 401


async def test_who_says_no_is_asked_no_more(town: Town, program: Program, ada: Person) -> None:
    began = await begin(program)
    page = await typed(ada.browser, began["user_code"])
    assert "not let in" in (await decided(ada.browser, page, "deny")).text
    for _ in range(2):
        says(await ask(program, began["device_code"]), "access_denied")
    is_page(await decided(ada.browser, page), 400)
    says(await ask(program, began["device_code"]), "access_denied")


async def test_a_device_that_hurries_has_to_wait_longer(program: Program) -> None:
    code = (await begin(program))["device_code"]
    says(await ask(program, code), "authorization_pending")
    for _ in range(2):
        says(await ask(program, code, patient=False), "slow_down")
    row = await devices.asking(program.service.db, await _client(program), _mark(program, code))
    assert row
    found = await devices.still_waiting(program.service.db, row.id)
    assert found.interval == 5 + 3 * devices.INTERVAL, "each of the three hurried, ours too"
    says(await ask(program, code), "authorization_pending")


async def _client(program: Program) -> Any:
    from engage_api.access.oauth import clients  # noqa: PLC0415

    return await clients.find(program.service.db, program.who.id)


def _mark(program: Program, text: str) -> bytes:
    return secret.fingerprint(program.service.services.pepper, text)


async def test_after_ten_minutes_it_is_too_late(program: Program, ada: Person) -> None:
    began, second = await begin(program), await begin(program)
    page = await typed(ada.browser, second["user_code"])
    for one in (began, second):
        await set_row(program, _AGE, one["device_code"], expires_at=clock.host())
    says(await ask(program, began["device_code"]), "expired_token")
    is_page(await typed(ada.browser, began["user_code"]), 400)
    is_page(await decided(ada.browser, page), 400)
    await set_row(program, _AGE, began["device_code"], expires_at=clock.host() - 2 * devices.WAITS)
    await devices.sweep(program.service.db)
    says(await ask(program, second["device_code"]), "expired_token")
    answer = await program.post({"grant_type": GRANT, "device_code": began["device_code"]})
    says(answer, "invalid_grant")


async def test_one_device_is_let_in_once_however_many_ask_and_say_yes(
    town: Town, program: Program, ada: Person, count: Count
) -> None:
    """Ten at a time say yes and no, then twenty ask; in four rounds."""
    for _ in range(4):
        began = await begin(program)
        page = await typed(await town.signed_in(ada.email), began["user_code"])
        fields = Form(page.text, PAGE).fields
        browsers = [ada.browser]
        sealed = (await ada.browser.form(PAGE))["form"]
        said = await asyncio.gather(
            *(
                browser.post(PAGE, data=fields | {"form": sealed, "decision": decision})
                for browser in browsers
                for decision in ["allow"] * 9 + ["deny"]
            )
        )
        assert Counter(answer.status_code for answer in said) == {200: 1, 400: 9}
        answers = await asyncio.gather(*(ask(program, began["device_code"], patient=False) for _ in range(20)))
        won = [answer for answer in answers if answer.status == 200]
        yes = any("is let in" in answer.text for answer in said)
        assert len(won) == int(yes)
        count("devices", rounds=1, asked=20, got=len(won))


async def test_what_is_refused(town: Town, program: Program, ada: Person, count: Count) -> None:
    """Both ends, with everything that is wrong about a request."""
    other = await programs.make(town)
    began = await begin(program)
    code = began["device_code"]
    page = await typed(ada.browser, began["user_code"])
    await decided(ada.browser, page)
    table: list[tuple[Answer, str, int]] = [
        (await program.post({"scope": "customers:fly"}, BEGIN), "invalid_scope", 400),
        (await program.post({"scope": "offers:write"}, BEGIN), "invalid_scope", 400),
        (await program.post({"resource": "https://elsewhere.example"}, BEGIN), "invalid_target", 400),
        (await post(town.service, BEGIN, {"scope": "customers:read"}), "invalid_client", 401),
        (await post(town.service, BEGIN, {"client_id": program.who.id}), "invalid_client", 401),
        (await post(town.service, BEGIN, {"client_id": program.who.id, "client_secret": "x"}), "invalid_client", 401),
        (await post(town.service, f"{BEGIN}?scope=x", {"scope": "x"}, program.who), "invalid_request", 400),
        (await post(town.service, BEGIN, "scope=a&scope=b", program.who), "invalid_request", 400),
        (await town.service.ask("GET", BEGIN), "invalid_request", 405),
        (await other.post({"grant_type": GRANT, "device_code": code}), "invalid_grant", 400),
        (await post(town.service, "/oauth/token", {"grant_type": GRANT, "device_code": code}), "invalid_client", 401),
        (await program.post({"grant_type": GRANT, "device_code": code[:-1]}), "invalid_grant", 400),
        (await program.post({"grant_type": GRANT, "device_code": began["user_code"]}), "invalid_grant", 400),
        (await program.post({"grant_type": GRANT}), "invalid_request", 400),
        (await program.post({"grant_type": "authorization_code", "code": code}), "invalid_grant", 400),
        (await program.post({"grant_type": "refresh_token", "refresh_token": code}), "invalid_grant", 400),
        (await ask(program, code, resource=f"{town.base_url}/v1/sandboxes/sbx_other"), "invalid_target", 400),
        (await program.at(program.live).post({"grant_type": GRANT, "device_code": code}), "invalid_grant", 400),
    ]
    for at, (answer, error, status) in enumerate(table):
        assert (answer.status, answer.json.get("error")) == (status, error), (at, answer.body)
    count("oauth refusals", device=len(table))
    assert (await town.service.ask("GET", "/v1/customers", key=code)).status == 401
    assert (await ask(program, code)).status == 200


async def test_what_ends_meanwhile_lets_nobody_in(town: Town) -> None:
    """Said yes, and then: taken back, no member any more, the application revoked."""
    for how in ("taken back", "disabled", "revoked"):
        program = await programs.make(town)
        ada = await people.member(town, "owner", program.organization)
        began = await begin(program)
        await decided(ada.browser, await typed(ada.browser, began["user_code"]))
        if how == "taken back":
            shown = await ada.browser.get("/account/permissions")
            found = re.search(r'value="(con_\w+)"', shown.text)
            assert found
            await ada.browser.fill("/account/permissions", end=found[1])
        elif how == "disabled":
            from engage_api.access.accounts import operator  # noqa: PLC0415

            await operator.disable(town.service.db, ada.email)
        else:
            at = f"/v1/applications/{program.application}/transitions"
            assert (await town.service.ask("POST", at, {"to": "revoked"}, key=program.operator)).status == 200
            says(await program.post({"scope": "customers:read"}, BEGIN), "unauthorized_client")
        says(await program.post({"grant_type": GRANT, "device_code": began["device_code"]}), _ENDS[how])


_ENDS = {"taken back": "invalid_grant", "disabled": "invalid_grant", "revoked": "unauthorized_client"}


async def test_codes_are_kept_as_fingerprints(program: Program) -> None:
    began = await begin(program)
    rows = await program.service.db.system.raw(Query(devices._t.select()), None)
    for text in (began["device_code"], began["user_code"]):
        assert text not in str(rows)
        assert text not in program.service.log.getvalue()


def test_a_code_is_read_however_it_was_typed() -> None:
    for text in ("BDWP-HQPK", "bdwphqpk", " b d w p h q p k ", "BDWP - HQPK", "b-d-w-p-h-q-p-k"):
        assert devices.read_code(text) == "BDWP-HQPK"
    for text in ("", "BDWP-HQP", "BDWP-HQPKB", "ADWP-HQPK", "\uff22DWP-HQPK", "BDWP_HQPK", "12345678"):
        assert devices.read_code(text) == ""
    assert len({devices.new_code() for _ in range(1000)}) == 1000
