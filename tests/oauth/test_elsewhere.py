"""Who agreed once is asked again before they are led to an address that they have not been led to."""

from tests.accounts.browsing import Town, is_page
from tests.members import people
from tests.oauth import programs
from tests.oauth.programs import BACK, led_back, said

ELSEWHERE = "https://elsewhere.example/cb"


async def test_a_redirect_uri_that_came_later_is_shown_first(town: Town) -> None:
    """Somebody may have registered it since: that it is registered does not mean that people know it."""
    program = await programs.make(town, uris=(BACK, ELSEWHERE))
    ada = await people.member(town, "owner", program.organization)
    await program.allowed(ada.browser)
    assert led_back(await ada.browser.get(program.path()))["code"]
    page = await ada.browser.get(program.path(redirect_uri=ELSEWHERE))
    is_page(page, 200)
    assert "elsewhere.example" in page.text
    assert led_back(await said(ada.browser, page, "allow"), ELSEWHERE)["code"]
    assert led_back(await ada.browser.get(program.path(redirect_uri=ELSEWHERE)), ELSEWHERE)["code"]
