"""Receivers that fail are asked seldom, however fast the time of a sandbox goes."""

import json

import pytest

from engage_api.events.webhooks import restraint
from engage_api.events.webhooks.restraint import IN_VAIN, NO_ANSWER, Brake, Patience


def asked(patience: Patience, attempts: int, *, taken: bool = False, late: bool = False) -> list[int]:
    """Which of so many attempts are made."""
    made = []
    for number in range(1, attempts + 1):
        if patience.refusal("end_1"):
            patience.unasked("end_1")
        else:
            patience.asked("end_1", taken=taken, late=late)
            made.append(number)
    return made


def test_who_fails_is_asked_ever_more_seldom_and_who_is_late_no_more() -> None:
    patience = Patience({})
    assert asked(patience, 100) == [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64]
    assert patience.refusal("end_1") == IN_VAIN
    assert patience.refusal("end_2") is None
    on = Patience(json.loads(json.dumps(patience.kept)))
    assert asked(on, 100) == [28], "the 128th: another job goes on where the one before was"
    assert asked(Patience({"end_1": (0, 15)}), 10, taken=True) == list(range(1, 11)), "it is well again"
    late = Patience({})
    assert asked(late, 10, taken=True, late=True) == [1, 2, 3]
    assert late.refusal("end_1") == NO_ANSWER


def test_a_host_that_only_fails_is_asked_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(restraint, "monotonic", lambda: now[0])
    monkeypatch.setattr(restraint, "MOST", 2)
    brake, here = Brake(), ("sbx_1", "org_1", "https://receiver.invalid/hook")

    def fails(number: int, organization: str = "org_1", url: str = "https://receiver.invalid/other") -> None:
        for _ in range(number):
            brake.note("sbx_1", organization, url, taken=False)

    fails(restraint.FREE - 1)
    assert [brake.turn(*here) for _ in range(3)] == [0.0] * 3
    fails(1)
    assert [brake.turn(*here) for _ in range(2)] == [0.0, restraint.GAP]
    assert brake.turn("sbx_3", "org_1", "https://RECEIVER.invalid:443/more") == restraint.GAP, "the same host"
    assert brake.turn("sbx_2", "org_2", here[2]) == 0.0
    assert brake.turn("sbx_1", "org_1", "https://another.invalid/") == 0.0
    now[0] += restraint.GAP
    assert [brake.turn(*here) for _ in range(2)] == [0.0, restraint.GAP]
    brake.note(*here, taken=True)
    assert [brake.turn(*here) for _ in range(2)] == [0.0] * 2
    fails(restraint.FREE)
    fails(1, "org_2")
    fails(1, "org_3")
    assert [brake.turn(*here) for _ in range(2)] == [0.0] * 2, "of many, the one that has rested longest is forgotten"


def test_who_takes_everything_is_not_posted_to_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(restraint, "monotonic", lambda: now[0])
    monkeypatch.setattr(restraint, "POSTS", 3)
    monkeypatch.setattr(restraint, "MOST", 6)
    brake, host = Brake(), "https://receiver.invalid/hook"

    def turns(number: int, sandbox: str, organization: str = "org_1", url: str = host) -> list[bool]:
        found = []
        for _ in range(number):
            found.append(brake.turn(sandbox, organization, url) == 0.0)
            brake.note(sandbox, organization, url, taken=True)
        return found

    assert turns(5, "sbx_1") == [True] * 3 + [False] * 2
    assert 0 < brake.turn("sbx_1", "org_1", host) <= restraint.EACH
    assert turns(1, "sbx_1", url="https://another.invalid/") == [False], "the sandbox has posted enough"
    assert turns(1, "sbx_2") == [False], "the host has had enough of this organization"
    assert turns(4, "sbx_2", url="https://another.invalid/") == [True] * 3 + [False]
    assert turns(1, "sbx_3", "org_2") == [True]
    for number in range(20):
        turns(1, f"sbx_other_{number}", f"org_{number + 5}", f"https://h{number}.invalid/")
    assert turns(1, "sbx_1") == [False], "many others make nobody forget it"
    now[0] += restraint.EACH
    assert turns(2, "sbx_1") == [True, False], "then one more after each pause"
    now[0] += 10
    assert turns(4, "sbx_1") == [True] * 3 + [False]


def test_a_guest_stands_for_themselves_and_a_host_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restraint, "monotonic", lambda: 100.0)
    monkeypatch.setattr(restraint, "POSTS", 2)
    brake, guests, host = Brake(), "org_guests", "https://receiver.invalid/hook"
    for _ in range(restraint.FREE):
        brake.note("sbx_1", guests, host, taken=False)
    assert [brake.turn("sbx_1", guests, host) == 0.0 for _ in range(2)] == [True, False], "it fails"
    made = [brake.turn(f"sbx_{box}", guests, host) == 0.0 for box in range(2, 15) for _ in range(3)]
    assert made[:6] == [True, True, False] * 2, "for the others it is another's"
    assert restraint.GUESTS < sum(made) <= 2 * restraint.GUESTS, "and all together do not post to it without end"
    assert brake.turn("sbx_9", "org_1", host) == 0.0
