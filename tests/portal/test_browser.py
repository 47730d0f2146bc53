"""The portal in Chromium, with no way out of this machine: what it asks for, whom it shuts out, what its buttons do."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.portal.browser import JUDGE, Tab
from tests.portal.conftest import Service
from tests.portal.pages import pages

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("portal")]  # one browser for all

EXPLORER = "/reference/"
KINDS_OF_PAGE = ["/", "/quickstart/", "/problems/invalid-request/", "/operations/", "/errors/", EXPLORER, "/404.html"]
TAB, ENTER, RIGHT = 9, 13, 39
FEW = 2  # pages of one template
SETTLED = 10  # seconds in which what a script draws gets its names


def visit(tab: Tab, service: Service, place: str) -> None:
    """Open a page and wait until the explorer, which is drawn by a script, is there."""
    tab.open(service.base + place)
    if place == EXPLORER:
        tab.until("document.body.innerText.includes('Bearer Token')")
        tab.until("document.querySelectorAll('#explorer a[href]:not([aria-label])').length > 0")


def judged(tab: Tab, axe: str, service: Service, places: list[str]) -> dict[str, Any]:
    """Per page what is wrong with it: asked elsewhere, not loaded, shut out."""
    wrong = {}
    for place in places:
        visit(tab, service, place)
        elsewhere = [u for u in tab.asked() if not u.startswith((f"{service.base}/", "data:", "blob:"))]
        trouble = tab.trouble()
        tab.run(axe)
        if found := elsewhere + trouble + barriers(tab, drawn=place == EXPLORER):
            wrong[place] = found
    return wrong


def barriers(tab: Tab, *, drawn: bool) -> list[str]:
    """What shuts people out of the page that is open. What is still being drawn gets its names a moment later."""
    patience = time.monotonic() + SETTLED
    while (found := tab.run(JUDGE)) and drawn and time.monotonic() < patience:
        time.sleep(0.5)
    return list(found)


def unlike(places: Iterable[str]) -> Iterator[str]:
    """All places but, where many were made from one template, the first few."""
    seen: Counter[str] = Counter()
    for place in places:
        folder = place.rstrip("/").rpartition("/")[0]
        seen[folder] += 1
        if not folder or seen[folder] <= FEW:
            yield place


def test_every_page_stays_at_home_loads_and_shuts_nobody_out(tab: Tab, axe: str, module_service: Service) -> None:
    places = list(unlike(one.where for one in pages()))
    assert len(places) > 25
    assert judged(tab, axe, module_service, places) == {}


@pytest.mark.parametrize(("dark", "phone"), [(True, False), (False, True)], ids=["dark", "phone"])
def test_so_does_every_kind_of_page_in_other_looks(
    tab: Tab, axe: str, module_service: Service, dark: bool, phone: bool
) -> None:
    tab.look(*((390, 844) if phone else (1280, 900)), dark=dark, phone=phone)
    try:
        assert judged(tab, axe, module_service, KINDS_OF_PAGE) == {}
        assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    finally:
        tab.look(1280, 900)


def test_a_planted_outsider_a_planted_script_and_a_planted_barrier_are_found(
    tab: Tab, axe: str, module_service: Service
) -> None:
    visit(tab, module_service, "/")
    tab.run("""document.body.insertAdjacentHTML("beforeend", '<img src="http://outside.example.org/x.png">');
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script)""")
    tab.until("document.images.length && [...document.images].every(image => image.complete)")
    assert any("outside.example.org" in url for url in tab.asked()) or tab.trouble()
    assert any("script" in text for text in tab.trouble())
    assert tab.run("window.ran") is None
    tab.run(axe)
    assert any(found.startswith("image-alt") for found in tab.run(JUDGE))


def test_the_keyboard_begins_with_a_way_past_the_navigation(tab: Tab, module_service: Service) -> None:
    visit(tab, module_service, "/quickstart/")
    tab.press("Tab", code=TAB)
    assert tab.run("document.activeElement.classList.contains('md-skip')")
    assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.press("Tab", code=TAB)
    assert tab.run("document.activeElement.closest('header') !== null")


def test_search_finds_pages_without_asking_anybody(tab: Tab, module_service: Service) -> None:
    visit(tab, module_service, "/")
    tab.run("document.querySelector('.md-search__input').focus()")
    tab.send("Input.insertText", text="cursor")
    tab.until("document.querySelectorAll('.md-search-result__item').length > 1")
    assert tab.run("[...document.querySelectorAll('.md-search-result__item a')].some(a => a.href.includes('/lists/'))")
    assert all(url.startswith(module_service.base) for url in tab.asked() if not url.startswith(("data:", "blob:")))


def test_examples_name_this_address_and_can_be_copied(tab: Tab, module_service: Service) -> None:
    visit(tab, module_service, "/quickstart/")
    shown = tab.run("document.querySelector('main').innerText")
    assert f"{module_service.base}/v1/customers" in shown
    assert "127.0.0.1:8000" not in shown
    tab.run("navigator.clipboard.writeText = async (text) => { window.copied = text }")
    tab.run("document.querySelectorAll('.portal-copy')[2].click()")
    tab.until("window.copied !== undefined")
    assert re.match(r'curl -s -H "Authorization: Bearer \$KEY" \\\n  "http://127', tab.run("window.copied"))
    assert tab.run("document.querySelectorAll('.portal-copy')[2].innerText") == "Copied"


def test_colours_follow_the_choice_and_are_remembered(tab: Tab, module_service: Service) -> None:
    visit(tab, module_service, "/")
    scheme = "document.body.getAttribute('data-md-color-scheme')"
    assert tab.run(scheme) == "default"
    for _ in range(2):
        tab.run("[...document.querySelectorAll('.md-header__option label')].find(l => !l.hidden).click()")
    assert tab.run(scheme) == "slate"
    visit(tab, module_service, "/limits/")
    assert tab.run(scheme) == "slate"
    tab.run("localStorage.clear()")


def test_on_a_phone_the_pages_open_and_close(tab: Tab, module_service: Service) -> None:
    tab.look(390, 844, phone=True)
    try:
        visit(tab, module_service, "/limits/")
        hidden = "getComputedStyle(document.querySelector('.md-sidebar--primary')).visibility"
        assert tab.run(hidden) == "hidden"
        tab.run("document.querySelector('[data-opens=__drawer]').click()")
        tab.until(f"{hidden} === 'visible'")
        assert tab.run("document.querySelector('[data-opens=__drawer]').getAttribute('aria-expanded')") == "true"
    finally:
        tab.look(1280, 900)


def test_on_a_phone_a_wide_table_is_scrolled_with_the_keyboard(tab: Tab, module_service: Service) -> None:
    tab.look(390, 844, phone=True)
    try:
        visit(tab, module_service, "/credentials/")
        tab.until("document.querySelector('.portal-table .md-typeset__table') !== null")
        tab.run("document.querySelector('.portal-table').focus()")
        tab.press("ArrowRight", code=RIGHT)
        tab.until("document.activeElement.scrollLeft > 0")
        tab.look(1280, 900)
        tab.until("document.querySelector('.portal-table').tabIndex === -1")  # nothing to scroll: no stop on the way
    finally:
        tab.look(1280, 900)


def test_the_explorer_sends_requests_to_this_service_alone(tab: Tab, module_service: Service) -> None:
    press = "[...document.querySelectorAll('button')].find(b => b.innerText.trim().startsWith('{}')).click()"
    visit(tab, module_service, EXPLORER)
    tab.run("[...document.querySelectorAll('input')].find(input => input.placeholder === 'Token').focus()")
    tab.send("Input.insertText", text=module_service.key)
    tab.until("[...document.querySelectorAll('button')].some(b => b.innerText.includes('(post /customers)'))")
    tab.run(press.format("Test Request"))
    tab.until("[...document.querySelectorAll('button')].some(b => b.innerText.trim().startsWith('Send'))")
    tab.run(press.format("Send"))
    tab.until("document.body.innerText.includes('201 Created')")
    assert f"{module_service.base}/v1/customers" in tab.asked()
    assert all(url.startswith((module_service.base, "data:", "blob:")) for url in tab.asked())
