"""A device is let in, in Chromium, with the keyboard alone; every page of it judged."""

import re

import httpx
import pytest

from tests.portal.judged import Judged
from tests.portal.test_organization_pages import sign_up

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("people")]  # one browser for all

BEGIN = "/oauth/device_authorization"


def client_id(judged: Judged) -> str:
    """The test client of a new public application of a new organization."""
    sign_up(judged, "Radia Perlman", "radia@example.org")
    judged.follow("Start an organization")
    judged.fill(name="Bridges of Utrecht")
    judged.follow("Make an application")
    judged.tick("scope-1")
    judged.tick("public")
    judged.fill(name="Planner for the terminal")
    found = re.search(r"app_\w+\.test", judged.tab.run("document.body.innerText"))
    assert found
    return found[0]


def test_a_device_is_let_in_with_the_keyboard_alone(judged: Judged) -> None:
    who = client_id(judged)
    for decision, told in (("Allow", "The device is let in"), ("Do not allow", "The device is not let in")):
        judged.judges = decision == "Allow"
        began = httpx.post(f"{judged.base}{BEGIN}", data={"client_id": who}, trust_env=False).json()
        judged.open("/device")
        if judged.judges:
            judged.fill(code="BBBB-BBBB")
            judged.says("No device shows this code now")
        judged.fill(code=began["user_code"].lower())
        judged.says("Planner for the terminal")
        judged.says(began["user_code"])
        judged.press(decision)
        judged.says(told)
