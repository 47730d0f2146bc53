"""What a mail of ours says of others: their names, and nothing that somebody could be led away by."""

from engage_api.access.members.letters import LONGEST, plain
from tests.accounts.browsing import Town
from tests.members.people import member
from tests.members.test_invitations import invite

LED_AWAY = {
    "URGENT: verify at https://evil.example/login now": "URGENT: verify at … now",
    "evil.example": "…",
    "Click WWW.Evil.Example, please": "Click … please",
    "write to help@evil.example": "write to …",
    "(evil.example:8443/login)": "…",
    "http://2130706433/ or http://[::1]/": "… or …",
    "call 192.0.2.1/login": "call …",
    "javascript://x": "…",
    "evil\uff0eexample or evil\u3002example": "… or …",
    "https\uff1a\uff0f\uff0fevil": "…",
    "\u0939\u093f\u0928\u094d\u0926\u0940.\u092d\u093e\u0930\u0924": "…",
    "evil.xn--p1ai": "…",
    "two\nlines\tand\u200b more": "two lines and more",
    "evil.\u200bexample": "evil. example",
}
NAMES = (
    "Bureau",
    "St. Gallen e.V.",
    "J.R.R. Tolkien & Co., Ltd.",
    "Version 2.0",
    "A/B: testing",
    "Ada (she/her)",
    "Wait...",
    "Dr. M. Müller",
)


def test_an_address_in_a_name_is_left_out() -> None:
    for name, told in LED_AWAY.items():
        assert plain(name) == told
    assert len(plain("a" * 500)) == LONGEST + 1


def test_names_stay_as_they_are() -> None:
    for name in NAMES:
        assert plain(name) == name


async def test_an_invitation_leads_nowhere_but_here(town: Town) -> None:
    key, owner, email = await town.service.key(), await member(town), town.somebody()
    at = f"/v1/organizations/{owner.organization}"
    etag = (await town.service.ask("GET", at, key=key)).header("etag") or ""
    named = {"name": "URGENT: verify at https://evil.example/login now"}
    renamed = await town.service.ask("PATCH", at, named, key=key, headers=[("If-Match", etag)])
    assert renamed.status == 200, renamed.body
    assert (await invite(town, key, owner.organization, email)).status == 201
    text = (await town.mail(email)).text
    assert "evil" not in text
    assert "URGENT: verify at … now" in text
    assert text.count("://") == text.count(town.base_url) == 2
