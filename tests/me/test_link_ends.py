"""What is refused of links between customers and accounts, what is mailed, and all their ends."""

from types import SimpleNamespace
from typing import Any

import pytest

from engage_api.access.accounts import operator as accounts
from engage_api.access.accounts.mail import Mail, Undelivered
from engage_api.access.customer_links import housekeeping, letters, people, service
from engage_api.jobs.registry import Later
from tests.accounts.browsing import Town
from tests.counts import Count
from tests.me.desk import PAGE, Desk, open_desk
from tests.running import Answer


class Away:
    """A mail server that cannot be reached."""

    async def send(self, mail: Mail) -> None:
        raise Undelivered(f"away: {mail.subject}")


async def test_mails_wait_for_a_mail_server_and_are_not_written_for_nothing(town: Town, desk: Desk) -> None:
    principal = await town.service.services.doorkeeper.recognise(desk.key)
    assert principal

    def job(link: str) -> Any:
        return SimpleNamespace(payload=letters.Wanted(workspace=principal.workspace, link=link))

    db, open_one = town.service.db, await desk.invite(await town.person())
    for post, told in ((None, "ENGAGE_SMTP_URL"), (Away(), "away")):
        writer = letters.Writer(post, town.base_url)
        with pytest.raises(Later, match=told):
            await writer.deliver(db, job(open_one["id"]))
        linked, _ = await desk.agreed(await town.person())
        for ended in (linked["id"], "lnk_none"):
            await writer.deliver(db, job(ended))


async def test_every_other_end_is_one_too(town: Town, desk: Desk) -> None:
    """The application ends it, the customer is closed or deleted."""
    for how in ("ended", "closed", "deleted"):
        made = await desk.ask("POST", "/customers", {"kind": "person", "displayName": how})
        desk.customer = made.json["id"]
        link, browser = await desk.agreed(await town.person())
        tokens = await desk.program.tokens(browser, scope="me:read")
        key = tokens["access_token"]
        assert (await town.service.ask("GET", "/v1/me", key=key)).json["id"] == desk.customer
        if how == "ended":
            assert (await desk.ask("DELETE", f"{desk.links}/{link['id']}")).status == 204
        elif how == "closed":
            assert (await desk.ask("POST", f"/customers/{desk.customer}/transitions", {"to": "closed"})).status == 200
            assert (await desk.ask("POST", desk.links, {"email": "x@example.org"})).code == "customer-closed"
        else:
            match = [("If-Match", "*")]
            path = f"/v1/customers/{desk.customer}"
            assert (await town.service.ask("DELETE", path, key=desk.key, headers=match)).status == 204
        assert (await town.service.ask("GET", "/v1/me", key=key)).code == "insufficient-scope", how


async def test_what_is_refused(town: Town, desk: Desk, count: Count) -> None:
    other = await open_desk(town)
    link = await desk.invite("a@example.org")
    refusals: list[tuple[Answer, str]] = [
        (await desk.ask("POST", desk.links, {"email": "A@example.org"}), "already-linked"),
        (await other.ask("POST", desk.links, {"email": "b@example.org"}), "not-found"),
        (await other.ask("GET", desk.links), "not-found"),
        (await other.ask("DELETE", f"{desk.links}/{link['id']}"), "not-found"),
        (await desk.ask("DELETE", f"{desk.links}/lnk_none"), "not-found"),
        (await other.ask("DELETE", f"{other.links}/{link['id']}"), "not-found"),
    ]
    wrong = (
        "",
        "a",
        "a@b@c",
        "a b@example.org",
        "a@example.org\r\nBcc: x@y.org",
        "a@b.nl\n",
        7,
        None,
        "x" * 250 + "@a.nl",
    )
    refusals += [(await desk.ask("POST", desk.links, {"email": one}), "invalid-request") for one in wrong]
    for n in range(4):
        await desk.invite(f"more{n}@example.org")
    refusals.append((await desk.ask("POST", desk.links, {"email": "six@example.org"}), "too-many-links"))
    for at, (answer, code) in enumerate(refusals):
        assert answer.code == code, (at, answer.body)
    count("links", refused=len(refusals))
    second = (await desk.ask("POST", "/customers", {"kind": "person", "displayName": "B"})).json["id"]
    answers = [
        await desk.ask("POST", f"/customers/{second}/account-links", {"email": f"n{n}@example.org"}) for n in range(5)
    ]
    assert {answer.status for answer in answers} == {201}


async def test_a_sandbox_sends_twenty_mails_in_an_hour(town: Town, desk: Desk) -> None:
    made = [await desk.ask("POST", "/customers", {"kind": "person", "displayName": f"{n}"}) for n in range(5)]
    paths = [f"/customers/{made[n % 5].json['id']}/account-links" for n in range(21)]
    answers = [await desk.ask("POST", path, {"email": f"person{n}@example.org"}) for n, path in enumerate(paths)]
    assert [answer.status for answer in answers[:20]] == [201] * 20
    assert answers[20].code == "too-many-requests"
    assert int(answers[20].header("retry-after") or "0") > 60


async def test_what_nobody_agreed_to_in_time_and_what_lost_its_account_goes(
    town: Town, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = town.service.db
    late = await desk.invite(await town.person())
    email = await town.person()
    _, browser = await desk.agreed(email)
    await accounts.delete(db, email)
    assert (await browser.get(PAGE)).status_code == 303
    await service.expire(db, "live", "lnk_none")  # it went meanwhile
    with monkeypatch.context() as past:
        past.setattr(service, "OPEN_FOR", -service.OPEN_FOR)
        gone = await desk.invite(await town.person())
    assert await people.one(db, "none", gone["id"]) is None
    await housekeeping.sweep_links(db, None)  # type: ignore[arg-type]  # it looks at no job
    assert [one["id"] for one in (await desk.ask("GET", desk.links)).json["items"]] == [late["id"]]
    assert gone["id"] not in str(await people.ended(db, 10))
