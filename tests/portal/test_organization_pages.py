"""From nothing to the first 200 in Chromium, with the keyboard alone; and the pages of organizations, judged."""

import os
import subprocess
import time

import httpx
import pytest

from tests.accounts.browsing import PASSWORD
from tests.portal.conftest import ENGAGE, Service
from tests.portal.judged import Judged

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("people")]  # one browser for all

FIRST, SECOND = "mary@example.org", "joan@example.org"
LONG = "GrowersOfHouten" * 6  # a name without a place to break it must not make a page scroll sideways
MINUTE = 60.0  # seconds, without the time that the judges take


def sign_up(judged: Judged, name: str, email: str) -> None:
    judged.judges = False
    judged.open("/account/sign-up")
    judged.fill(name=name, email=email, password=PASSWORD)
    judged.open(judged.link("/account/confirm"))
    judged.fill(password=PASSWORD)
    judged.says("Organizations")


def shown(judged: Judged) -> str:
    secret: str = judged.tab.run("document.querySelector('pre').innerText")
    return secret


def test_from_nothing_to_the_first_200_in_a_minute(judged: Judged) -> None:
    begun = time.monotonic()
    sign_up(judged, "Ida Rhodes", "ida@example.org")
    judged.follow("Start an organization")
    judged.fill(name="Bakers of Utrecht")
    judged.follow("Make an application")
    judged.tick("scope-1")
    judged.fill(name="Planner")
    judged.fill(name="First")
    judged.says("it is shown this once")
    headers = {"Authorization": f"Bearer {shown(judged)}"}
    assert httpx.get(f"{judged.base}/v1/customers", headers=headers, trust_env=False).status_code == 200
    assert time.monotonic() - begun < MINUTE


def test_the_pages_of_an_organization_shut_nobody_out(judged: Judged) -> None:
    sign_up(judged, "Mary Keller", FIRST)
    judged.judges = True
    judged.follow("Start an organization")
    judged.fill(name=" ")
    judged.says("more in it than blanks")
    judged.fill(name="Bakers of Utrecht")
    judged.says("Pending")
    judged.press("Leave")
    judged.says("Leave Bakers of Utrecht?")
    judged.press("Leave")
    judged.says("Make somebody else an owner first")
    judged.follow("Back to Bakers of Utrecht")
    judged.fill(email=SECOND)
    judged.says("The invitation is on its way")
    make_an_application(judged)
    judged.judges = False
    judged.open("/account")
    judged.press("Sign out")
    sign_up(judged, "Joan Clarke", SECOND)
    judged.judges = True
    accept(judged)
    judged.judges = False
    judged.open("/account")
    judged.press("Sign out")
    judged.fill(email=FIRST, password=PASSWORD)
    judged.judges = True
    judged.follow("Bakers of Utrecht")
    judged.press("Remove")
    judged.says("Remove Joan Clarke?")
    judged.press("Remove")
    judged.says("They are no member any more")
    judged.open("/account/deletion")
    judged.fill(password=PASSWORD)
    judged.says("Bakers of Utrecht has no other owner")


def make_an_application(judged: Judged) -> None:
    judged.follow("Make an application")
    judged.tick("scope-1")
    judged.fill(redirectUris="http://app.example.org/signed-in", name="Planner")
    judged.says("Line 1: ")
    judged.fill(redirectUris="https://app.example.org/signed-in", name="Planner")
    judged.says("Sandbox only")
    judged.follow("Change it")
    judged.fill(name="Planner of loaves")
    judged.says("The application is changed")
    judged.fill(name="First")
    judged.says("it is shown this once")
    judged.follow("I have copied it: back to Planner of loaves")
    judged.says("Not used yet")
    judged.press("Make a test secret")
    judged.says("oauth/token")


def accept(judged: Judged) -> None:
    judged.open("/account")
    judged.says("invites you to Bakers of Utrecht")
    judged.follow("Look at the invitation")
    judged.press("Accept")
    judged.says("You are a member now")
    judged.says("developer: applications")
    judged.open("/account/invitations/inv_none")
    judged.says("No invitation for you")


def test_the_operator_lets_somebody_in(judged: Judged, module_service: Service) -> None:
    command = [str(ENGAGE), "admin", "create-owner", "operator@example.org", "--password-stdin"]
    environment = os.environ | {"ENGAGE_DATA_DIR": str(module_service.folder / "var")}
    subprocess.run(command, input=PASSWORD, env=environment, text=True, check=True, capture_output=True)
    judged.judges = False
    judged.open("/account/sign-in")
    judged.fill(email="operator@example.org", password=PASSWORD)
    judged.follow("Start an organization")
    judged.judges = True
    judged.fill(name=LONG)
    judged.judges = False
    judged.open("/account")
    judged.judges = True
    judged.follow("Operator")
    judged.says(LONG)
    judged.press("Approve")
    judged.says("The organization is approved")
