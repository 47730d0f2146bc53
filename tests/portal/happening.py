"""What shows in the sandbox console by itself: what test_console.py goes through in one visit."""

import re

from tests.portal.browser import Tab
from tests.portal.keyboard import Person

ROWS = "[...document.querySelectorAll('sandbox-world td time')].map(time => Date.parse(time.dateTime))"
NOW = "document.querySelector('sandbox-console').bench.now()"
CURRENT = "sessionStorage.getItem('engage.sandbox')"
WEEK, HOUR = 604_800_000, 3_600_000  # milliseconds


def what_others_do_is_seen(person: Person) -> None:
    person.tab.run("""(order => { order.value = "new"; order.dispatchEvent(new Event("change")) })(
        document.getElementById("console-order"))""")
    person.asks("POST", "/cases", '{"type": "permit", "title": "Made elsewhere"}')
    person.until("Made elsewhere", "sandbox-log")
    person.until("Made elsewhere", "sandbox-world table")
    person.press("Webhooks")
    person.press("Add the endpoint")
    person.asks("POST", "/cases", '{"type": "permit", "title": "Posted"}')
    person.until("engage.case.created.v1", "sandbox-webhooks table")


def what_is_due_goes_by_the_clock(person: Person) -> None:
    """After an advance, and while it runs faster than ours."""
    tab = person.tab
    tab.run("document.getElementById('console-order').value = 'next'")
    person.press("Look around")
    tab.until(f"({ROWS})[0] > {NOW} && ({ROWS})[0] < {NOW} + {WEEK}")
    person.press("Scenarios")
    person.press("Start", beside="The angry customer")
    person.press("+ 7 days")
    person.press("Webhooks")  # the endpoint has taken nothing for five days
    person.until("not even what is pending, until your program enables it again.", "sandbox-webhooks")
    person.press("Look around")
    tab.until(f"({ROWS}).length > 0 && ({ROWS}).every(time => time >= {NOW})")
    a_run_has_one_line(person)
    on_a_phone_the_log_scrolls_inside(tab)
    tab.run(f"""window.begun = {NOW}, document.querySelector("sandbox-clock select").value = "3600",
        new MutationObserver(() => {{ window.drawn = {NOW} }}).observe(
            document.querySelector("sandbox-world"), {{childList: true, subtree: true}})""")
    person.press("Change the pace")
    tab.until(f"window.drawn > window.begun + {HOUR}")
    person.press("Freeze")


def a_run_has_one_line(person: Person) -> None:
    """It says after each step that it goes on: in the live log and in what an advance brought about."""
    for place in ("sandbox-log", ".console-because"):
        lines = f"[...document.querySelectorAll({place + ' li'!r})].map(line => line.innerText)"
        runs = [line for line in person.tab.run(lines) if "Scenario run updated" in line]
        assert len(runs) == 1, place
        assert re.search(r"angry-customer, \d+ times", runs[0])


def on_a_phone_the_log_scrolls_inside(tab: Tab) -> None:
    log = "document.querySelector('sandbox-log [role=region][aria-label]')"
    tab.look(390, 844, phone=True)
    try:
        assert tab.run(f"{log}.clientHeight <= innerHeight / 2")
        tab.run(f"{log}.focus()")
        tab.press("End", code=35)
        tab.until(f"{log}.scrollTop > 0")
    finally:
        tab.look(1280, 900)


def faults_are_told_of_everywhere(person: Person) -> None:
    person.press("Faults")
    person.press("Try it", beside="drop=after-commit")
    person.until("The connection ended without a whole answer", "sandbox-faults")
    person.until("The answer is 201, the one that was lost: the case was made once.", "sandbox-faults")
    person.press("Switch on", beside="status=503")
    person.until("status=503", "sandbox-trouble")
    person.press("Look around")
    person.until("what you see may be old", "sandbox-world")
    person.press("Switch faults off")
    person.until("all is well again", "sandbox-trouble")
    person.tab.until("!document.querySelector('sandbox-world').innerText.includes('may be old')")
    assert "status=503" not in person.tab.run("document.querySelector('sandbox-trouble').innerText")


def a_key_that_was_revoked_is_told_of(person: Person) -> None:
    person.press("Faults")
    person.press("Try it", beside="revoke")
    person.until("A fault has revoked your key", "sandbox-trouble")
    person.press("Switch faults off")
    person.asks("POST", "/cases", '{"type": "permit", "title": "Let in again"}')
    person.until("Let in again", "sandbox-log")


def a_key_opens_its_own_sandbox(person: Person, base: str) -> None:
    """Whatever else it manages; and where nothing tells two apart, it asks which one it is, and looks whether it is."""
    own = person.tab.run(CURRENT)
    person.asks("POST", "/sandboxes", '{"name": "Weekend", "size": "empty"}')
    bring(person, base)
    person.tab.until("document.querySelector('sandbox-world table') !== null")
    assert person.tab.run(CURRENT) == own
    copy = person.asks("POST", f"/sandboxes/{own}/forks", '{"name": "Copy"}')["id"]
    bring(person, base)
    person.until("Which one was it made in?")
    assert "Weekend" not in person.reads()
    person.asks("POST", "/cases", '{"type": "permit", "title": "Now they differ"}')
    person.press(f"Copy · {copy}")
    person.until("This key was not made in “Copy”")


def bring(person: Person, base: str) -> None:
    person.tab.run("sessionStorage.clear()")
    person.tab.open(f"{base}/console/")
    person.tab.until("document.getElementById('console-own-key') !== null")
    person.tab.run("document.getElementById('console-own-key').focus()")
    person.tab.send("Input.insertText", text=f'export KEY="{person.key}" ')  # as it was copied, and quoted
    person.press("Open the sandbox")
