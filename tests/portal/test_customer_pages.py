"""Somebody says that they are a customer, in Chromium, with the keyboard alone; every page of it judged."""

import httpx
import pytest

from tests.portal.conftest import Service
from tests.portal.judged import Judged
from tests.portal.test_organization_pages import sign_up

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("people")]  # one browser for all

EMAIL = "hedy@example.org"


def invite(service: Service) -> None:
    """The demo's application asks whether this is its customer."""
    headers = {"Authorization": f"Bearer {service.key}"}
    with httpx.Client(base_url=f"{service.base}/v1", headers=headers, trust_env=False) as api:
        made = api.post("/customers", json={"kind": "person", "displayName": "Hedy Lamarr"}).json()
        asked = api.post(f"/customers/{made['id']}/account-links", json={"email": EMAIL})
        assert asked.status_code == 201, asked.text


def test_somebody_says_that_they_are_a_customer_and_ends_it(judged: Judged, module_service: Service) -> None:
    sign_up(judged, "Hedy Lamarr", EMAIL)
    judged.judges = True
    judged.open("/account/customers")
    judged.says("Nobody has linked your account")
    invite(module_service)
    judged.open("/account/customers")
    judged.says("Asks through Demo")
    judged.press("Yes")
    judged.says("You are linked now")
    judged.says("You are a customer with this account since")
    judged.press("End this")
    judged.says("It has ended")
