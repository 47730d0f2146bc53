"""Somebody allows an application to act for them and takes it back, in Chromium, with the keyboard alone."""

import re
from urllib.parse import urlencode

import pytest

from tests.oauth.programs import pkce
from tests.portal.judged import Judged
from tests.portal.test_organization_pages import sign_up

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("people")]  # one browser for all


def request(judged: Judged) -> str:
    """Where the test client of a new application leads a browser, which comes back to a page here."""
    sign_up(judged, "Evelyn Boyd", "evelyn@example.org")
    judged.follow("Start an organization")
    judged.fill(name="Locks of Utrecht")
    judged.follow("Make an application")
    judged.tick("scope-1")
    judged.fill(redirectUris="http://127.0.0.1/problems/not-found/", name="Planner of locks")
    found = re.search(r"app_\w+\.test", judged.tab.run("document.body.innerText"))
    assert found
    asked = {
        "response_type": "code",
        "client_id": found[0],
        "redirect_uri": f"{judged.base}/problems/not-found/",
        "state": "s",
        "code_challenge": pkce()[1],
        "code_challenge_method": "S256",
    }
    return f"/oauth/authorize?{urlencode(asked)}"


def is_led_back(judged: Judged) -> None:
    back = f"{judged.base}/problems/not-found/?code=eng_test_code_"
    judged.tab.wait(
        lambda event: event.get("method") == "Page.frameNavigated" and event["params"]["frame"]["url"].startswith(back)
    )


def test_a_program_is_allowed_and_ended_with_the_keyboard_alone(judged: Judged) -> None:
    wish = request(judged)
    judged.judges = True
    judged.open("/account/permissions")
    judged.says("No application may act for you.")
    judged.open("/oauth/authorize?client_id=x")
    judged.says("This link does not work")
    judged.open(wish)
    judged.says("Planner of locks")
    judged.says("a program on this device")
    judged.judges = False
    judged.press("Allow")
    is_led_back(judged)  # no policy of ours holds the browser up
    judged.open(wish)
    is_led_back(judged)  # at once: who has agreed is not asked again
    judged.judges = True
    judged.open("/account/permissions")
    judged.says("Planner of locks")
    judged.press("End this")
    judged.says("It may not act for you any more.")
