"""Addresses, names and passwords that will not do, links that have had their time, and what is another person's."""

import pytest

from tests.accounts.browsing import ANOTHER, PASSWORD, Town, is_page
from tests.counts import Count

ADDRESSES = [
    "",
    "ada",
    "ada@",
    "@example.org",
    "ada@@example.org",
    "ada@exa@mple.org",
    "ada@example..org",
    "ada@-example.org",
    "ada@example.org.",
    "ada @example.org",
    "ada@example.org\r\nBcc: eve@evil.example",
    "ada@example.org\nBcc: eve@evil.example",
    "ada\r\nRCPT TO:<eve@evil.example>@example.org",
    "Ada <ada@example.org>",
    "ada@example.org, eve@evil.example",
    "ada@example.org;eve@evil.example",
    '"ada"@example.org',
    "ada@[127.0.0.1]",
    "ada(comment)@example.org",
    "ada@exämple.org",
    "аda@example.org",  # noqa: RUF001  # a Cyrillic letter: another person's name that looks like hers
    "ada@example.org\u2028x",
    f"{'a' * 65}@example.org",
    f"ada@{'a' * 64}.org",
    f"ada@{'a.' * 130}org",
]


@pytest.mark.parametrize("path", ["/account/sign-up", "/account/reset"])
async def test_what_is_no_address_gets_no_mail(town: Town, count: Count, path: str) -> None:
    for address in ADDRESSES:
        browser = town.browser()
        fields = await browser.form(path) | {"email": address, "name": "Ada", "password": PASSWORD}
        answer = await browser.post(path, data=fields)
        is_page(answer, 400)
        assert 'aria-invalid="true"' in answer.text
    assert town.accounts.outbox is not None
    assert not [kept.mail for kept in town.accounts.outbox.mails if "evil" in kept.mail.to]
    count("account pages", refused=len(ADDRESSES))


@pytest.mark.parametrize("name", ["", " ", "Ada\r\nBcc: x", "A\x1bda", "A" * 101, "\u202eada"])
async def test_what_is_no_name_is_refused(town: Town, count: Count, name: str) -> None:
    answer = await town.browser().fill("/account/sign-up", name=name, email=town.somebody(), password=PASSWORD)
    is_page(answer, 400)
    count("account pages", refused=1)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "Between 10 and 128"),
        ("Tr0ub4d&3", "Between 10 and 128"),
        ("x" * 129, "Between 10 and 128"),
        ("password1234", "very common"),
        ("qwertyuiop123", "too easy"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "Repeats"),
        ("abcdefghijklmnop", "Sequences"),
        ("12345678901234567890", "too easy"),
        ("1984-11-22", "too easy"),
    ],
)
async def test_a_weak_password_is_refused_with_the_reason(town: Town, count: Count, password: str, says: str) -> None:
    browser = town.browser()
    answer = await browser.fill("/account/sign-up", name="Ada", email=town.somebody(), password=password)
    is_page(answer, 400)
    assert says in answer.text
    assert not password or password not in answer.text
    signed_in = await town.signed_in()
    answer = await signed_in.fill("/account", action="/account/password", old=PASSWORD, password=password)
    is_page(answer, 400)
    link = await town.reset_link(await town.person())
    is_page(await browser.fill(link, password=password), 400)
    assert (await browser.fill(link, password=ANOTHER)).status_code == 303  # a refusal has not used it up
    count("account pages", refused=3)


@pytest.mark.parametrize("password", ["adalovelace1", "lovelace.town2", "engageengage"])
async def test_what_everybody_knows_of_somebody_is_no_password(town: Town, count: Count, password: str) -> None:
    person = {"name": "Ada Lovelace", "email": "ada@lovelace.town"}
    answer = await town.browser().fill("/account/sign-up", **person, password=password)
    is_page(answer, 400)
    assert "too easy" in answer.text
    count("account pages", refused=1)


async def test_a_link_opens_its_own_door_alone(town: Town, count: Count) -> None:
    confirm, reset = await town.pending(town.somebody()), await town.reset_link(await town.person())
    browser = town.browser()
    token = reset.partition("=")[2]
    for path in (
        f"/account/confirm?token={token}",
        f"/account/reset?token={confirm.partition('=')[2]}",
        f"/account/confirm?token={token[:-1]}",
        f"/account/reset?token={token}x",
        "/account/confirm?token=",
        "/account/confirm",
        "/account/reset?token=%27%20OR%201=1",
        "/account/reset?token=é",
    ):
        is_page(await browser.get(path), 410)
    given = await browser.form("/account/reset")
    is_page(await browser.post("/account/reset", data=given | {"token": "A" * 43, "password": ANOTHER}), 410)
    is_page(await browser.post("/account/confirm", data=given | {"token": token, "password": PASSWORD}), 410)
    count("account pages", refused=10)


async def test_nobody_ends_the_session_of_another(town: Town, count: Count) -> None:
    ada, eve = await town.signed_in(), await town.signed_in()
    account = await town.accounts.who(ada.session or "")
    assert account is not None
    for end in (account.session, "ses_x", "", "' OR 1=1"):
        is_page(await eve.fill("/account", action="/account/sessions", end=end), 404)
    assert (await ada.get("/account")).status_code == 200
    count("account pages", refused=4)


async def test_the_present_password_must_be_right(town: Town) -> None:
    browser = await town.signed_in()
    answer = await browser.fill("/account", action="/account/password", old=ANOTHER, password=ANOTHER)
    is_page(answer, 400)
    assert "not your current password" in answer.text
