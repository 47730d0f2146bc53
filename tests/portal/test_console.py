"""The sandbox console: from the start page to a broken due date, in Chromium; and what its sources must not do."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal import happening
from tests.portal.browser import JUDGE, Tab
from tests.portal.conftest import Service
from tests.portal.keyboard import FIND, Person
from tests.portal.pages import page

CONSOLE = Path(__file__).parents[2] / "portal" / "theme" / "assets" / "console"
LOOKS = {
    "light": (1280, 900, False, False),
    "dark": (1280, 900, True, False),
    "narrow": (320, 800, False, True),
    "phone": (375, 812, False, True),
}
PANELS = ("Scenarios", "Faults", "Webhooks", "Reset and copies", "Calls", "Look around")
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|localStorage|\beval\b|new Function|https?://"
)
EXAMPLES = re.compile("https://hooks.example.org|http://localhost:3000")
KEY = re.compile(r"export KEY=(eng_test_key_[0-9A-Za-z]{36})")


def sources() -> Iterator[Path]:
    yield from sorted(CONSOLE.glob("*.js"))


def offences(text: str) -> list[str]:
    return MARKUP.findall(EXAMPLES.sub("", text))


def test_what_a_sandbox_holds_cannot_become_markup_and_a_key_is_kept_by_the_tab_alone() -> None:
    assert len(list(sources())) > 10
    assert {path.name: offences(path.read_text(encoding="utf-8")) for path in sources()} == {
        path.name: [] for path in sources()
    }
    assert offences("box.innerHTML = name") == ["innerHTML"]
    assert offences("fetch('https://elsewhere.example')") == ["https://"]


def test_its_sources_are_short() -> None:
    assert {path.name for path in sources() if len(path.read_text(encoding="utf-8").splitlines()) > 250} == set()


def test_the_start_page_leads_to_it_at_once() -> None:
    assert "console/" in page("/").links
    assert any("console.js" in place for place in page("/console/").loads)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.xdist_group("portal")  # one browser for all
def test_from_the_start_page_to_a_broken_due_date(tab: Tab, axe: str, module_service: Service) -> None:
    """One visit for all of it, because each takes its time."""
    person = Person(tab)
    tab.open(f"{module_service.base}/")
    person.press("Try it in a sandbox")
    tab.until("location.pathname === '/console/'")
    person.press("Make a sandbox")
    tab.until("document.querySelector('sandbox-world table') !== null")
    the_key_is_shown_once(person)
    person.press("To the next due moment")
    said = tab.run("document.querySelector('sandbox-clock [role=status]').innerText")
    assert re.search(r"What happened because of it: .*(overdue|expired)", said), said
    tab.until("document.querySelector('sandbox-log .console-event--late') !== null")
    every_panel_shuts_nobody_out(person, axe)
    any_event_can_be_sent(person)
    who_goes_back_leaves_nothing_behind(person)
    who_leaves_a_copy_loses_no_other_key(person)
    words_are_those_of_a_calendar(tab)
    elsewhere = [url for url in tab.asked() if not url.startswith((f"{module_service.base}/", "data:"))]
    assert elsewhere + tab.trouble() == []


def the_key_is_shown_once(person: Person) -> None:
    found = KEY.search(person.reads())
    assert found is not None
    person.press("I have copied it")
    assert found[1] not in person.tab.run("document.documentElement.outerHTML")
    assert found[1] in person.tab.run("JSON.stringify(sessionStorage)")
    assert found[1] not in person.tab.run("JSON.stringify(localStorage) + document.cookie + location")


def any_event_can_be_sent(person: Person) -> None:
    tab, members = person.tab, "document.querySelector('sandbox-scenarios textarea')"
    person.press("Scenarios")
    tab.run("document.querySelector('[list=console-types]').focus()")
    tab.until("document.querySelectorAll('#console-types option').length > 80")
    tab.run(f"{members}.value = '{{'")
    person.press("Send the event")
    assert "The members are not JSON" in person.reads()
    tab.run(f"""{members}.value = '{{"title": "Simulated"}}'""")
    person.press("Send the event")
    assert "The event is in the log" in person.reads()
    tab.until("document.querySelector('sandbox-log').innerText.includes('Simulated')")


def who_goes_back_leaves_nothing_behind(person: Person) -> None:
    """What was shown before waits for nothing any more: that would be an exception, which the tab tells of."""
    person.press("Webhooks")
    person.press("Reset and copies")
    person.press("Take a snapshot")
    restore = f"({FIND})('Restore Snapshot')"
    person.tab.until(f"{restore} !== undefined")
    person.tab.run(f"{restore}.click()")
    person.press("Restore it")
    person.tab.until("document.querySelector('sandbox-world table') !== null")
    assert "The sandbox is as it was at “Snapshot”." in person.reads()


def who_leaves_a_copy_loses_no_other_key(person: Person) -> None:
    """Its key stays in sight while other things are done, and leaving one sandbox forgets one key, when asked."""
    person.press("Reset and copies")
    person.press("Fork it")
    person.press("Take a snapshot")
    assert KEY.search(person.reads()) is not None
    assert person.tab.run("document.querySelectorAll('#console-chosen option').length") == 2
    person.press("Go to it")
    person.tab.until("document.querySelector('sandbox-world table') !== null")
    assert KEY.search(person.reads()) is None
    person.press("Leave it")
    person.tab.until("document.querySelector('dialog[open]') !== null")
    person.press("Leave it and forget the key")
    person.tab.until("document.querySelector('main').innerText.includes('This tab has forgotten the key of')")
    assert len(person.tab.run("JSON.parse(sessionStorage.getItem('engage.sandboxes'))")) == 1
    person.tab.until("document.querySelector('sandbox-world table') !== null")


def words_are_those_of_a_calendar(tab: Tab) -> None:
    def words(call: str) -> str:
        said: str = tab.run(f"import('/assets/console/words.js').then(({{from, summary}}) => {call})")
        return said

    assert words("from('2026-11-24T17:00:00Z', '2026-11-22T18:49:00Z')") == "in 2 days"
    assert words("from('2026-11-23T19:00:00Z', '2026-11-22T18:49:00Z')") == "tomorrow"
    signal, step = "{type: 'x.org_guests.contact.complained'}", "{type: 'engage.scenario-run.updated.v1'}"
    assert words(f"summary([{signal}, {step}, {signal}])") == "2 signals contact complained"


def every_panel_shuts_nobody_out(person: Person, axe: str) -> None:
    tab = person.tab
    tab.run(axe)
    for panel in PANELS:
        person.press(panel)
        assert tab.run("document.activeElement.getAttribute('aria-selected')") == "true"
        assert "undefined" not in tab.run("document.querySelector('[role=tabpanel]:not([hidden])').innerText")
        assert tab.run(JUDGE) == [], panel
    for name, (width, height, dark, phone) in LOOKS.items():
        tab.look(width, height, dark=dark, phone=phone)
        assert tab.run(JUDGE) == [], name
        assert tab.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    tab.look(1280, 900)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.xdist_group("portal")  # one browser for all
def test_what_happens_shows_by_itself(tab: Tab, module_service: Service) -> None:
    """One visit for all of it, as above. Each of these was silently old, or went wrong and said nothing."""
    person = Person(tab)
    tab.open(f"{module_service.base}/console/")
    tab.run("sessionStorage.clear()")
    tab.open(f"{module_service.base}/console/")
    tab.until("document.querySelector('.console-doors > section > :last-child')?.innerText === 'Make a sandbox'")
    person.press("Make a sandbox")
    tab.until("document.querySelector('sandbox-world table') !== null")
    person.key = tab.run("JSON.parse(sessionStorage.getItem('engage.sandboxes'))[0].key")
    happening.what_others_do_is_seen(person)
    happening.what_is_due_goes_by_the_clock(person)
    happening.faults_are_told_of_everywhere(person)
    happening.a_key_that_was_revoked_is_told_of(person)
    happening.a_key_opens_its_own_sandbox(person, module_service.base)
