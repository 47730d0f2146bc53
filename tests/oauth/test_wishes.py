"""Whatever is wrong with a request for authorization, nobody is led where they should not be, and no code is made."""

from urllib.parse import urlencode

from sqlalchemy import func, select

from engage_api.access.oauth.models import OauthGrantRow
from engage_api.db import Query
from tests.accounts.browsing import Form, Town, is_page
from tests.counts import Count
from tests.members import people
from tests.members.people import Person
from tests.oauth import programs
from tests.oauth.programs import AUTHORIZE, BACK, Program, led_back, said
from tests.oauth.wishes import REGISTERED, Wrong, cases
from tests.running import BASE_URL

COUNT = Query(select(func.count().label("n")).select_from(OauthGrantRow.__table__))  # type: ignore[attr-defined]


async def grants(town: Town) -> int:
    return int((await town.service.db.system.one(COUNT, None)).n)


async def fault(person: Person, case: Wrong) -> str | None:
    """In what an answer is not as it should be."""
    answer = await person.browser.get(f"{AUTHORIZE}?{case.query}")
    if case.error is None:
        if answer.status_code != 400 or "location" in answer.headers or "http-equiv" in answer.text:
            return f"{answer.status_code} {dict(answer.headers)}"
        if "problem" not in answer.headers["content-type"]:  # U+0000 nobody has looked at
            is_page(answer, 400)
        return "repeats what was sent" if "evil" in answer.text else None
    if answer.status_code != 303:
        return f"{answer.status_code} {answer.text}"
    back = led_back(answer)
    if "code" in back or (back["error"], back.get("state"), back["iss"]) != (case.error, case.state, BASE_URL):
        return str(back)
    if not back["error_description"] or not back["error_description"].isascii():
        return f"says {back['error_description']!r}"
    return None


async def test_everything_in_the_table_is_refused(town: Town, program: Program, ada: Person, count: Count) -> None:
    """For somebody who has agreed to all of it before: a wrong request would pass without a question."""
    await program.change(redirectUris=list(REGISTERED))
    other = await programs.make(town, uris=("https://other.example.org/",), organization=program.organization)
    await program.allowed(ada.browser, scope="customers:read customers:write cases:read")
    before, table = await grants(town), list(cases(program, other))
    found = [(case.name, told) for case in table if (told := await fault(ada, case))]
    assert not found, "\n".join(map(str, found))
    assert await grants(town) == before
    assert len({case.name for case in table}) == len(table) >= 120
    assert led_back(await ada.browser.get(program.path()))["code"]
    count("authorization requests refused", cases=len(table))


async def test_a_planted_case_is_found(program: Program, ada: Person) -> None:
    await program.allowed(ada.browser)
    good = program.path().partition("?")[2]
    for error in (None, "invalid_request"):
        assert await fault(ada, Wrong("planted", good, error))


# ── what is sent with a browser's cookies ────────────────────────────────────────────────────────────────────────────


async def test_a_decision_comes_from_our_own_page_and_nobody_elses(
    town: Town, program: Program, ada: Person, count: Count
) -> None:
    """CSRF (RFC 9700 section 4.7): without the page of this very session nobody agrees to anything."""
    page = await ada.browser.get(program.path())
    good = Form(page.text, AUTHORIZE).fields | {"decision": "allow"}
    sealed = next(name for name in good if name not in ("request", "scopes", "decision"))
    grace = await people.member(town, "owner", program.organization)
    theirs = await grace.browser.form(program.path(), AUTHORIZE)
    nobody = town.browser()
    visitor = await nobody.form("/account/sign-in")
    before = await grants(town)
    wrong = [
        (403, {name: value for name, value in good.items() if name != sealed}, {}),
        (403, good | {sealed: ""}, {}),
        (403, good | {sealed: theirs[sealed]}, {}),
        (403, good | {sealed: visitor["form"]}, {}),
        (403, good | {sealed: good[sealed][:-1]}, {}),
        (403, good, {"Sec-Fetch-Site": "cross-site"}),
        (403, good, {"Sec-Fetch-Site": "same-site"}),
        (403, good, {"Sec-Fetch-Site": "none"}),
        (403, good, {"Origin": "https://evil.example"}),
        (415, good, {"Content-Type": "text/plain"}),
        (415, good, {"Content-Type": "application/json"}),
        (415, good, {"Content-Type": "multipart/form-data; boundary=x"}),
        (400, good | {"request": ""}, {}),
        (400, good | {"request": "client_id=x"}, {}),
        (400, good | {"request": good["request"].replace("app.example.org", "evil.example")}, {}),
    ]
    for status, fields, headers in wrong:
        kind = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        body = urlencode(fields).encode()
        answer = await ada.browser.post(AUTHORIZE, content=body, headers=kind)
        is_page(answer, status)
    is_page(await nobody.post(AUTHORIZE, data=good), 403)
    for method in ("PUT", "DELETE", "PATCH"):
        is_page(await ada.browser.request(method, program.path()), 405)
    is_page(await ada.browser.get(f"{program.path()}&decision=allow"), 200)
    assert await grants(town) == before
    assert led_back(await said(ada.browser, page, "allow"))["code"]
    count("forged decisions refused", cases=len(wrong) + 5)


async def test_what_leads_to_a_code_is_kept_and_told_nowhere(program: Program, ada: Person) -> None:
    """Frames, caches, and the address that a browser tells the next site (RFC 9700 sections 4.2, 4.3, 4.16)."""
    page = await ada.browser.get(program.path())
    done = await said(ada.browser, page, "allow")
    again = await ada.browser.get(program.path())
    refused = await ada.browser.get(f"{AUTHORIZE}?x=1")
    for answer in (page, done, again, refused, await ada.browser.get("/account/permissions")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
    assert again.status_code == 303  # which no browser repeats with a form (section 4.12)
    assert "<script" not in page.text + done.text


async def test_what_an_application_is_called_is_only_text(program: Program, ada: Person) -> None:
    for name, shown in (
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("Acme' onload=\"x", "Acme&#39; onload=&#34;x"),
        ("{{ 7 * 7 }}", "{{ 7 * 7 }}"),
    ):
        await program.change(name=name)
        page = (await ada.browser.get(program.path(state=name))).text
        assert f"<strong><bdi>{shown}</bdi></strong>" in page
        assert name == shown or name not in page


async def test_the_answer_keeps_the_query_of_the_redirect_uri_as_it_is(program: Program, ada: Person) -> None:
    kept = "https://app.example.org/cb;v=1?x=%20+a&y=/"
    await program.change(redirectUris=[kept, BACK])
    page = await ada.browser.get(program.path(redirect_uri=kept))
    place = (await said(ada.browser, page, "allow")).text
    assert f"{kept.replace('&', '&amp;')}&amp;code=eng_test_code_" in place
    again = await ada.browser.get(program.path(redirect_uri=kept))
    assert again.headers["location"].startswith(f"{kept}&code=eng_test_code_")
